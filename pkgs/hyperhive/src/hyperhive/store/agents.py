"""Agents' rows: what is known of each, and the one state that follows from it.

The state of an agent is never set: it is computed from what is known (its link, its turn, a pause,
a hold) by `state_of`, and each change of it is an event with its reason.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hyperhive.store.transaction import Transaction


class AgentState(StrEnum):
    """What an agent is doing, as every page and list says it."""

    OFFLINE = "offline"
    STARTING = "starting"
    IDLE = "idle"
    THINKING = "thinking"
    RATE_LIMITED = "rate_limited"
    NEEDS_LOGIN = "needs_login"
    PAUSED = "paused"
    FAILED = "failed"


class Link(StrEnum):
    """Whether an agent's harness is there."""

    OFFLINE = "offline"
    STARTING = "starting"
    CONNECTED = "connected"


class HoldKind(StrEnum):
    """Why an agent that could run a turn must not."""

    RATE_LIMITED = "rate_limited"
    NEEDS_LOGIN = "needs_login"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Hold:
    """A time without turns.

    Attributes:
        until: end in seconds since the epoch; None: until the operator or a new harness ends it.
    """

    kind: HoldKind
    reason: str
    until: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """An agent's state with why and until when (seconds since the epoch)."""

    state: AgentState
    reason: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True)
class AgentRow:
    """What is known of an agent beyond its declaration."""

    name: str
    link: Link
    link_reason: str
    paused: bool
    pause_reason: str
    hold: Hold | None
    turn: int | None
    failures: int
    session: str | None
    standing: Standing


def state_of(agent: AgentRow) -> Standing:
    """The state that follows from what is known."""
    match agent.link:
        case Link.OFFLINE:
            return Standing(AgentState.OFFLINE, agent.link_reason)
        case Link.STARTING:
            return Standing(AgentState.STARTING, agent.link_reason)
        case Link.CONNECTED:
            pass
    if agent.turn is not None:
        return Standing(AgentState.THINKING, f"turn {agent.turn}")
    if agent.paused:
        return Standing(AgentState.PAUSED, agent.pause_reason)
    if agent.hold is not None:
        return Standing(AgentState(agent.hold.kind), agent.hold.reason, agent.hold.until)
    return Standing(AgentState.IDLE)


def declare(tx: Transaction, names: list[str], *, now: float) -> None:
    """Makes the rows match the declared hive; every link starts as offline.

    A row whose agent is no longer declared stays, marked so.
    """
    tx.connection.execute(
        "UPDATE agents SET declared = 0, link = 'offline', link_reason = 'the broker started'"
    )
    for name in names:
        tx.connection.execute(
            "INSERT INTO agents (name, since) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET declared = 1",
            (name, now),
        )
    for (name,) in tx.connection.execute("SELECT name FROM agents").fetchall():
        settle(tx, name, now=now)


def read_agent(tx: Transaction, name: str) -> AgentRow:
    """The row of an agent.

    Raises:
        KeyError: there is no such agent.
    """
    row = tx.connection.execute(
        "SELECT link, link_reason, paused, pause_reason, hold, hold_reason, hold_until, turn,"
        " failures, session, state, reason, until FROM agents WHERE name = ?",
        (name,),
    ).fetchone()
    if row is None:
        raise KeyError(name)
    return AgentRow(
        name=name,
        link=Link(row[0]),
        link_reason=row[1],
        paused=bool(row[2]),
        pause_reason=row[3],
        hold=None if row[4] is None else Hold(HoldKind(row[4]), row[5], row[6]),
        turn=row[7],
        failures=row[8],
        session=row[9],
        standing=Standing(AgentState(row[10]), row[11], row[12]),
    )


def settle(tx: Transaction, name: str, *, now: float) -> Standing:
    """Brings the stored state in line with what is known; a change is an event."""
    agent = read_agent(tx, name)
    standing = state_of(agent)
    if standing != agent.standing:
        tx.connection.execute(
            "UPDATE agents SET state = ?, reason = ?, until = ?, since ="
            " CASE WHEN state = ? THEN since ELSE ? END WHERE name = ?",
            (standing.state, standing.reason, standing.until, standing.state, now, name),
        )
        data: dict[str, Any] = {"state": standing.state, "was": agent.standing.state}
        if standing.reason:
            data["reason"] = standing.reason
        if standing.until is not None:
            data["until"] = standing.until
        tx.event("state", data, at=now, agent=name, turn=agent.turn)
    if standing.state is AgentState.IDLE:
        tx.wake(name)
    return standing


def set_link(
    tx: Transaction,
    name: str,
    link: Link,
    reason: str,
    *,
    now: float,
    harness: str | None = None,
    claude: str | None = None,
) -> None:
    """Records whether the harness is there; a harness that comes ends a wait for login."""
    tx.connection.execute(
        "UPDATE agents SET link = ?, link_reason = ?, harness = coalesce(?, harness),"
        " claude = coalesce(?, claude) WHERE name = ?",
        (link, reason, harness, claude, name),
    )
    if link is Link.CONNECTED:
        tx.connection.execute(
            "UPDATE agents SET hold = NULL WHERE name = ? AND hold = 'needs_login'", (name,)
        )
    settle(tx, name, now=now)


def set_hold(tx: Transaction, name: str, hold: Hold | None, *, now: float) -> None:
    """Begins or ends a time without turns."""
    tx.connection.execute(
        "UPDATE agents SET hold = ?, hold_reason = ?, hold_until = ? WHERE name = ?",
        (hold.kind, hold.reason, hold.until, name) if hold else (None, "", None, name),
    )
    settle(tx, name, now=now)


def set_paused(tx: Transaction, name: str, paused: bool, reason: str, *, now: float) -> None:
    """Pauses an agent after the turn in progress, or lets it go on at once (ending any hold)."""
    tx.connection.execute(
        "UPDATE agents SET paused = ?, pause_reason = ? WHERE name = ?", (paused, reason, name)
    )
    if not paused:
        tx.connection.execute("UPDATE agents SET hold = NULL, failures = 0 WHERE name = ?", (name,))
    settle(tx, name, now=now)


def set_status(tx: Transaction, name: str, text: str, *, now: float) -> None:
    """Records what the agent says it is doing."""
    tx.connection.execute(
        "UPDATE agents SET status = ?, status_at = ? WHERE name = ?", (text, now, name)
    )
    tx.event("status", {"text": text}, at=now, agent=name)
