"""Python values as Nix literals: the one way by which a value enters a rendered Nix file.

The result reads as if written by hand: two-space indentation, sorted attributes, long text as an
indented string. It never holds an interpolation, whatever the value.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from hyperhive.errors import InputError

NixValue: TypeAlias = "str | int | bool | Sequence[NixValue] | Mapping[str, NixValue] | None"

WIDTH: Final = 100
"""Columns that a list on one line may reach."""

_STEP: Final = 2
_LARGEST: Final = 2**63 - 1
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_'-]*")
_PATH: Final = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_KEYWORDS: Final = frozenset(
    ("assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with")
)
_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def nix_literal(value: NixValue, indent: int = 0, column: int = 0) -> str:
    """Return `value` as a Nix expression that evaluates to it.

    Args:
        value: text, integer, boolean, None, list or attribute set, nested at will.
        indent: columns by which the line that the literal begins on is indented.
        column: columns of that line already in use.

    Raises:
        InputError: a string that Nix cannot hold (NUL, half a surrogate pair), an integer beyond
            64 bits; it names the place within the value.
        TypeError: a value of another kind.
    """
    return _literal(value, indent, column, "")


def nix_name(name: str, place: str = "") -> str:
    """Return `name` as an attribute name, quoted where the syntax asks for it.

    Raises:
        InputError: a name that Nix cannot hold; it says where, within `place`.
    """
    if _IDENTIFIER.fullmatch(name) and name not in _KEYWORDS:
        return name
    _refuse_unwritable(name, f"a name in {place or 'value'}")
    return _quoted_string(name)


def nix_path(path: str) -> str:
    """Return `path`, relative to the file that the literal stands in, as a Nix path.

    Raises:
        InputError: a character that a path literal does not take.
    """
    if not _PATH.fullmatch(path):
        raise InputError(
            f"{path!r} cannot be written as a Nix path",
            "use letters, digits and . _ - between single slashes",
        )
    return f"./{path}"


def _literal(value: NixValue, indent: int, column: int, place: str) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return _integer(value, place)
        case str():
            return _text(value, indent, place)
        case Mapping():
            return _attributes(value, indent, place)
        case Sequence() if not isinstance(value, bytes | bytearray):
            return _list(value, indent, column, place)
    raise TypeError(f"{place or 'value'}: no Nix literal for {type(value).__name__}")


def _integer(value: int, place: str) -> str:
    if abs(value) > _LARGEST:
        raise InputError(
            f"{place or 'value'}: {value} does not fit a 64-bit integer",
            f"write a number between {-_LARGEST} and {_LARGEST}",
        )
    # A bare minus within a list would be a subtraction.
    return str(value) if value >= 0 else f"({value})"


def _text(text: str, indent: int, place: str) -> str:
    _refuse_unwritable(text, place)
    if _fits_indented_string(text):
        return _indented_string(text, indent)
    return _quoted_string(text)


def _refuse_unwritable(text: str, place: str) -> None:
    if "\0" in text:
        raise InputError(
            f"{place or 'value'}: a NUL character cannot be written in Nix",
            "remove the character",
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"{place or 'value'}: character {error.start + 1} is half a surrogate pair",
            "write the text as valid UTF-8",
        ) from error


def _quoted_string(text: str) -> str:
    return '"' + text.translate(_ESCAPES).replace("${", "\\${") + '"'


def _fits_indented_string(text: str) -> bool:
    """Whether `text` has lines, and stands between '' and '' with no escape but that of ${.

    Nix takes the common indentation of the lines off, so one line must begin at its first column;
    a last line of blanks alone would be taken for the indentation of the closing quotes.
    """
    lines = text.split("\n")
    return (
        len(lines) > 1
        and not any(trap in text for trap in ("''", "'$"))
        and not text.endswith("'")
        and not (lines[-1] and lines[-1].isspace())
        and any(line and not line[0].isspace() for line in lines)
        and text.replace("\n", "").isprintable()
    )


def _indented_string(text: str, indent: int) -> str:
    inner = " " * (indent + _STEP)
    lines = text.replace("${", "''${").split("\n")
    body = "\n".join(inner + line if line else "" for line in lines)
    closing = " " * indent if not lines[-1] else ""
    return f"''\n{body}{closing}''"


def _attributes(value: Mapping[str, NixValue], indent: int, place: str) -> str:
    if not value:
        return "{ }"
    lines = []
    for name in sorted(value):
        inside, path, held = _single_path(name, value[name], place)
        head = f"{' ' * (indent + _STEP)}{path} = "
        lines.append(f"{head}{_literal(held, indent + _STEP, len(head), inside)};")
    return "\n".join(["{", *lines, " " * indent + "}"])


def _single_path(name: str, value: NixValue, place: str) -> tuple[str, str, NixValue]:
    """Follow sets of one attribute: `a.b = 1`, not `a = { b = 1; }`.

    Returns:
        the place of the value at the end, its attribute path, and the value.
    """
    path = nix_name(name, place)
    place = f"{place}.{name}" if place else name
    if isinstance(value, Mapping) and len(value) == 1:
        ((inner, held),) = value.items()
        place, rest, value = _single_path(inner, held, place)
        path = f"{path}.{rest}"
    return place, path, value


def _list(value: Sequence[NixValue], indent: int, column: int, place: str) -> str:
    if not value:
        return "[ ]"
    items = [
        _literal(item, indent + _STEP, indent + _STEP, f"{place}[{index}]")
        for index, item in enumerate(value)
    ]
    line = f"[ {' '.join(items)} ]"
    if "\n" not in line and column + len(line) < WIDTH:
        return line
    inner = " " * (indent + _STEP)
    return "\n".join(["[", *(inner + item for item in items), " " * indent + "]"])
