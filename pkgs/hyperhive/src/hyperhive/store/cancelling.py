"""The operator ends what an agent is doing, or waiting for."""

from dataclasses import dataclass
from typing import Any

from hyperhive.store.agents import HoldKind, end_hold, read_agent
from hyperhive.store.naps import end_nap
from hyperhive.store.settlement import Cancellation, Fate
from hyperhive.store.transaction import Transaction


class NothingToCancelError(LookupError):
    """The agent runs no turn and waits for nothing that could be ended."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What was ended, in words; `turn` is ended by the harness, which takes a moment."""

    turn: int | None
    ended: list[str]


def cancel(tx: Transaction, agent: str, cancellation: Cancellation, *, now: float) -> Cancelled:
    """Ends an agent's turn, nap, wait (for a rate limit, after a failure) and due compaction.

    Args:
        cancellation: what becomes of the messages of a running turn.

    Raises:
        NothingToCancelError: there is nothing of all this.
    """
    row = read_agent(tx, agent)
    ended: list[str] = []
    if row.turn is not None:
        wish_end(tx, row.turn, cancellation)
        ended.append(f"turn {row.turn}")
        tx.wake(agent)
    tx.connection.execute("UPDATE agents SET failures = 0 WHERE name = ?", (agent,))
    if end_nap(tx, agent, cancellation.reason, now=now):
        ended.append("its nap")
    if end_hold(tx, agent, HoldKind.RATE_LIMITED, HoldKind.FAILED, now=now):
        ended.append("its wait")
    if row.compaction is not None or row.notes_due is not None:
        tx.connection.execute(
            "UPDATE agents SET compaction = NULL, compaction_reason = '', notes_due = NULL"
            " WHERE name = ?",
            (agent,),
        )
        ended.append("its compaction")
    if not ended:
        raise NothingToCancelError(f"{agent} is {row.standing.state}: there is nothing to cancel")
    data: dict[str, Any] = {"ended": ended, "reason": cancellation.reason}
    if row.turn is not None:
        data["messages"] = cancellation.fate
    tx.event("cancel", data, at=now, agent=agent, turn=row.turn)
    return Cancelled(row.turn, ended)


def wish_end(tx: Transaction, turn: int, cancellation: Cancellation) -> None:
    """Records that a running turn is to be ended, and what becomes of its messages."""
    tx.connection.execute(
        "UPDATE turns SET cancel = ?, cancel_reason = ? WHERE id = ?",
        (cancellation.fate, cancellation.reason, turn),
    )


def wish_of(tx: Transaction, turn: int) -> Cancellation | None:
    """The wish to end a turn, if there is one."""
    row = tx.connection.execute(
        "SELECT cancel, cancel_reason FROM turns WHERE id = ?", (turn,)
    ).fetchone()
    return None if row is None or row[0] is None else Cancellation(Fate(row[0]), row[1])
