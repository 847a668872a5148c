"""A guard against two agents that keep each other busy while nobody looks."""

import itertools
from dataclasses import dataclass
from typing import Final

from hyperhive.hive.names import OPERATOR
from hyperhive.store import agents
from hyperhive.store.messages import SYSTEM, MessageKind, NewMessage, send
from hyperhive.store.transaction import Transaction

_ROWS_AN_ANSWER: Final = 4
"""How many messages for each allowed answer are looked at: one may be split into several."""


@dataclass(frozen=True, slots=True)
class LoopGuard:
    """How often two agents may answer each other within `seconds`; `answers` 0: as they like."""

    answers: int
    seconds: float


def watch(tx: Transaction, sender: str, recipient: str, guard: LoopGuard, *, now: float) -> bool:
    """Pauses two agents that answered each other more often than allowed; whether it did.

    Call it after a message, a question or an answer from one agent to the other has been queued.
    The count begins anew with a message of the operator's to either of them, and when either is
    resumed. Two that are paused already finish their turns in peace.
    """
    both = (sender, recipient)
    if not guard.answers or all(agents.read_agent(tx, name).paused for name in both):
        return False
    (since,) = tx.connection.execute(
        "SELECT max(guard_since) FROM agents WHERE name IN (?, ?)", both
    ).fetchone()
    since = max(since or 0.0, now - guard.seconds)
    answers = _answers(tx, sender, recipient, since, guard.answers * _ROWS_AN_ANSWER)
    if answers <= guard.answers:
        return False
    pair = " and ".join(sorted(both))
    reason = (
        f"loop guard: {pair} answered each other {answers} times in"
        f" {_minutes(guard.seconds)} without the operator"
    )
    for name in both:
        agents.set_paused(tx, name, True, reason, now=now)
        tx.event("loop_guard", {"reason": reason}, at=now, agent=name)
    notice = f"{reason}; both are paused. To let them go on: hyperhive agent resume NAME"
    send(tx, NewMessage(SYSTEM, OPERATOR, notice, kind=MessageKind.NOTICE), now=now)
    return True


def _answers(tx: Transaction, one: str, other: str, since: float, limit: int) -> int:
    """How often the direction changed between two agents since a time."""
    rows: list[tuple[int, str, float]] = []
    for sender, recipient in ((one, other), (other, one)):
        rows += tx.connection.execute(
            "SELECT id, sender, created_at FROM messages"
            " WHERE sender = ? AND recipient = ?"
            " AND sender <> 'operator' AND recipient <> 'operator' ORDER BY id DESC LIMIT ?",
            (sender, recipient, limit),
        ).fetchall()
    senders = [sender for _, sender, at in sorted(rows) if at > since]
    return sum(a != b for a, b in itertools.pairwise(senders))


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:g} min"
