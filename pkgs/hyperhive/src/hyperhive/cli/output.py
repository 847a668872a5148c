"""What commands print: JSON for machines, tables and lines of at most 80 columns for people."""

import json
import math
import shutil
import time
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

import click
from pydantic import BaseModel

COLUMNS: Final = 80

LAST_COLUMN: Final = 10
"""Columns that a table's last column gets where there is little room."""

LEAST_COLUMN: Final = 6
"""Columns below which no other column of a table is cut."""


def print_json(value: BaseModel | Sequence[BaseModel]) -> None:
    """Prints a model, or an array of models, as JSON."""
    if isinstance(value, BaseModel):
        plain: object = value.model_dump(mode="json", by_alias=True)
    else:
        plain = [item.model_dump(mode="json", by_alias=True) for item in value]
    click.echo(json.dumps(plain, ensure_ascii=False, indent=2))


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table as wide as the terminal at most: the last column is cut first, then whichever
    is the widest."""
    lines = [[one_line(cell) for cell in row] for row in [head, *rows]]
    widths = [max(map(display_width, column)) for column in zip(*lines, strict=True)]
    *others, last = widths
    room = _columns() - 2 * len(others)
    least = min(last, LAST_COLUMN)
    while sum(others) > room - least and max(others) > LEAST_COLUMN:
        others[others.index(max(others))] -= 1
    widths = [*others, max(least, room - sum(others))]
    for number, line in enumerate(lines):
        cells = [cut(cell, width) for cell, width in zip(line, widths, strict=True)]
        padded = [
            cell + " " * (width - display_width(cell))
            for cell, width in zip(cells[:-1], others, strict=True)
        ]
        text = "  ".join([*padded, cells[-1]]).rstrip()
        click.echo(click.style(text, bold=True) if number == 0 else text)


def one_line(text: str) -> str:
    """The text on one line, without anything that would act on a terminal."""
    return "".join(
        char if unicodedata.category(char)[0] != "C" else " " for char in " ".join(text.split())
    )


def printable(text: str) -> str:
    """Several lines of somebody's text, without anything that would act on a terminal."""
    return "".join(
        char
        if char in "\n\t" or unicodedata.category(char)[0] != "C"
        else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


def cut(text: str, width: int) -> str:
    """The text, ended by `…` if it is wider than `width` columns."""
    if display_width(text) <= width:
        return text
    while display_width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def display_width(text: str) -> int:
    """Columns that a terminal needs for the text (UAX #11: wide characters take two)."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def clock_time(at: float) -> str:
    """Local time of day; with the date if it was not within the last day."""
    form = "%H:%M:%S" if abs(time.time() - at) < 86400 else "%Y-%m-%d %H:%M"
    return time.strftime(form, time.localtime(at))


def time_left(seconds: float) -> str:
    """A remaining time: `4:05` minutes and seconds, `5 h 12 min`, `3 d 4 h`."""
    whole = max(0, math.ceil(seconds))
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    if whole < 2 * 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def count(number: int, noun: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _columns() -> int:
    return shutil.get_terminal_size((COLUMNS, 24)).columns
