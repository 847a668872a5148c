"""Messages: queued → leased → acked, or dead after `MAX_ATTEMPTS` failed attempts.

Delivery is at least once, in order per recipient. A lease belongs to a turn. What the operator
gives up is dropped.
"""

import itertools
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hyperhive.hive.names import OPERATOR
from hyperhive.store.transaction import Transaction

MAX_ATTEMPTS: Final = 5
"""Failed attempts after which a message is a dead letter."""

SYSTEM: Final = "system"


class MessageState(StrEnum):
    """Where a message is on its way."""

    QUEUED = "queued"
    LEASED = "leased"
    ACKED = "acked"
    DEAD = "dead"
    DROPPED = "dropped"


class MessageKind(StrEnum):
    """What a message is; `about` is the id of what it belongs to."""

    MESSAGE = "message"
    REMINDER = "reminder"
    """An agent's own words, back at the time that it asked for."""
    QUESTION = "question"
    """A question to an agent, which the answer tool answers."""
    ANSWER = "answer"
    """What became of a question of the recipient's."""
    NOTICE = "notice"
    """The hive's own words."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to send. Names are resolved and allowed already."""

    sender: str
    recipient: str
    body: str
    in_reply_to: int | None = None
    idempotency_key: str | None = None
    kind: MessageKind = MessageKind.MESSAGE
    about: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as its recipient gets it.

    Attributes:
        sent_at: seconds since the epoch.
        delivery: 1 the first time; more: it may be a repeat.
        about: id of the reminder or question that it belongs to.
        question: what the recipient had asked, of an answer.
        until: when the question stops being open, seconds since the epoch.
    """

    id: int
    sender: str
    body: str
    in_reply_to: int | None
    sent_at: float
    delivery: int
    kind: MessageKind = MessageKind.MESSAGE
    about: int | None = None
    question: str | None = None
    until: float | None = None


class KeyReusedError(ValueError):
    """An idempotency key came again with another message."""


def send(tx: Transaction, message: NewMessage, *, now: float) -> int:
    """Queues a message and returns its id; the same idempotency key gives the same id again.

    Raises:
        KeyReusedError: the sender used the key for a message to another recipient or with another
            body.
    """
    if message.idempotency_key is not None:
        row = tx.connection.execute(
            "SELECT id, recipient, body FROM messages WHERE sender = ? AND idempotency_key = ?",
            (message.sender, message.idempotency_key),
        ).fetchone()
        if row is not None:
            if (row[1], row[2]) != (message.recipient, message.body):
                raise KeyReusedError(
                    f"idempotency key {message.idempotency_key!r} belongs to message {row[0]},"
                    " which differs"
                )
            return int(row[0])
    (id,) = tx.connection.execute(
        "INSERT INTO messages (sender, recipient, body, in_reply_to, idempotency_key, created_at,"
        " kind, about) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            message.sender,
            message.recipient,
            message.body,
            message.in_reply_to,
            message.idempotency_key,
            now,
            message.kind,
            message.about,
        ),
    ).fetchone()
    if message.sender == OPERATOR:
        tx.connection.execute(
            "UPDATE agents SET guard_since = ? WHERE name = ?", (now, message.recipient)
        )
    tx.event(
        "message",
        {"id": id, "from": message.sender, "to": message.recipient},
        at=now,
        agent=message.recipient if message.recipient != OPERATOR else message.sender,
    )
    tx.wake(message.recipient)
    return int(id)


def lease(tx: Transaction, recipient: str, turn: int, limit: int) -> list[Delivery]:
    """Leases the oldest queued messages of a recipient to a turn."""
    rows = tx.connection.execute(
        "SELECT id, sender, body, in_reply_to, created_at, deliveries + 1, kind, about"
        " FROM messages WHERE recipient = ? AND state = 'queued' ORDER BY id LIMIT ?",
        (recipient, limit),
    ).fetchall()
    tx.connection.executemany(
        "UPDATE messages SET state = 'leased', turn = ?, deliveries = deliveries + 1 WHERE id = ?",
        [(turn, row[0]) for row in rows],
    )
    return [
        Delivery(
            id,
            sender,
            body,
            reply,
            at,
            count,
            MessageKind(kind),
            about,
            *_question_of(tx, kind, about),
        )
        for id, sender, body, reply, at, count, kind, about in rows
    ]


def _question_of(tx: Transaction, kind: str, about: int | None) -> tuple[str | None, float | None]:
    """What an answer answers, and until when a question is open."""
    if kind not in (MessageKind.QUESTION, MessageKind.ANSWER):
        return None, None
    row = tx.connection.execute(
        "SELECT question, expires_at FROM questions WHERE id = ?", (about,)
    ).fetchone()
    if row is None:
        return None, None
    return (row[0], None) if kind == MessageKind.ANSWER else (None, row[1])


def fitting(tx: Transaction, recipient: str, limit: int, most_bytes: int) -> int:
    """How many of the oldest queued messages, at most `limit`, have so many bytes together; one
    at least, if there is one."""
    rows = tx.connection.execute(
        "SELECT length(CAST(body AS BLOB)) FROM messages"
        " WHERE recipient = ? AND state = 'queued' ORDER BY id LIMIT ?",
        (recipient, limit),
    ).fetchall()
    sums = itertools.accumulate(int(size) for (size,) in rows)
    return max(sum(size <= most_bytes for size in sums), min(len(rows), 1))


def give_back(tx: Transaction, turn: int, ids: list[int]) -> None:
    """Returns messages to the queue that a turn leased and never saw."""
    for id in ids:
        tx.connection.execute(
            "UPDATE messages SET state = 'queued', turn = NULL, deliveries = deliveries - 1"
            " WHERE id = ? AND turn = ? AND state = 'leased'",
            (id, turn),
        )


def unread(tx: Transaction, recipient: str) -> int:
    """How many messages are queued for a recipient."""
    (count,) = tx.connection.execute(
        "SELECT count(*) FROM messages WHERE recipient = ? AND state = 'queued'", (recipient,)
    ).fetchone()
    return int(count)


def waits_from(tx: Transaction, sender: str, recipient: str) -> bool:
    """Whether a message from one to the other is queued."""
    row = tx.connection.execute(
        "SELECT 1 FROM messages WHERE recipient = ? AND state = 'queued' AND sender = ? LIMIT 1",
        (recipient, sender),
    ).fetchone()
    return row is not None


def settle_turn(
    tx: Transaction, turn: int, state: MessageState, *, note: str = "", now: float
) -> None:
    """Ends the way of everything that a turn had leased: acknowledged, or dropped.

    Args:
        note: what a reader of the message should know about its end.
    """
    tx.connection.execute(
        "UPDATE messages SET state = ?, note = ?, settled_at = ?"
        " WHERE turn = ? AND state = 'leased'",
        (state, note, now, turn),
    )


def requeue_turn(
    tx: Transaction, turn: int, *, failed: bool, reason: str, now: float
) -> list[tuple[MessageKind, int | None]]:
    """Puts everything that a turn had leased back in the queue, in its old place.

    Args:
        failed: whether this was a failed attempt; the fifth of a message makes it a dead letter,
            which the operator is told.

    Returns:
        The kind of each new dead letter, and what it was about.
    """
    rows = tx.connection.execute(
        "SELECT id, sender, recipient, attempts, kind, about FROM messages"
        " WHERE turn = ? AND state = 'leased'",
        (turn,),
    ).fetchall()
    dead: list[tuple[MessageKind, int | None]] = []
    for id, sender, recipient, attempts, kind, about in rows:
        attempts += failed
        if attempts < MAX_ATTEMPTS:
            tx.connection.execute(
                "UPDATE messages SET state = 'queued', turn = NULL, attempts = ? WHERE id = ?",
                (attempts, id),
            )
            tx.event("requeued", {"id": id, "reason": reason}, at=now, agent=recipient, turn=turn)
            tx.wake(recipient)
            continue
        dead.append((MessageKind(kind), about))
        tx.connection.execute(
            "UPDATE messages SET state = 'dead', attempts = ?, settled_at = ?, note = ?"
            " WHERE id = ?",
            (attempts, now, reason, id),
        )
        tx.event("dead", {"id": id, "reason": reason}, at=now, agent=recipient, turn=turn)
        notice = (
            f"message {id} from {sender} to {recipient} was given up after {attempts} failed"
            f" attempts; the last one: {reason}. To try again: hyperhive dead retry {id}"
        )
        notice_of = NewMessage(SYSTEM, OPERATOR, notice, in_reply_to=id, kind=MessageKind.NOTICE)
        send(tx, notice_of, now=now)
    return dead


def ack_read(tx: Transaction, ids: list[int], *, now: float) -> int:
    """Acknowledges messages to the operator, who has read them; returns how many were unread."""
    count = 0
    for id in ids:
        cursor = tx.connection.execute(
            "UPDATE messages SET state = 'acked', settled_at = ?"
            " WHERE id = ? AND recipient = ? AND state = 'queued'",
            (now, id, OPERATOR),
        )
        count += cursor.rowcount
    if count:
        tx.event("read", {"count": count}, at=now)
    return count
