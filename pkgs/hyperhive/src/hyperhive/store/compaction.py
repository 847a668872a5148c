"""Conversations made shorter on demand, or begun anew; notes made shorter on demand."""

from hyperhive.store.agents import Compaction, read_agent
from hyperhive.store.transaction import Transaction


class NothingToCompactError(LookupError):
    """The agent has no conversation, or no notes."""


def request_compaction(
    tx: Transaction, agent: str, step: Compaction, reason: str, *, now: float
) -> None:
    """Has the conversation compacted before the next message.

    Raises:
        NothingToCompactError: there is no conversation.
    """
    row = read_agent(tx, agent)
    if row.session is None and row.turn is None:
        raise NothingToCompactError(f"{agent} has no conversation yet")
    tx.connection.execute(
        "UPDATE agents SET compaction = ?, compaction_reason = ? WHERE name = ?",
        (step, reason, agent),
    )
    tx.event("compaction_due", {"step": step, "reason": reason}, at=now, agent=agent)
    tx.wake(agent)


def request_notes(tx: Transaction, agent: str, reason: str, *, now: float) -> None:
    """Has the notes compacted when the agent is idle.

    Raises:
        NothingToCompactError: there are none, as far as the last turn told.
    """
    if not read_agent(tx, agent).notes_bytes:
        raise NothingToCompactError(f"{agent} has no notes yet")
    tx.connection.execute("UPDATE agents SET notes_due = ? WHERE name = ?", (reason, agent))
    tx.event("notes_due", {"reason": reason}, at=now, agent=agent)
    tx.wake(agent)


def begin_anew(tx: Transaction, agent: str, reason: str, *, now: float) -> None:
    """Has the next turn begin a new session; the one that runs now keeps its own to its end."""
    tx.connection.execute(
        "UPDATE agents SET new_session = turn IS NOT NULL,"
        " session = CASE WHEN turn IS NULL THEN NULL ELSE session END, compaction = NULL,"
        " compaction_reason = '', compacted_for = NULL WHERE name = ?",
        (agent,),
    )
    tx.event("new_session", {"reason": reason}, at=now, agent=agent)
