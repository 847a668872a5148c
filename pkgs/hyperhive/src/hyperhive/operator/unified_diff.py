"""Differences between files, as `diff -u` and git write them."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Final

NO_FILE: Final = "/dev/null"
"""What stands for a file that is not there."""

_UNENDED: Final = "\\ No newline at end of file\n"


def files_diff(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """How files differ, in the order of their names; "": they do not.

    The texts stand in it as they are: whoever shows it to a terminal makes them fit for one.

    Args:
        before: texts by their files' names; `after` likewise.
    """
    return "".join(
        line
        for name in sorted({*before, *after})
        for line in _file_diff(name, before.get(name), after.get(name))
    )


def _file_diff(name: str, before: str | None, after: str | None) -> Iterator[str]:
    if before == after:
        return
    yield f"--- {NO_FILE if before is None else f'a/{name}'}\n"
    yield f"+++ {NO_FILE if after is None else f'b/{name}'}\n"
    lines = difflib.unified_diff(_lines(before or ""), _lines(after or ""))
    for number, line in enumerate(lines):
        if number < 2:
            continue  # its own names of the files
        yield line if line.endswith("\n") else f"{line}\n{_UNENDED}"


def _lines(text: str) -> list[str]:
    """Lines with their ends; unlike `splitlines` only at line feeds, so that none can be forged."""
    *whole, rest = text.split("\n")
    return [*(f"{line}\n" for line in whole), *([rest] if rest else [])]
