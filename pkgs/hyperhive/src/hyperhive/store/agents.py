"""Agents' rows: what is known of each, and the one state that follows from it.

The state of an agent is never set: it is computed from what is known (its link, its turn, a pause,
a hold, a nap) by `state_of`, and each change of it is an event with its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hyperhive.store.container_rows import Link, link_without_harness, read_container
from hyperhive.store.transaction import Transaction

NO_HARNESS: Final = "the harness is not connected"


class AgentState(StrEnum):
    """What an agent is doing, as every page and list says it."""

    OFFLINE = "offline"
    STARTING = "starting"
    IDLE = "idle"
    THINKING = "thinking"
    COMPACTING = "compacting"
    NAPPING = "napping"
    RATE_LIMITED = "rate_limited"
    NEEDS_LOGIN = "needs_login"
    PAUSED = "paused"
    FAILED = "failed"


class HoldKind(StrEnum):
    """Why an agent that could run a turn must not."""

    RATE_LIMITED = "rate_limited"
    NEEDS_LOGIN = "needs_login"
    FAILED = "failed"
    UNKNOWN_MODEL = "unknown_model"
    """The API has no such model: until another one is chosen."""
    NO_CLAUDE = "no_claude"
    """The harness has no claude that it can run: until it says hello with one."""


_HELD: Mapping[HoldKind, AgentState] = {
    HoldKind.RATE_LIMITED: AgentState.RATE_LIMITED,
    HoldKind.NEEDS_LOGIN: AgentState.NEEDS_LOGIN,
    HoldKind.FAILED: AgentState.FAILED,
    HoldKind.UNKNOWN_MODEL: AgentState.FAILED,
    HoldKind.NO_CLAUDE: AgentState.FAILED,
}


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
class Nap:
    """A time without turns that the agent itself asked for; seconds since the epoch."""

    since: float
    until: float
    reason: str


class Compaction(StrEnum):
    """The next step of a compaction that is due."""

    CHECKPOINT = "checkpoint"
    """A turn in which the agent saves its notes."""
    COMPACT = "compact"


@dataclass(frozen=True, slots=True)
class Standing:
    """An agent's state with why and until when (seconds since the epoch)."""

    state: AgentState
    reason: str = ""
    until: float | None = None


@dataclass(frozen=True, slots=True)
class AgentRow:
    """What is known of an agent beyond its declaration.

    Attributes:
        failures: consecutive failed turns.
        compacting: whether the turn that runs is, just now, making the conversation or the notes
            shorter.
        compaction: the step of a compaction that comes before the next message, and why.
        compacted_for: the message whose prompt was too long when the conversation was last
            compacted, until a turn ends well.
        notes_due: why the notes are to be compacted; None: they are not.
        notes_bytes: size of notes.md after the last turn.
        notes_tried: that size at the last attempt to compact them.
        new_session: whether the running turn's session ends with it.
        model: of the next turn.
    """

    name: str
    link: Link
    link_reason: str
    paused: bool
    pause_reason: str
    hold: Hold | None
    nap: Nap | None
    turn: int | None
    failures: int
    session: str | None
    compacting: bool
    compaction: Compaction | None
    compaction_reason: str
    compacted_for: int | None
    notes_due: str | None
    notes_bytes: int | None
    notes_tried: int
    new_session: bool
    model: str
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
        doing = AgentState.COMPACTING if agent.compacting else AgentState.THINKING
        return Standing(doing, f"turn {agent.turn}")
    if agent.paused:
        return Standing(AgentState.PAUSED, agent.pause_reason)
    if agent.hold is not None:
        return Standing(_HELD[agent.hold.kind], agent.hold.reason, agent.hold.until)
    if agent.nap is not None:
        return Standing(AgentState.NAPPING, agent.nap.reason, agent.nap.until)
    return Standing(AgentState.IDLE)


def declare(tx: Transaction, names: list[str], *, now: float) -> None:
    """Makes the rows match the declared hive, of which no harness is connected yet.

    A row whose agent is no longer declared stays, marked so.
    """
    known = [name for (name,) in tx.connection.execute("SELECT name FROM agents").fetchall()]
    tx.connection.execute("UPDATE agents SET declared = 0")
    for name in names:
        tx.connection.execute(
            "INSERT INTO agents (name, since) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET declared = 1",
            (name, now),
        )
    for name in known:
        unlink(tx, name, "the broker started", now=now)


