"""Reads TOML and JSON into plain tables, lists and values."""

import json
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hyperhive.hive.problems import NOTHING, InvalidHive, Level, Location, Problem, problem

STANDARD_INPUT: Final = Path("-")

LARGEST: Final = 16 * 2**20
"""Bytes. A thousand agents with a page of system prompt each are 3 MB."""
DEEPEST: Final = 32
"""Tables and lists within each other; a declared hive has less than ten."""


class _Object(dict[str, Any]):
    """A JSON object that remembers the keys that came twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs)
        self.repeated = [key for key, count in counts.items() if count > 1]


def read_source(path: Path) -> tuple[bytes, str]:
    """Return the bytes of a file, or of standard input for `-`, and what to call it.

    Raises:
        InvalidHive: it cannot be read, or it is too large.
    """
    if path == STANDARD_INPUT:
        source = "standard input"
        content = sys.stdin.buffer.read(LARGEST + 1)
    else:
        source = str(path)
        try:
            with path.open("rb") as file:
                content = file.read(LARGEST + 1)
        except (OSError, ValueError) as error:  # ValueError: NUL in the path
            raise _unreadable(source, error) from None
    if len(content) > LARGEST:
        raise _invalid(
            source, f"larger than {LARGEST // 2**20} MiB", "name the file of a declared hive"
        )
    return content, source


def decode(content: bytes, source: str, *, json_file: bool) -> tuple[Any, list[Problem]]:
    """Return what `content` says, and the problems that its tables no longer show.

    Raises:
        InvalidHive: it is not UTF-8, or not TOML or JSON.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _invalid(source, f"line {line} is not UTF-8", "save the file as UTF-8") from None
    try:
        data = _json(text, source) if json_file else _toml(text, source)
    except RecursionError:
        raise _too_deep(source) from None
    return _plain(data, source)


def walk(data: object) -> Iterator[tuple[Location, object]]:
    """Every table, list and value of `data` with its place, the outermost first."""
    pending: list[tuple[Location, object]] = [((), data)]
    while pending:
        location, value = pending.pop()
        yield location, value
        match value:
            case dict():
                inner = [((*location, key), item) for key, item in value.items()]
            case list():
                inner = [((*location, index), item) for index, item in enumerate(value)]
            case _:
                continue
        pending.extend(reversed(inner))


def _toml(text: str, source: str) -> Any:
    try:
        # TOML's newlines are \n and \r\n alone; tomllib wants them as they are.
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = re.search(r"^(.*) \(at (line \d+, column \d+|end of document)\)$", message, re.S)
        message, place = (found[1], found[2]) if found else (message, "")
        todo = "mend the TOML there"
        if text.lstrip().startswith("{"):
            todo = "this looks like JSON: name the file .json"
        raise _syntax(source, f"not TOML: {_lower(message)}", place, todo) from None
    except ValueError as error:  # a number of more digits than Python converts
        raise _invalid(source, f"not TOML: {_lower(str(error))}", "use smaller numbers") from None


def _json(text: str, source: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_Object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _syntax(
            source, f"not JSON: {_lower(error.msg)}", place, "mend the JSON there"
        ) from None
    except ValueError as error:
        raise _invalid(source, f"not JSON: {_lower(str(error))}", "use ordinary numbers") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"the number {name}")


def _plain(data: object, source: str) -> tuple[Any, list[Problem]]:
    repeated = []
    for location, value in walk(data):
        if len(location) > DEEPEST:
            raise _too_deep(source)
        if isinstance(value, _Object):
            repeated += [
                problem(
                    Level.ERROR, (*location, key), NOTHING, "declared twice", "keep one of the two"
                )
                for key in value.repeated
            ]
    return data, repeated


def _unreadable(source: str, error: OSError | ValueError) -> InvalidHive:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    match error:
        case FileNotFoundError():
            return _invalid(source, "no such file", "name the file of a declared hive")
        case IsADirectoryError():
            return _invalid(source, "a directory", "name the file, for example hive.toml in it")
        case _:
            return _invalid(source, f"cannot be read: {_lower(reason)}", "name a readable file")


def _syntax(source: str, message: str, place: str, todo: str) -> InvalidHive:
    return InvalidHive(source, [Problem(Level.ERROR, place, "", message, todo)])


def _too_deep(source: str) -> InvalidHive:
    return _invalid(source, f"nested more than {DEEPEST} deep", "see `hyperhive schema`")


def _invalid(source: str, message: str, todo: str) -> InvalidHive:
    return InvalidHive(source, [problem(Level.ERROR, (), NOTHING, message, todo)])


def _lower(text: str) -> str:
    """The first letter small, for use after a colon."""
    return text[:1].lower() + text[1:]
