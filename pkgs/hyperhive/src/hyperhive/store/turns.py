"""Turns: begun with a lease, ended with an outcome; at most one running per agent."""

import json
from dataclasses import dataclass

from hyperhive.store import messages
from hyperhive.store.agents import AgentState, Hold, read_agent, set_hold, settle
from hyperhive.store.messages import Delivery
from hyperhive.store.transaction import Transaction
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnEvent, TurnEventKind


@dataclass(frozen=True, slots=True)
class BegunTurn:
    """A turn that the harness is to run.

    Attributes:
        resume: whether `session` has been begun by an earlier turn.
        unread: messages that are still queued behind this one.
    """

    id: int
    agent: str
    model: str
    session: str
    resume: bool
    delivery: Delivery
    unread: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """No turn can begin; `until` (seconds since the epoch) is when to look again, if known."""

    until: float | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What follows from a turn's end.

    Attributes:
        ack: acknowledge its messages; otherwise they return to the queue.
        failed: whether returning counts as a failed attempt of each message.
        hold: a time without turns that begins now.
        failures: consecutive failed turns, this one included.
        forget_session: begin a new session with the next turn.
        reason: why the messages return, where the outcome does not say it.
    """

    ack: bool
    failed: bool = False
    hold: Hold | None = None
    failures: int = 0
    forget_session: bool = False
    reason: str = ""


def begin(
    tx: Transaction, agent: str, *, model: str, fresh_session: str, now: float
) -> BegunTurn | Waiting:
    """Begins a turn with the agent's oldest message, if the agent is idle and has one.

    Args:
        fresh_session: the session's UUID in case the agent has none yet.
    """
    row = read_agent(tx, agent)
    if row.hold is not None and row.hold.until is not None and row.hold.until <= now:
        set_hold(tx, agent, None, now=now)
        row = read_agent(tx, agent)
    if row.standing.state is not AgentState.IDLE:
        return Waiting(row.standing.until)
    oldest = tx.connection.execute(
        "SELECT id, created_at FROM messages WHERE recipient = ? AND state = 'queued'"
        " ORDER BY id LIMIT 1",
        (agent,),
    ).fetchone()
    if oldest is None:
        return Waiting(None)
    (turn,) = tx.connection.execute(
        "INSERT INTO turns (agent, message, model, session, resumed, queued_at, started_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            agent,
            oldest[0],
            model,
            row.session or fresh_session,
            row.session is not None,
            oldest[1],
            now,
        ),
    ).fetchone()
    (delivery,) = messages.lease(tx, agent, turn, 1)
    tx.connection.execute(
        "UPDATE agents SET turn = ?, last_turn_at = ? WHERE name = ?", (turn, now, agent)
    )
    tx.event(
        "turn_started",
        {"message": delivery.id, "from": delivery.sender, "model": model},
        at=now,
        agent=agent,
        turn=turn,
    )
    settle(tx, agent, now=now)
    return BegunTurn(
        id=turn,
        agent=agent,
        model=model,
        session=row.session or fresh_session,
        resume=row.session is not None,
        delivery=delivery,
        unread=messages.unread(tx, agent),
    )


class UnknownTurnError(LookupError):
    """The agent never had a turn of that id."""


def executed(tx: Transaction, agent: str, turn: int, *, at: float) -> None:
    """Records when claude was executed, in seconds since the epoch.

    Raises:
        UnknownTurnError: it is no turn of this agent.
    """
    _own(tx, agent, turn)
    tx.connection.execute("UPDATE turns SET executed_at = ? WHERE id = ?", (at, turn))


def mark_cut(tx: Transaction, turn: int) -> None:
    """Records that a turn was cut off from its tools for a while, because the broker was away."""
    tx.connection.execute("UPDATE turns SET cut = 1 WHERE id = ?", (turn,))


def was_cut(tx: Transaction, turn: int) -> bool:
    """Whether a turn was cut off from its tools."""
    row = tx.connection.execute("SELECT cut FROM turns WHERE id = ?", (turn,)).fetchone()
    return bool(row == (1,))


def record(tx: Transaction, agent: str, turn: int, events: list[TurnEvent]) -> None:
    """Stores events of a turn; an `init` begins the agent's session.

    Raises:
        UnknownTurnError: it is no turn of this agent.
    """
    _own(tx, agent, turn)
    for event in events:
        tx.event(
            f"turn.{event.kind}", event.data, at=event.at, agent=agent, turn=turn, seq=event.seq
        )
        session = event.data.get("session")
        if event.kind is TurnEventKind.INIT and isinstance(session, str):
            tx.connection.execute("UPDATE agents SET session = ? WHERE name = ?", (session, agent))


def end(
    tx: Transaction, agent: str, turn: int, outcome: Outcome, settlement: Settlement, *, now: float
) -> bool:
    """Ends a running turn and settles its messages; False if it had ended before."""
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
    reason = settlement.reason or outcome.detail or str(outcome.kind)
    tx.event(
        "turn_finished",
        {"outcome": outcome.kind, "detail": outcome.detail, "denials": len(outcome.denials)},
        at=now,
        agent=agent,
        turn=turn,
    )
    if settlement.ack:
        messages.ack_turn(tx, turn, now=now)
    else:
        messages.requeue_turn(tx, turn, failed=settlement.failed, reason=reason, now=now)
    tx.connection.execute(
        "UPDATE agents SET turn = NULL, failures = ?, last_turn_at = ?,"
        " session = CASE WHEN ? THEN NULL ELSE coalesce(?, session) END WHERE name = ?",
        (settlement.failures, now, settlement.forget_session, outcome.session, agent),
    )
    set_hold(tx, agent, settlement.hold, now=now)
    return True


def lost(tx: Transaction, agent: str, reason: str, *, now: float) -> int | None:
    """Ends the agent's running turn as failed because its harness is gone; returns its id."""
    row = read_agent(tx, agent)
    if row.turn is None:
        return None
    outcome = Outcome(OutcomeKind.FAILED, reason)
    settlement = Settlement(ack=False, failed=True, hold=row.hold, failures=row.failures)
    end(tx, agent, row.turn, outcome, settlement, now=now)
    return row.turn


def _own(tx: Transaction, agent: str, turn: int) -> None:
    row = tx.connection.execute("SELECT agent FROM turns WHERE id = ?", (turn,)).fetchone()
    if row != (agent,):
        raise UnknownTurnError(f"turn {turn} is none of {agent}'s")
