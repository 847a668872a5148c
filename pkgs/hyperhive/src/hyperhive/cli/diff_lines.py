"""A unified diff, coloured, for a terminal."""

import re
from collections.abc import Iterator
from typing import Final

import click

from hyperhive.cli.output import printable

_HUNK: Final = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")

COLOURS: Final = {"-": "red", "+": "green", "@": "cyan"}


def diff_lines(diff: str, colour: str | None = None) -> Iterator[str]:
    """The lines of a diff; nothing in them acts on a terminal.

    What a line is follows from the counts of its hunk: a text cannot pass for the head of a file.

    Args:
        colour: of all lines; None: each as what it is.
    """
    removed = added = 0
    for line in diff.removesuffix("\n").split("\n") if diff else ():
        sign = line[:1]
        if hunk := _HUNK.fullmatch(line) if removed == added == 0 else None:
            removed, added = (int(1 if count is None else count) for count in hunk.groups())
        elif removed or added:
            removed -= sign in "- "
            added -= sign in "+ "
        elif sign != "\\":
            yield click.style(printable(line), fg=colour, bold=True)
            continue
        yield click.style(printable(line), fg=colour or COLOURS.get(sign))
