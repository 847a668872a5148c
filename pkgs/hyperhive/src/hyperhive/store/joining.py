"""Agents that come into the hive and leave it while the broker runs."""

from hyperhive.store import turn_ends
from hyperhive.store.agents import unlink
from hyperhive.store.transaction import Transaction


def join(tx: Transaction, name: str, *, now: float) -> None:
    """Makes an agent one of the hive's; one of that name that the hive had is that agent again."""
    tx.connection.execute(
        "INSERT INTO agents (name, since) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET declared = 1",
        (name, now),
    )
    unlink(tx, name, "it is new in the hive", now=now)


def leave(tx: Transaction, name: str, *, now: float) -> None:
    """Marks an agent as one that the hive had. Its row and its messages stay; its turn is lost."""
    turn_ends.lost(tx, name, "the hive has no such agent now", now=now)
    tx.connection.execute("UPDATE agents SET declared = 0 WHERE name = ?", (name,))
