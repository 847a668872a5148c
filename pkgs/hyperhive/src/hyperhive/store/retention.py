"""How long history is kept: what is too old, and its removal in pieces.

Messages that are queued, leased or dead are never removed, nor is a turn that runs; questions are
kept. Nothing refers to a removed row in a way that misses it, and ids are not used again. What a
removal gives back is used for new rows; the file does not shrink.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlite_utils import Database

from hyperhive.hive.tables import Retention
from hyperhive.store.transaction import Transaction

_DAY: Final = 86_400.0


class History(StrEnum):
    """The kinds of rows that grow with time."""

    MESSAGES = "messages"
    EVENTS = "events"
    """What changed in the hive."""
    STREAM_EVENTS = "stream_events"
    """What claude said and did in a turn."""
    TURNS = "turns"


@dataclass(frozen=True, slots=True)
class Rules:
    """How long history is kept, in seconds.

    Attributes:
        messages: after they were acknowledged or dropped.
        turns: after their end.
        stream_events_per_agent: the most of these that are kept, however young.
    """

    messages: float
    events: float
    stream_events: float
    turns: float
    stream_events_per_agent: int

    @classmethod
    def declared(cls, retention: Retention) -> "Rules":
        """The rules that a hive declares in days."""
        return cls(
            messages=retention.messages * _DAY,
            events=retention.events * _DAY,
            stream_events=retention.stream_events * _DAY,
            turns=retention.turns * _DAY,
            stream_events_per_agent=retention.stream_events_per_agent,
        )


@dataclass(frozen=True, slots=True)
class Removal:
    """Rows to remove, by a condition that an index answers; no row is in two removals."""

    history: History
    table: str
    condition: str
    parameters: tuple[str | float, ...]


def aged(rules: Rules, *, now: float) -> list[Removal]:
    """What is too old at a time."""
    return [
        Removal(
            History.MESSAGES,
            "messages",
            "state IN ('acked', 'dropped') AND settled_at < ?",
            (now - rules.messages,),
        ),
        Removal(
            History.STREAM_EVENTS,
            "events",
            "seq IS NOT NULL AND ts < ?",
            (now - rules.stream_events,),
        ),
        Removal(History.EVENTS, "events", "seq IS NULL AND ts < ?", (now - rules.events,)),
        Removal(History.TURNS, "turns", "ended_at < ?", (now - rules.turns,)),
    ]


def agents(db: Database) -> list[str]:
    """Every agent that the hive has or had."""
    return [str(name) for (name,) in db.execute("SELECT name FROM agents ORDER BY name").fetchall()]


def surplus(db: Database, agent: str, rules: Rules, *, now: float) -> Removal | None:
    """The stream events of an agent that are too many, though not too old at a time."""
    newest = db.execute(
        "SELECT id FROM events WHERE agent = ? AND seq IS NOT NULL"
        " ORDER BY id DESC LIMIT 1 OFFSET ?",
        (agent, rules.stream_events_per_agent),
    ).fetchone()
    if newest is None:
        return None
    return Removal(
        History.STREAM_EVENTS,
        "events",
        "seq IS NOT NULL AND agent = ? AND id <= ? AND ts >= ?",
        (agent, newest[0], now - rules.stream_events),
    )


def count(db: Database, removal: Removal) -> int:
    """How many rows a removal would remove."""
    (rows,) = db.execute(
        f"SELECT count(*) FROM {removal.table} WHERE {removal.condition}", removal.parameters
    ).fetchone()
    return int(rows)


def remove(tx: Transaction, removal: Removal, limit: int) -> int:
    """Removes up to `limit` rows; returns how many, fewer than `limit` once no more are left."""
    cursor = tx.connection.execute(
        f"DELETE FROM {removal.table} WHERE id IN"
        f" (SELECT id FROM {removal.table} WHERE {removal.condition} LIMIT ?)",
        (*removal.parameters, limit),
    )
    return cursor.rowcount
