"""Entries of a journal, and which of them somebody asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hyperhive.logs import shortened, visible

MOST_TEXT: Final = 32_000
"""Characters of an entry's text that are shown."""
_MOST_WORD: Final = 200
_PRIORITY: Final = 6
_CONSOLE: Final = "console"


class Origin(StrEnum):
    """Whose words an entry is."""

    HOST = "host"
    """The host's: its units, and systemd about them."""
    CONTAINER = "container"
    """The container's own, whatever they look like: its journal is its own, and so is what it
    writes to its console."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry, with nothing in it that acts on a terminal.

    Attributes:
        at: when the journal got it, microseconds since the epoch.
        source: the program that wrote it, as it calls itself, or its unit.
        unit: the unit that it comes from, or that systemd speaks about.
        priority: 0 (emergency) … 7 (debug).
        text: its lines; not more than about `MOST_TEXT` characters.
        agent, turn: HYPERHIVE_AGENT, HYPERHIVE_TURN; "" if it has none.
        message_id: MESSAGE_ID; "" if it has none.
    """

    at: int
    origin: Origin
    source: str
    unit: str
    priority: int
    text: str
    agent: str = ""
    turn: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which entries of a journal somebody wants.

    Attributes:
        lines: the last so many; None: all of them.
        since: none before this time, microseconds since the epoch.
        turn: only those of this turn.
        follow: and then those that come, until it is ended.
    """

    lines: int | None = None
    since: int | None = None
    turn: int | None = None
    follow: bool = False


def entry_of(raw: Mapping[str, Any], origin: Origin, *, console: str = "") -> Entry:
    """The entry in a journal's fields, which may hold anything.

    Args:
        console: the unit whose output is its container's console.
    """
    unit = word_of(raw, "_SYSTEMD_UNIT")
    source = word_of(raw, "SYSLOG_IDENTIFIER") or word_of(raw, "_COMM") or unit
    if console and unit == console:
        origin, source = Origin.CONTAINER, _CONSOLE
    if word_of(raw, "_PID") == "1":
        unit = word_of(raw, "UNIT") or unit
    priority = word_of(raw, "PRIORITY")
    return Entry(
        at=int(raw["__REALTIME_TIMESTAMP"]),
        origin=origin,
        source=source,
        unit=unit,
        priority=int(priority) if priority in set("01234567") else _PRIORITY,
        text=text_of(raw),
        agent=word_of(raw, "HYPERHIVE_AGENT"),
        turn=word_of(raw, "HYPERHIVE_TURN"),
        message_id=word_of(raw, "MESSAGE_ID"),
    )


def text_of(raw: Mapping[str, Any]) -> str:
    """The message of an entry, of several lines it may be."""
    return visible(shortened(_field(raw, "MESSAGE"), MOST_TEXT)).rstrip("\n")


def word_of(raw: Mapping[str, Any], name: str) -> str:
    """A field that is to be a short text of one line; "" if there is none."""
    return visible(_field(raw, name)[:_MOST_WORD]).replace("\n", " ").replace("\t", " ")


def _field(raw: Mapping[str, Any], name: str) -> str:
    """A field as text; of several of the same name the first counts."""
    value = raw.get(name, b"")
    if isinstance(value, list):
        value = value[0]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.encode("utf-8", "replace").decode()
