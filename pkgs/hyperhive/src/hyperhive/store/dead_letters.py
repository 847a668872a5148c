"""Messages given up after too many failed attempts: the operator's to retry or to drop."""

from hyperhive.store.transaction import Transaction


class NotDeadError(LookupError):
    """There is no dead letter of that id."""


def retry(tx: Transaction, id: int, *, now: float) -> None:
    """Puts a dead letter back in the queue, in its old place, with all its attempts before it.

    Raises:
        NotDeadError: it is no dead letter.
    """
    row = tx.connection.execute(
        "UPDATE messages SET state = 'queued', attempts = 0, turn = NULL, note = '',"
        " settled_at = NULL WHERE id = ? AND state = 'dead' RETURNING recipient",
        (id,),
    ).fetchone()
    if row is None:
        raise NotDeadError(f"message {id} is no dead letter")
    # A reminder whose message failed was parked; it is on its way again.
    tx.connection.execute(
        "UPDATE reminders SET state = 'sent', error = '' WHERE message = ? AND state = 'parked'",
        (id,),
    )
    tx.event("requeued", {"id": id, "reason": "by the operator"}, at=now, agent=row[0])
    tx.wake(row[0])


def drop(tx: Transaction, id: int, *, now: float) -> None:
    """Gives a dead letter up for good; errors as for `retry`."""
    row = tx.connection.execute(
        "UPDATE messages SET state = 'dropped', settled_at = ? WHERE id = ? AND state = 'dead'"
        " RETURNING recipient",
        (now, id),
    ).fetchone()
    if row is None:
        raise NotDeadError(f"message {id} is no dead letter")
    tx.connection.execute(
        "UPDATE reminders SET state = 'dropped' WHERE message = ? AND state = 'parked'", (id,)
    )
    tx.event("dropped", {"id": id, "reason": "by the operator"}, at=now, agent=row[0])
