"""Cut what a tool or a model said to a size that one line of the agent plane can carry.

A tool result may be tens of megabytes; an event is kept for a reader, who needs its beginning.
"""

import math
from typing import Any, Final

MAX_STRING: Final = 16 << 10
"""Longest string kept, in characters."""
MAX_VALUE: Final = 48 << 10
"""Most characters kept of one value, keys and nested members included. JSON may need six bytes for
one character, so that a trimmed value stays under 300 KiB."""
MAX_LINE: Final = 500
"""Longest text kept where one line is wanted, in characters."""

_MAX_DEPTH: Final = 32
_NODE: Final = 8


def one_line(text: str) -> str:
    """The text on one line of at most `MAX_LINE` characters."""
    line = " ".join(text[: 4 * MAX_LINE].split())
    return line if len(line) <= MAX_LINE else line[: MAX_LINE - 1] + "…"


def trim(value: Any, budget: int = MAX_VALUE) -> Any:
    """A JSON value of which at most `budget` characters are left, with marks where it was cut.

    Numbers that JSON cannot hold (NaN, infinities) become None.
    """
    return _Trimmer(budget).value(value, _MAX_DEPTH)


class _Trimmer:
    def __init__(self, budget: int) -> None:
        self.left = budget

    def value(self, value: Any, depth: int) -> Any:
        self.left -= _NODE
        match value:
            case str():
                return self.text(value)
            case bool() | None:
                return value
            case int():
                digits = value.bit_length() // 3
                self.left -= digits
                return value if digits <= MAX_LINE else None
            case float():
                return value if math.isfinite(value) else None
            case list():
                return self.items(value, depth - 1)
            case dict():
                return self.members(value, depth - 1)
        return None

    def text(self, text: str) -> str:
        keep = max(0, min(len(text), MAX_STRING, self.left))
        self.left -= keep
        cut = len(text) - keep
        return text if cut == 0 else f"{text[:keep]}… [{cut} more characters]"

    def items(self, items: list[Any], depth: int) -> list[Any]:
        kept: list[Any] = []
        for index, item in enumerate(items):
            if self.left <= 0 or depth <= 0:
                kept.append(f"… [{len(items) - index} more]")
                break
            kept.append(self.value(item, depth))
        return kept

    def members(self, members: dict[str, Any], depth: int) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for index, (key, item) in enumerate(members.items()):
            if self.left <= 0 or depth <= 0:
                kept["…"] = f"[{len(members) - index} more]"
                break
            kept[self.text(key)] = self.value(item, depth)
        return kept
