"""Typed look-ups in JSON that someone else wrote: what is absent or of another type is None.

claude's events differ from version to version, so that nothing in them may be relied on.
"""

import math
from typing import Any, Final

_MAX_INTEGER: Final = 1 << 53
"""Beyond this JSON's readers disagree about integers."""


def text(members: dict[str, Any], name: str) -> str | None:
    """The string called `name`."""
    value = members.get(name)
    return value if isinstance(value, str) else None


def number(members: dict[str, Any], name: str) -> float | None:
    """The finite number called `name`."""
    value = members.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) >= _MAX_INTEGER:
        return None
    return float(value) if math.isfinite(value) else None


def integer(members: dict[str, Any], name: str) -> int | None:
    """The whole number called `name`."""
    value = number(members, name)
    return int(value) if value is not None and value.is_integer() else None


def mapping(members: dict[str, Any], name: str) -> dict[str, Any]:
    """The object called `name`, or an empty one."""
    value = members.get(name)
    return value if isinstance(value, dict) else {}


def objects(members: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in the list called `name`."""
    value = members.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def strings(members: dict[str, Any], name: str) -> list[str]:
    """The strings in the list called `name`."""
    value = members.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
