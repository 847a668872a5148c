"""Turns: begun with a lease, at most one running per agent; how they end is in turn_ends."""

from dataclasses import dataclass
from typing import Final

from hyperhive.hive.names import OPERATOR
from hyperhive.store import messages
from hyperhive.store.agents import AgentRow, AgentState, read_agent, set_hold, settle
from hyperhive.store.cancelling import wish_end, wish_of
from hyperhive.store.messages import Delivery
from hyperhive.store.naps import end_nap
from hyperhive.store.settlement import Cancellation, EndingTurn, Fate
from hyperhive.store.transaction import Transaction
from hyperhive.wire.harness import OutcomeKind, TurnEvent, TurnEventKind, TurnKind

NAP_GRACE: Final = 60.0
"""Seconds in which a turn that asked for a nap may end by itself; then it is ended."""


@dataclass(frozen=True, slots=True)
class BegunTurn:
    """A turn that the harness is to run.

    Attributes:
        resume: whether `session` has been begun by an earlier turn.
        delivery: the message that it is for; None in other kinds.
        unread: messages that are still queued behind this one.
        reason: why it runs, where it is not for a message.
        cancelled: why the turn before it was cancelled, if it was.
    """

    id: int
    agent: str
    kind: TurnKind
    model: str
    session: str
    resume: bool
    delivery: Delivery | None
    unread: int
    reason: str = ""
    cancelled: str | None = None


@dataclass(frozen=True, slots=True)
class Overdue:
    """The turn that runs is to be ended."""

    turn: int
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """No turn can begin; `until` (seconds since the epoch) is when to look again, if known."""

    until: float | None


def begin(
    tx: Transaction, agent: str, *, fresh_session: str, wake_for_operator: bool, now: float
) -> BegunTurn | Overdue | Waiting:
    """Begins the agent's next turn, if it is idle and there is something to do: a compaction that
    is due, else its oldest message, else its notes.

    Args:
        fresh_session: the session's UUID in case the agent has none yet.
        wake_for_operator: whether a message of the operator's ends a nap.
    """
    row = _after_waits(tx, agent, wake_for_operator, now=now)
    if row.turn is not None:
        return _running(tx, row, row.turn, now=now)
    if row.standing.state is not AgentState.IDLE:
        return Waiting(row.standing.until)
    if row.compaction is not None and row.session is not None:
        return _insert(tx, row, TurnKind(row.compaction), row.session, row.compaction_reason, now)
    oldest = tx.connection.execute(
        "SELECT id FROM messages WHERE recipient = ? AND state = 'queued' ORDER BY id LIMIT 1",
        (agent,),
    ).fetchone()
    if row.notes_due is not None and oldest is None:
        return _insert(tx, row, TurnKind.NOTES, fresh_session, row.notes_due, now)
    if oldest is None:
        return Waiting(None)
    session = row.session or fresh_session
    return _insert(tx, row, TurnKind.MESSAGE, session, "", now)


def _after_waits(tx: Transaction, agent: str, wake_for_operator: bool, *, now: float) -> AgentRow:
    """The row once every wait that is over has ended."""
    row = read_agent(tx, agent)
    if row.hold is not None and row.hold.until is not None and row.hold.until <= now:
        set_hold(tx, agent, None, now=now)
    if row.nap is not None and row.nap.until <= now:
        end_nap(tx, agent, "its time is over", now=now)
    elif (
        row.nap is not None
        and row.turn is None
        and wake_for_operator
        and messages.waits_from(tx, OPERATOR, agent)
    ):
        end_nap(tx, agent, "a message from the operator", now=now)
    return read_agent(tx, agent)


def _running(tx: Transaction, row: AgentRow, turn: int, *, now: float) -> Overdue | Waiting:
    """Whether a running turn is to be ended: by the operator, or since it asked for a nap and goes
    on after a grace; its messages are done then."""
    wish = wish_of(tx, turn)
    if wish is None and row.nap is not None:
        deadline = row.nap.since + NAP_GRACE
        if now < deadline:
            return Waiting(deadline)
        wish = Cancellation(Fate.DONE, "the agent asked for a nap, and went on")
        wish_end(tx, turn, wish)
    return Waiting(None) if wish is None else Overdue(turn, wish.reason)


