"""What an operation on the store is given: the connection, and where it says what it touched."""

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class HiveEvent:
    """An event that the hive itself wrote, and not claude in a turn. What it holds may be an
    agent's words nevertheless."""

    kind: str
    data: dict[str, Any]
    agent: str | None
    turn: int | None


@dataclass(slots=True)
class Transaction:
    """One operation's view of the writer's transaction.

    Operations write through `connection` and tell what the rest of the broker must hear about once
    it is on disk. If the operation raises, all of it is undone.

    Attributes:
        connection: the writer's connection, inside a transaction.
        woken: agents whose next turn may have become possible.
        events: number of events written.
        told: those of them that the hive itself wrote.
        due: the earliest time that something new falls due, in seconds since the epoch.
    """

    connection: sqlite3.Connection
    woken: set[str] = field(default_factory=set)
    events: int = 0
    told: list[HiveEvent] = field(default_factory=list)
    due: float | None = None

    def falls_due(self, at: float) -> None:
        """Has the broker look for what is due (questions, reminders) at this time."""
        self.due = at if self.due is None else min(self.due, at)

    def wake(self, agent: str) -> None:
        """Has the scheduler look at this agent after the commit."""
        self.woken.add(agent)

    def event(
        self,
        kind: str,
        data: dict[str, Any],
        *,
        at: float,
        agent: str | None = None,
        turn: int | None = None,
        seq: int | None = None,
    ) -> None:
        """Writes an event; one with the same turn and seq as an earlier one is left out."""
        # What an agent said may hold lone surrogates, which SQLite does not store.
        text = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace").decode()
        cursor = self.connection.execute(
            "INSERT OR IGNORE INTO events (ts, agent, turn, seq, kind, payload_json)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (at, agent, turn, seq, kind, text),
        )
        self.events += cursor.rowcount
        if seq is None:
            self.told.append(HiveEvent(kind, data, agent, turn))