def unlink(tx: Transaction, name: str, otherwise: str, *, now: float) -> None:
    """Records that no harness is connected; the agent is what its container is.

    Args:
        otherwise: why it is offline, where nothing is known of a container.
    """
    link, reason = link_without_harness(read_container(tx, name), otherwise)
    set_link(tx, name, link, reason, now=now)


def undeclared(tx: Transaction) -> list[str]:
    """Agents that the hive had and has no more, by name."""
    rows = tx.connection.execute("SELECT name FROM agents WHERE declared = 0 ORDER BY name")
    return [str(name) for (name,) in rows.fetchall()]


def is_declared(tx: Transaction, name: str) -> bool:
    """Whether the hive has such an agent now."""
    row = tx.connection.execute("SELECT declared FROM agents WHERE name = ?", (name,)).fetchone()
    return bool(row == (1,))


def read_agent(tx: Transaction, name: str) -> AgentRow:
    """The row of an agent.

    Raises:
        KeyError: there is no such agent.
    """
    row = tx.connection.execute(
        "SELECT link, link_reason, paused, pause_reason, hold, hold_reason, hold_until,"
        " nap_since, nap_until, nap_reason, turn, failures, session, compacting, compaction,"
        " compaction_reason, compacted_for, notes_due, notes_bytes, notes_tried, new_session,"
        " model, state, reason, until FROM agents WHERE name = ?",
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
        nap=None if row[8] is None else Nap(row[7], row[8], row[9]),
        turn=row[10],
        failures=row[11],
        session=row[12],
        compacting=bool(row[13]),
        compaction=None if row[14] is None else Compaction(row[14]),
        compaction_reason=row[15],
        compacted_for=row[16],
        notes_due=row[17],
        notes_bytes=row[18],
        notes_tried=row[19],
        new_session=bool(row[20]),
        model=row[21],
        standing=Standing(AgentState(row[22]), row[23], row[24]),
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
    if standing.state is AgentState.IDLE or standing.until is not None or agent.nap is not None:
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
    settings: str | None = None,
) -> None:
    """Records whether the harness is there.

    Args:
        settings: the digest of the settings that it runs with, of one that is connected.
    """
    tx.connection.execute(
        "UPDATE agents SET link = ?, link_reason = ?, harness = coalesce(?, harness),"
        " claude = coalesce(?, claude), harness_settings = ? WHERE name = ?",
        (link, reason, harness, claude, settings, name),
    )
    settle(tx, name, now=now)


def set_hold(tx: Transaction, name: str, hold: Hold | None, *, now: float) -> None:
    """Begins or ends a time without turns."""
    tx.connection.execute(
        "UPDATE agents SET hold = ?, hold_reason = ?, hold_until = ? WHERE name = ?",
        (hold.kind, hold.reason, hold.until, name) if hold else (None, "", None, name),
    )
    settle(tx, name, now=now)


def end_hold(tx: Transaction, name: str, *kinds: HoldKind, now: float) -> bool:
    """Ends a hold if it is of one of these kinds; whether there was one."""
    hold = read_agent(tx, name).hold
    if hold is None or hold.kind not in kinds:
        return False
    set_hold(tx, name, None, now=now)
    return True


def set_paused(tx: Transaction, name: str, paused: bool, reason: str, *, now: float) -> None:
    """Pauses an agent after the turn in progress, or lets it go on at once (ending any hold)."""
    tx.connection.execute(
        "UPDATE agents SET paused = ?, pause_reason = ? WHERE name = ?", (paused, reason, name)
    )
    if not paused:
        tx.connection.execute(
            "UPDATE agents SET hold = NULL, failures = 0, guard_since = ? WHERE name = ?",
            (now, name),
        )
    settle(tx, name, now=now)


def set_status(tx: Transaction, name: str, text: str, *, now: float) -> None:
    """Records what the agent says it is doing."""
    tx.connection.execute(
        "UPDATE agents SET status = ?, status_at = ? WHERE name = ?", (text, now, name)
    )
    tx.event("status", {"text": text}, at=now, agent=name)
