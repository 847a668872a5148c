"""Reminders: at their time they become messages from the agent to itself.

One that cannot be delivered is tried again; after `MAX_ATTEMPTS` it is parked for the operator.
"""

from typing import Final

from hyperhive.hive.names import OPERATOR
from hyperhive.store import agents, dead_letters
from hyperhive.store.messages import (
    MAX_ATTEMPTS,
    SYSTEM,
    MessageKind,
    NewMessage,
    send,
)
from hyperhive.store.transaction import Transaction

RETRY_SECONDS: Final = 60.0
"""When a reminder that could not be delivered is tried again."""

_AT_ONCE: Final = 200
"""Most reminders that one operation delivers."""


class NoSuchReminderError(LookupError):
    """There is no reminder of that id in the state that was asked for."""


def remind(tx: Transaction, agent: str, body: str, due_at: float, *, now: float) -> int:
    """Sets a reminder for `due_at` (seconds since the epoch); returns its id."""
    (id,) = tx.connection.execute(
        "INSERT INTO reminders (agent, body, created_at, due_at, next_at) VALUES (?, ?, ?, ?, ?)"
        " RETURNING id",
        (agent, body, now, due_at, due_at),
    ).fetchone()
    tx.event("reminder", {"id": id, "until": due_at}, at=now, agent=agent)
    tx.falls_due(due_at)
    return int(id)


def pending_of(tx: Transaction, agent: str) -> int:
    """How many reminders of an agent are pending."""
    (count,) = tx.connection.execute(
        "SELECT count(*) FROM reminders WHERE state = 'pending' AND agent = ?", (agent,)
    ).fetchone()
    return int(count)


def deliver_due(tx: Transaction, *, now: float) -> float | None:
    """Delivers what is due; returns when the next one is, if there is one."""
    rows = tx.connection.execute(
        "SELECT id, agent, body, attempts FROM reminders WHERE state = 'pending' AND next_at <= ?"
        " ORDER BY next_at, id LIMIT ?",
        (now, _AT_ONCE),
    ).fetchall()
    for id, agent, body, attempts in rows:
        if agents.is_declared(tx, agent):
            message = NewMessage(agent, agent, body, kind=MessageKind.REMINDER, about=id)
            tx.connection.execute(
                "UPDATE reminders SET state = 'sent', message = ? WHERE id = ?",
                (send(tx, message, now=now), id),
            )
            tx.event("reminder_sent", {"id": id}, at=now, agent=agent)
        else:
            _fail(tx, id, attempts + 1, f"the hive has no agent {agent} now", now=now)
    (following,) = tx.connection.execute(
        "SELECT min(next_at) FROM reminders WHERE state = 'pending'"
    ).fetchone()
    return None if following is None else float(following)


def _fail(tx: Transaction, id: int, attempts: int, error: str, *, now: float) -> None:
    tx.connection.execute(
        "UPDATE reminders SET attempts = ?, error = ?, next_at = ? WHERE id = ?",
        (attempts, error, now + RETRY_SECONDS, id),
    )
    if attempts >= MAX_ATTEMPTS:
        park(tx, id, error, now=now)
        notice = (
            f"reminder {id} could not be delivered ({error}) and is parked."
            f" To try again: hyperhive reminders retry {id}"
        )
        send(tx, NewMessage(SYSTEM, OPERATOR, notice, kind=MessageKind.NOTICE), now=now)


def park(tx: Transaction, id: int, error: str, *, now: float) -> None:
    """Leaves a reminder to the operator, because it or its message failed too often."""
    (agent,) = tx.connection.execute(
        "UPDATE reminders SET state = 'parked', error = ? WHERE id = ? RETURNING agent",
        (error, id),
    ).fetchone()
    tx.event("reminder_parked", {"id": id, "reason": error}, at=now, agent=agent)


def retry(tx: Transaction, id: int, *, now: float) -> None:
    """Has a parked reminder delivered now, with all its attempts before it.

    Raises:
        NoSuchReminderError: it is not parked.
    """
    row = tx.connection.execute(
        "SELECT agent, message FROM reminders WHERE id = ? AND state = 'parked'", (id,)
    ).fetchone()
    if row is None:
        raise NoSuchReminderError(f"there is no parked reminder {id}")
    agent, message = row
    if message is not None:
        dead_letters.retry(tx, message, now=now)
        return
    tx.connection.execute(
        "UPDATE reminders SET state = 'pending', attempts = 0, error = '', next_at = ?"
        " WHERE id = ?",
        (now, id),
    )
    tx.event("reminder", {"id": id, "until": now}, at=now, agent=agent)
    tx.falls_due(now)


def drop(tx: Transaction, id: int, *, now: float) -> None:
    """Gives a reminder up that has not been delivered.

    Raises:
        NoSuchReminderError: it is neither parked nor pending.
    """
    row = tx.connection.execute(
        "SELECT agent, message FROM reminders WHERE id = ? AND state IN ('parked', 'pending')",
        (id,),
    ).fetchone()
    if row is None:
        raise NoSuchReminderError(f"there is no reminder {id} that is parked or pending")
    agent, message = row
    if message is not None:
        dead_letters.drop(tx, message, now=now)
    tx.connection.execute("UPDATE reminders SET state = 'dropped' WHERE id = ?", (id,))
    tx.event("reminder_dropped", {"id": id}, at=now, agent=agent)