def _insert(
    tx: Transaction, row: AgentRow, kind: TurnKind, session: str, reason: str, now: float
) -> BegunTurn:
    own = kind is not TurnKind.NOTES
    before = tx.connection.execute(
        "SELECT outcome, cancel, cancel_reason FROM turns WHERE agent = ? ORDER BY id DESC LIMIT 1",
        (row.name,),
    ).fetchone()
    cancelled = before is not None and before[0] == OutcomeKind.CANCELLED and before[1] is not None
    (turn,) = tx.connection.execute(
        "INSERT INTO turns (agent, kind, model, session, resumed, queued_at, started_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (row.name, kind, row.model, session, own and row.session is not None, now, now),
    ).fetchone()
    delivery = None
    data = {"kind": str(kind), "model": row.model}
    if kind is TurnKind.MESSAGE:
        (delivery,) = messages.lease(tx, row.name, turn, 1)
        tx.connection.execute(
            "UPDATE turns SET message = ?, queued_at = ? WHERE id = ?",
            (delivery.id, delivery.sent_at, turn),
        )
        tx.event(
            "turn_started",
            {"message": delivery.id, "from": delivery.sender, **data},
            at=now,
            agent=row.name,
            turn=turn,
        )
    else:
        tx.event("turn_started", {**data, "reason": reason}, at=now, agent=row.name, turn=turn)
    tx.connection.execute(
        "UPDATE agents SET turn = ?, last_turn_at = ?, model_active = ?, compacting = ?"
        " WHERE name = ?",
        (turn, now, row.model, kind is not TurnKind.MESSAGE, row.name),
    )
    settle(tx, row.name, now=now)
    return BegunTurn(
        id=turn,
        agent=row.name,
        kind=kind,
        model=row.model,
        session=session,
        resume=own and row.session is not None,
        delivery=delivery,
        unread=messages.unread(tx, row.name),
        reason=reason,
        cancelled=before[2] if cancelled else None,
    )


class UnknownTurnError(LookupError):
    """The agent never had a turn of that id."""


def running_since(tx: Transaction, turn: int) -> float:
    """When a turn began, in seconds since the epoch."""
    (at,) = tx.connection.execute("SELECT started_at FROM turns WHERE id = ?", (turn,)).fetchone()
    return float(at)


def executed(tx: Transaction, agent: str, turn: int, *, at: float) -> None:
    """Records when claude was executed, in seconds since the epoch.

    Raises:
        UnknownTurnError: it is no turn of this agent.
    """
    ending_turn(tx, agent, turn)
    tx.connection.execute("UPDATE turns SET executed_at = ? WHERE id = ?", (at, turn))


def mark_cut(tx: Transaction, turn: int) -> None:
    """Records that a turn was cut off from its tools for a while, because the broker was away."""
    tx.connection.execute("UPDATE turns SET cut = 1 WHERE id = ?", (turn,))


def ending_turn(tx: Transaction, agent: str, turn: int) -> EndingTurn:
    """What is known of a turn.

    Raises:
        UnknownTurnError: it is no turn of this agent.
    """
    row = tx.connection.execute(
        "SELECT kind, message, model, cut FROM turns WHERE id = ? AND agent = ?", (turn, agent)
    ).fetchone()
    if row is None:
        raise UnknownTurnError(f"turn {turn} is none of {agent}'s")
    return EndingTurn(turn, TurnKind(row[0]), row[1], row[2], bool(row[3]), wish_of(tx, turn))


def record(tx: Transaction, agent: str, turn: int, events: list[TurnEvent], *, now: float) -> None:
    """Stores events of a turn; an `init` begins the agent's session, and claude's own compaction is
    its state while it lasts.

    Raises:
        UnknownTurnError: it is no turn of this agent.
    """
    kind = ending_turn(tx, agent, turn).kind
    running = read_agent(tx, agent).turn == turn
    for event in events:
        tx.event(
            f"turn.{event.kind}", event.data, at=event.at, agent=agent, turn=turn, seq=event.seq
        )
        session = event.data.get("session")
        if event.kind is TurnEventKind.INIT and kind is not TurnKind.NOTES:
            if isinstance(session, str):
                tx.connection.execute(
                    "UPDATE agents SET session = ? WHERE name = ?", (session, agent)
                )
        elif event.kind is TurnEventKind.COMPACTION and running and kind is TurnKind.MESSAGE:
            tx.connection.execute(
                "UPDATE agents SET compacting = ? WHERE name = ?",
                (event.data.get("status") == "compacting", agent),
            )
            settle(tx, agent, now=now)
