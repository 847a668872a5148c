"""What an agent has begun and not ended: questions, reminders, messages of its turn, a nap."""

from dataclasses import dataclass

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class OutstandingQuestion:
    """An open question; `other` is its recipient or its asker, as seen from the agent."""

    id: int
    other: str
    text: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class OutstandingReminder:
    """A reminder that has not come yet."""

    id: int
    body: str
    due_at: float


@dataclass(frozen=True, slots=True)
class Outstanding:
    """All of it; times are seconds since the epoch.

    Attributes:
        turn: the turn that runs.
        asked: the agent's own open questions.
        to_answer: open questions that were put to it.
        leased: id and sender of each message of the turn.
        unread: messages that are queued.
    """

    turn: int | None
    nap_until: float | None
    asked: list[OutstandingQuestion]
    to_answer: list[OutstandingQuestion]
    reminders: list[OutstandingReminder]
    leased: list[tuple[int, str]]
    unread: int


def outstanding(db: Database, agent: str) -> Outstanding:
    """What an agent has outstanding, oldest first."""
    turn, nap_until = db.execute(
        "SELECT turn, nap_until FROM agents WHERE name = ?", [agent]
    ).fetchone()
    reminders = db.execute(
        "SELECT id, body, due_at FROM reminders WHERE state = 'pending' AND agent = ?"
        " ORDER BY next_at, id",
        [agent],
    )
    leased = db.execute(
        "SELECT id, sender FROM messages WHERE state = 'leased' AND turn = ? ORDER BY id", [turn]
    )
    (unread,) = db.execute(
        "SELECT count(*) FROM messages WHERE recipient = ? AND state = 'queued'", [agent]
    ).fetchone()
    return Outstanding(
        turn=turn,
        nap_until=nap_until,
        asked=_open_questions(db, "recipient", "asker", agent),
        to_answer=_open_questions(db, "asker", "recipient", agent),
        reminders=[OutstandingReminder(*row) for row in reminders],
        leased=[(id, sender) for id, sender in leased],
        unread=unread,
    )


def _open_questions(db: Database, other: str, own: str, agent: str) -> list[OutstandingQuestion]:
    rows = db.execute(
        f"SELECT id, {other}, question, expires_at FROM questions"
        f" WHERE state = 'open' AND {own} = ? ORDER BY id",
        [agent],
    )
    return [OutstandingQuestion(*row) for row in rows]
