"""Who is at standard input; and text from it, where an argument is `-`."""

import sys

from hyperhive.errors import InputError


def is_person() -> bool:
    """Whether somebody can answer."""
    return sys.stdin.isatty()


def read_text() -> str:
    """All of standard input.

    Raises:
        InputError: it is not UTF-8.
    """
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise InputError("standard input is not UTF-8 text", "send plain text") from None
