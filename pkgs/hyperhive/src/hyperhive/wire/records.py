"""Dataclasses to and from JSON objects, with the standard library alone.

The harness must start in little memory, so it cannot import pydantic; this is the small part of it
that the agent plane needs: str, int, float, bool, None, enums, lists, dicts, unions with None and
nested dataclasses. Unknown keys are ignored, so that either side may be the newer one.
"""

import dataclasses
import enum
import math
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")


class RecordError(ValueError):
    """A JSON value does not have the form of the record; the text says where and why."""


def to_json(record: Any) -> dict[str, Any]:
    """The JSON object of a dataclass instance; members that are None are left out."""
    return {
        field.name: _plain(value)
        for field in dataclasses.fields(record)
        if (value := getattr(record, field.name)) is not None
    }


def from_json(cls: type[T], data: object) -> T:
    """The record of type `cls` in a JSON object.

    Raises:
        RecordError: a member is missing or has another type; names the member.
    """
    if not isinstance(data, dict):
        raise RecordError(f"{cls.__name__} is not an object")
    values: dict[str, Any] = {}
    for name, (hint, required) in _members(cls).items():
        if name in data:
            values[name] = _read(hint, data[name], name)
        elif required:
            raise RecordError(f"{name} is missing")
    return cls(**values)


_cache: dict[type[Any], dict[str, tuple[Any, bool]]] = {}


def _members(cls: type[Any]) -> dict[str, tuple[Any, bool]]:
    """Type hint, and whether it must be there, of each member; worked out once per class."""
    if cls not in _cache:
        hints = typing.get_type_hints(cls)
        missing = dataclasses.MISSING
        _cache[cls] = {
            f.name: (hints[f.name], f.default is missing and f.default_factory is missing)
            for f in dataclasses.fields(cls)
        }
    return _cache[cls]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_json(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _read(hint: Any, value: Any, place: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        (only,) = (a for a in args if a is not type(None))
        return _read(only, value, place)
    if origin is list:
        if isinstance(value, list):
            return [_read(args[0], v, f"{place}[{i}]") for i, v in enumerate(value)]
    elif origin is dict:
        if isinstance(value, dict):
            return {k: _read(args[1], v, f"{place}.{k}") for k, v in value.items()}
    elif dataclasses.is_dataclass(hint):
        try:
            return from_json(typing.cast("type[Any]", hint), value)
        except RecordError as error:
            raise RecordError(f"{place}: {error}") from None
    elif issubclass(hint, enum.Enum):
        try:
            return hint(value)
        except ValueError:
            raise RecordError(f"{place}: {value!r} is not one of its values") from None
    elif hint is float:
        # JSON has no infinities, but Python's parser reads them.
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    elif isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    found = value if isinstance(value, float) else type(value).__name__
    raise RecordError(f"{place} is {found}, not {getattr(hint, '__name__', hint)}")
