"""Texts that somebody gives to the hive: what fits, and words for times. Pure."""

from datetime import UTC, datetime

from hyperhive.errors import InputError


class TooLongError(InputError):
    """A text over its limit."""


def check_text(what: str, text: str, most: int, *, todo: str) -> None:
    """Checks that a text says something and has at most `most` bytes of UTF-8.

    Args:
        what: how an error names the text.
        todo: what to do with a longer one.

    Raises:
        TooLongError: it has more.
        InputError: it is empty, or no Unicode text.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InputError(f"{what} is not valid Unicode text", "send plain text") from None
    if not text.strip():
        raise InputError(f"{what} is empty", "write what you want to say")
    if size > most:
        raise TooLongError(f"{what} has {size} bytes, {most} are allowed", todo)


def one_line(text: str, most: int) -> str:
    """The text on one line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def utc(at: float) -> str:
    """Seconds since the epoch as `2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
