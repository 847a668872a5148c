"""Reading the journal of this machine."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hyperhive.errors import HyperhiveError
from hyperhive.logs import visible

if TYPE_CHECKING:
    from systemd.journal import Reader

MOST_CHARACTERS: Final = 1000
"""How much of a line `last_lines` gives."""
_MOST_BYTES: Final = 64 << 10
"""How much of a field is read (sd_journal_set_data_threshold(3))."""


def open_journal(**where: Any) -> "Reader":
    """A reader of the journal; of this machine's own, or of what `where` names to it.

    Raises:
        HyperhiveError: systemd's Python module is not installed.
        OSError: the journal cannot be opened.
    """
    try:
        from systemd.journal import DEFAULT_CONVERTERS, Reader
    except ImportError:
        raise HyperhiveError(
            "the journal cannot be read: the Python package systemd-python is missing",
            "install hyperhive with it: hyperhive[systemd]",
        ) from None
    # Nothing is converted to numbers, dates or ids: an entry may hold anything in their place, and
    # not every converter stands that.
    reader = Reader(converters=dict.fromkeys(DEFAULT_CONVERTERS, _as_it_is), **where)
    reader.data_threshold = _MOST_BYTES
    return reader


def last_lines(unit: str, lines: int) -> list[str]:
    """The last lines that a unit wrote and that systemd wrote about it, oldest first.

    A line is cut where it is longer than `MOST_CHARACTERS`, and holds nothing that would act on a
    terminal. Nothing is found where this user may not read the journal.

    Raises:
        HyperhiveError: systemd's Python module is not installed.
        OSError: the journal cannot be read.
    """
    found: list[str] = []
    with open_journal() as reader:
        match_unit(reader, unit)
        reader.seek_tail()
        while len(found) < lines and (entry := reader.get_previous()):
            found += reversed(text_of(entry).splitlines())
    return [
        line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"
        for line in reversed(found[:lines])
    ]


def match_unit(reader: "Reader", unit: str) -> None:
    """Add what belongs to a unit to a reader's matches: its own words, or systemd's about it."""
    reader.add_match(_SYSTEMD_UNIT=unit)
    reader.add_disjunction()
    reader.add_match(UNIT=unit)
    reader.add_match(_PID="1")


def text_of(entry: Mapping[str, Any]) -> str:
    """The message of an entry."""
    return visible(field_of(entry, "MESSAGE"))


def field_of(entry: Mapping[str, Any], name: str) -> str:
    """A field as text, "" if there is none; of several of the same name the first counts."""
    value = entry.get(name, b"")
    if isinstance(value, list):
        value = value[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _as_it_is(value: Any) -> Any:
    return value
