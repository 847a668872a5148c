"""Variables as a file that systemd reads (EnvironmentFile= in systemd.exec(5)). Pure."""

import re
from collections.abc import Mapping
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPED: Final = re.compile(r'["\\$`]')
_BACKSLASH: Final = r"\\\g<0>"
_REFUSED: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""Control characters but tab and newline: systemd passes over a variable that holds one, and says
so in its log alone."""


def environment_file(variables: Mapping[str, str]) -> bytes:
    """The file's content.

    Raises:
        ValueError: systemd would not pass a variable on as it is; names it, never its value.
    """
    return b"".join(_line(name, value) for name, value in variables.items())


def _line(name: str, value: str) -> bytes:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a variable")
    if _REFUSED.search(value):
        raise ValueError(f"variable {name} holds a control character")
    line = f'{name}="{_ESCAPED.sub(_BACKSLASH, value)}"\n'
    try:
        return line.encode()
    except UnicodeEncodeError:
        raise ValueError(f"variable {name} is not UTF-8") from None
