"""The end of a turn: its outcome, and in the same transaction what follows from it."""

import json
from typing import Final

from hyperhive.store import messages, notices, questions, reminders
from hyperhive.store.agents import AgentState, read_agent, set_hold
from hyperhive.store.messages import MessageKind, MessageState
from hyperhive.store.settlement import Fate, Settlement
from hyperhive.store.transaction import Transaction
from hyperhive.store.turns import ending_turn
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnKind

MAX_LOST: Final = 5
"""How often in a row a compaction may be lost with its harness before it is given up."""


def end(
    tx: Transaction,
    agent: str,
    turn: int,
    outcome: Outcome,
    settlement: Settlement,
    *,
    manager: str | None = None,
    now: float,
) -> bool:
    """Ends a running turn and settles its messages; False if it had ended before.

    Args:
        manager: who is told if another agent needs a login now; None: nobody.

    Raises:
        UnknownTurnError: it is no turn of this agent.
    """
    kind = ending_turn(tx, agent, turn).kind
    if not _close(tx, agent, turn, outcome, now=now):
        return False
    _settle_messages(tx, turn, outcome, settlement, now=now)
    questions.release_turn(tx, turn, took=settlement.fate in (Fate.DONE, Fate.DROPPED), now=now)
    row = read_agent(tx, agent)
    session = row.session if kind is TurnKind.NOTES else outcome.session or row.session
    forget = settlement.forget_session or row.new_session
    tx.connection.execute(
        "UPDATE agents SET turn = NULL, compacting = 0, new_session = 0, failures = ?,"
        " last_turn_at = ?, session = ?, compaction = ?, compaction_reason = ?, compacted_for = ?,"
        " notes_due = ?, notes_bytes = coalesce(?, notes_bytes), notes_tried = coalesce(?,"
        " notes_tried) WHERE name = ?",
        (
            settlement.failures,
            now,
            None if forget else session,
            None if forget else settlement.compaction,
            settlement.compaction_reason,
            None if forget else settlement.compacted_for,
            settlement.notes_due,
            outcome.notes_bytes,
            settlement.notes_tried,
            agent,
        ),
    )
    if kind is not TurnKind.NOTES and outcome.context_tokens is not None:
        tx.connection.execute(
            "UPDATE agents SET weighed_session = ?, context_tokens = ?,"
            " context_window = coalesce(?, context_window) WHERE name = ?",
            (session, outcome.context_tokens, outcome.context_window, agent),
        )
    set_hold(tx, agent, settlement.hold, now=now)
    # A hold begins with a turn's end, and ends with the next harness: so this is told once.
    standing = read_agent(tx, agent).standing
    if standing.state is AgentState.NEEDS_LOGIN and manager not in (None, agent):
        data = {"agent": agent, "reason": standing.reason}
        notices.tell(tx, manager, "needs_login", data, now=now)
    return True


def lost(
    tx: Transaction,
    agent: str,
    reason: str,
    *,
    now: float,
    kind: OutcomeKind = OutcomeKind.FAILED,
) -> int | None:
    """Ends the agent's running turn because its harness is gone; returns its id.

    A compaction that was under way is still due.

    Args:
        kind: what became of it; cancelled is no failed attempt at its messages.
    """
    row = read_agent(tx, agent)
    if row.turn is None:
        return None
    turn = ending_turn(tx, agent, row.turn)
    failed = kind is not OutcomeKind.CANCELLED
    failures = row.failures + (failed and turn.kind is not TurnKind.MESSAGE)
    due = failures < MAX_LOST
    fate = Fate.FAILED if failed else Fate.BACK
    settlement = Settlement(
        fate=fate if turn.cancellation is None else turn.cancellation.fate,
        note="" if turn.cancellation is None else turn.cancellation.reason,
        hold=row.hold,
        failures=failures,
        compaction=row.compaction if due else None,
        compaction_reason=row.compaction_reason if due else "",
        compacted_for=row.compacted_for,
        notes_due=row.notes_due if due else None,
    )
    end(tx, agent, row.turn, Outcome(kind, reason), settlement, now=now)
    return row.turn


def _settle_messages(
    tx: Transaction, turn: int, outcome: Outcome, settlement: Settlement, *, now: float
) -> None:
    match settlement.fate:
        case Fate.DONE:
            messages.settle_turn(tx, turn, MessageState.ACKED, note=settlement.note, now=now)
        case Fate.DROPPED:
            messages.settle_turn(tx, turn, MessageState.DROPPED, note=settlement.note, now=now)
        case Fate.BACK | Fate.FAILED:
            reason = settlement.reason or outcome.detail or str(outcome.kind)
            failed = settlement.fate is Fate.FAILED
            for kind, about in messages.requeue_turn(
                tx, turn, failed=failed, reason=reason, now=now
            ):
                if kind is MessageKind.REMINDER and about is not None:
                    reminders.park(tx, about, reason, now=now)


def _close(tx: Transaction, agent: str, turn: int, outcome: Outcome, *, now: float) -> bool:
    """Writes the outcome down; False if there is one already."""
    usage = outcome.usage
    cursor = tx.connection.execute(
        "UPDATE turns SET ended_at = ?, outcome = ?, detail = ?, exit_code = ?, steps = ?,"
        " duration_ms = ?, claude_version = ?, session_cost_usd = ?, input_tokens = ?,"
        " output_tokens = ?, cache_read_tokens = ?, cache_creation_tokens = ?,"
        " context_tokens = ?, context_window = ?, denials = ?, mcp_failed = ?"
        " WHERE id = ? AND agent = ? AND outcome IS NULL",
        (
            now,
            outcome.kind,
            outcome.detail,
            outcome.exit_code,
            outcome.steps,
            outcome.duration_ms,
            outcome.claude_version,
            outcome.session_cost_usd,
            usage.input,
            usage.output,
            usage.cache_read,
            usage.cache_creation,
            outcome.context_tokens,
            outcome.context_window,
            json.dumps([{"tool": d.tool, "input": d.input} for d in outcome.denials]),
            json.dumps(outcome.mcp_failed),
            turn,
            agent,
        ),
    )
    if cursor.rowcount == 0:
        return False
    tx.event(
        "turn_finished",
        {"outcome": outcome.kind, "detail": outcome.detail, "denials": len(outcome.denials)},
        at=now,
        agent=agent,
        turn=turn,
    )
    return True
