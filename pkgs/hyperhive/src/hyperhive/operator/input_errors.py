"""What is wrong with a request, in plain words: for whoever typed it, or sent it to the API."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hyperhive.errors import InputError
from hyperhive.hive.values import DECLARED_ERROR


@contextmanager
def as_input() -> Iterator[None]:
    """For making a request of what somebody typed: what it cannot be made of is an input error.

    Raises:
        InputError: names the first field that is not valid.
    """
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what, todo = plain(first, "see the command's --help")
        raise InputError(f"{place}: {what}", todo) from None


def plain(error: ErrorDetails, otherwise: str) -> tuple[str, str]:
    """What is wrong with a value, and what to do about it.

    Args:
        otherwise: what to do where nothing better is known.
    """
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    match kind:
        case _ if kind == DECLARED_ERROR:
            return context["what"], context["todo"]
        case "too_long" | "string_too_long" if isinstance(value, str):
            return f"{len(value)} characters long", f"use at most {context['max_length']}"
        case "greater_than_equal":
            return "too small", f"use {context['ge']} or more"
        case "less_than_equal":
            return "too large", f"use {context['le']} or less"
        case _:
            return error["msg"], otherwise
