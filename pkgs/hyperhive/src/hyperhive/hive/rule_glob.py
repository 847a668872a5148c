"""Which commands the text inside `Bash(...)` matches."""

import re
from typing import Final

_BLANKS: Final = re.compile(r"[ \t]+")
_STAR: Final = re.compile(r"\\\*|(\*)")


def bash_matches(specifier: str, command: str) -> bool:
    """Whether a rule `Bash(specifier)` matches one simple command.

    `*` is any text, blanks and nothing at all included; `\\*` in a rule with a wildcard is a star.
    A rule that ends in ` *` or `:*`, with no other wildcard, matches what stands before it alone
    or followed by a blank. With a wildcard, a run of spaces and tabs counts as one; without
    one the text must be the same.

    Claude Code does more to a command before it compares: it splits lists and pipelines into their
    parts, sees through `timeout`, `nice`, `xargs` and quotes around the program's name, and keeps
    some options and paths back. None of that is done here.
    """
    command = command.strip()
    if specifier.endswith(":*") and specifier != ":*":
        return _begins(_one_blank(specifier[:-2]), _one_blank(command))
    if not has_wildcard(specifier):
        return specifier == command
    parts = [part.replace("\\*", "*") for part in _split_at_stars(_one_blank(specifier))]
    command = _one_blank(command)
    if len(parts) == 2 and parts[1] == "" and parts[0].endswith(" "):
        return _begins(parts[0][:-1], command)
    return _in_order(parts, command)


def bash_covers(specifier: str, other: str) -> bool:
    """Whether a rule `Bash(specifier)` matches every command that `Bash(other)` matches.

    Only what is certain is said to be: two stars may stand for the same and look otherwise.
    """
    if other.endswith(":*") and other != ":*":
        other = f"{other[:-2].rstrip()} *"
    if not has_wildcard(other):
        return bash_matches(specifier, other)
    # What no rule holds stands for any text: only a star matches it.
    parts = [part.replace("\\*", "*") for part in _split_at_stars(other)]
    alone = [parts[0]] if len(parts) == 2 and parts[0].endswith(" ") and not parts[1] else []
    return all(bash_matches(specifier, command) for command in ["\0".join(parts), *alone])


def has_wildcard(specifier: str) -> bool:
    """Whether the text inside `Bash(...)` holds a star that is not escaped."""
    return any(found[1] for found in _STAR.finditer(specifier))


def _one_blank(text: str) -> str:
    return _BLANKS.sub(" ", text)


def _begins(prefix: str, command: str) -> bool:
    return command == prefix or command.startswith(f"{prefix} ")


def _split_at_stars(pattern: str) -> list[str]:
    parts = [""]
    end = 0
    for found in _STAR.finditer(pattern):
        if found[1]:
            parts[-1] += pattern[end : found.start()]
            parts.append("")
            end = found.end()
    parts[-1] += pattern[end:]
    return parts


def _in_order(parts: list[str], text: str) -> bool:
    """Whether `text` begins with the first part, ends with the last and holds the rest between.

    Each part is taken where it comes first, so that many stars cost no more than one pass: the
    command is written by an agent.
    """
    first, *middle, last = parts
    if len(text) < len(first) + len(last):
        return False
    if not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        place = text.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True
