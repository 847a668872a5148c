"""How deep the keys of a TOML text are nested, found without parsing it.

The standard library's parser takes time and memory with the square of a dotted key's parts: 64 KiB
of `a.a.a…` keep it busy for a minute. So a text that an agent wrote is looked at first.
"""

import re
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      (?P<text> \"{3} (?: \\. | [^\\] )*? \"{3,5} | '{3} .*? '{3,5} )
    | (?P<comment> \# [^\n]* )
    | (?P<part> [A-Za-z0-9_-]+ | " (?: \\. | [^"\\\n] )* " | ' [^'\n]* ' )
    | (?P<dot> \. )
    | (?P<space> [ \t]+ )
    | (?P<stray> ["'] )
    | (?P<other> [^A-Za-z0-9_\-"'.# \t]+ )
    """,
    re.VERBOSE | re.DOTALL,
)


def longest_key(text: str, enough: int) -> int:
    """The parts of the longest dotted key in `text`; where it has `enough`, no more are counted.

    After a string that does not end nothing is looked at: no parser gets past it.
    """
    longest = parts = 0
    dotted = False
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "part":
                parts = parts + 1 if dotted else 1
                dotted = False
                longest = max(longest, parts)
                if longest >= enough:
                    break
            case "dot":
                dotted = parts > 0
            case "space":
                continue
            case "stray":
                break
            case _:
                parts, dotted = 0, False
    return longest
