"""Differences between files, as `diff -u` and git write them."""

import difflib
import itertools
from collections.abc import Iterator, Mapping
from typing import Final

NO_FILE: Final = "/dev/null"
"""What stands for a file that is not there."""

MOST_PAIRS: Final = 4_000_000
"""Lines before times lines after, beyond which a file's are not compared: all of it is replaced.
Texts can be made for which difflib needs hours; up to here they take a quarter of a second."""

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
    for line in _hunks(_lines(before or ""), _lines(after or "")):
        yield line if line.endswith("\n") else f"{line}\n{_UNENDED}"


def _hunks(before: list[str], after: list[str]) -> Iterator[str]:
    if len(before) * len(after) <= MOST_PAIRS:
        # It begins with names of the files, of its own.
        yield from itertools.islice(difflib.unified_diff(before, after), 2, None)
        return
    yield f"@@ -1,{len(before)} +1,{len(after)} @@\n"
    yield from (f"-{line}" for line in before)
    yield from (f"+{line}" for line in after)


def _lines(text: str) -> list[str]:
    """Lines with their ends; unlike `splitlines` only at line feeds, so that none can be forged."""
    *whole, rest = text.split("\n")
    return [*(f"{line}\n" for line in whole), *([rest] if rest else [])]
