"""What is wrong with a declared hive: every problem with its place, the value and what to do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hyperhive.errors import InputError
from hyperhive.hive.secrets import redacted

Location = tuple[str | int, ...]
"""Where a value stands: keys and list indices from the top of the file."""

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_VALUE: Final = 60


class Level(StrEnum):
    """How bad a problem is."""

    ERROR = "error"
    """The hive cannot be used."""
    WARNING = "warning"
    """The hive works, but perhaps not as was meant."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        place: where, in TOML's notation: `agents.alice.bash.allow[1]`; "" for the whole file.
        value: what stands there, shortened, without secrets; "" where there is nothing to show.
        message: one line, what is wrong with it.
        todo: one line, what to do.
    """

    level: Level
    place: str
    value: str
    message: str
    todo: str

    @property
    def what(self) -> str:
        """Place, value and message in one line."""
        place = f"{self.place} = {self.value}" if self.value else self.place
        return f"{place}: {self.message}" if place else self.message


class InvalidHive(InputError):
    """A declared hive cannot be used.

    Attributes:
        source: the file it came from.
        errors: what makes it useless.
        problems: these, and the warnings after them.
    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.errors = tuple(found for found in problems if found.level is Level.ERROR)
        self.problems = (*self.errors, *(p for p in problems if p.level is Level.WARNING))
        first = self.errors[0]
        more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
        super().__init__(f"{source}: {first.what}{more}", first.todo)


def problem(
    level: Level, location: Location, value: object, message: str, todo: str = ""
) -> Problem:
    """A problem whose texts fit one line each and hold no secret."""
    return Problem(
        level,
        redacted(place(location)),
        shown(value),
        one_line(redacted(message)),
        one_line(redacted(todo)),
    )


def place(location: Location) -> str:
    """A location in TOML's notation."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _BARE_KEY.fullmatch(part) else _quoted(part)
            text += f".{key}" if text else key
    return text


class Nothing:
    """Stands for a value that is not there, or that says nothing."""


NOTHING: Final = Nothing()


def shown(value: object) -> str:
    """A value as a reader may see it: one short line, secrets blacked out.

    Tables and lists are named, not shown: what is in them may be long or secret.
    """
    match value:
        case Nothing():
            return ""
        case bool():
            return str(value).lower()
        case str():
            return _quoted(redacted(value))
        case dict():
            return f"a table of {len(value)}"
        case list() | tuple():
            return f"a list of {len(value)}"
        case int() if value.bit_length() > 256:
            return "a very large number"
        case None:
            return "null"
        case _:
            return _short(str(value))


def _quoted(text: str) -> str:
    escaped = "".join(
        char if char.isprintable() and char not in '"\\' else _escape(char) for char in _short(text)
    )
    return f'"{escaped}"'


def _escape(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char)
    if known:
        return known
    code = ord(char)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def one_line(text: str) -> str:
    """`text` with whatever would not show, or would end the line, written as escapes."""
    return "".join(char if char.isprintable() else _escape(char) for char in text)
