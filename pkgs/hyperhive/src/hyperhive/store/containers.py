"""Containers: what is wanted of them, and what their units were seen to be.

What is wanted is written down before anything is done about it, so that it holds whatever ends in
between. What is reported is what was seen, in whatever order the reports come.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import OPERATOR
from hyperhive.store import crash_notices, notices, spawned_agents, turn_ends
from hyperhive.store.agents import NO_HARNESS, read_agent, unlink
from hyperhive.store.container_rows import ENDED, GONE, UP, ContainerRow, Link, read_container
from hyperhive.store.container_states import ContainerState, Crash, Wanted
from hyperhive.store.transaction import Transaction
from hyperhive.wire.harness import OutcomeKind

_WITH_PROCESSES: Final = (*UP, ContainerState.STOPPING)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a container's unit.

    Attributes:
        at: when it was seen, seconds since the epoch.
        invocation: systemd's id of the unit's run.
        crash: set when the run ended and nobody had asked for it.
    """

    state: ContainerState
    reason: str
    at: float
    invocation: str | None = None
    crash: Crash | None = None


class UnfitWishError(HyperhiveError):
    """It cannot be wanted of a container such as this."""


def want(
    tx: Transaction,
    agent: str,
    wanted: Wanted,
    reason: str,
    *,
    by: str = OPERATOR,
    manager: str | None = None,
    in_declaration: bool = False,
    now: float,
) -> ContainerRow:
    """Records what is wanted of an agent's container; returns what was known before.

    What the operator ended is the operator's to start.

    Args:
        by: who wants it: `operator`, or an agent.
        manager: who is told that the operator has an agent destroyed; None: nobody.
        in_declaration: whether the hive declares the agent, however it came to be: a purge then
            leaves what was approved of it, as root does.

    Raises:
        KeyError: there is and was no such agent.
        UnfitWishError: it is to be purged, but is neither destroyed nor undeclared; or it is to be
            stopped, but is destroyed; or it is not an agent's to wish for.
    """
    before = read_container(tx, agent)
    destroyed = before.wanted in GONE
    if by != OPERATOR:
        _check_power(agent, before, wanted)
    if wanted is Wanted.PURGED and before.declared and not destroyed:
        raise UnfitWishError(
            f"{agent} is not destroyed", f"destroy it first: hyperhive agent destroy {agent}"
        )
    if wanted is Wanted.STOPPED and destroyed:
        raise UnfitWishError(
            f"{agent} is destroyed: it has no container", f"hyperhive agent start {agent} makes one"
        )
    if by == OPERATOR or not _ended_by_operator(before):
        _want(tx, agent, before, wanted, reason, by, now=now)
    if wanted in ENDED:
        crash_notices.forget_lost_harness(tx, agent)
    if wanted is Wanted.PURGED and not in_declaration:
        spawned_agents.forget(tx, agent)
    if wanted is Wanted.DESTROYED and not destroyed and manager not in (None, agent):
        notices.tell(tx, manager, "destroyed", {"agent": agent, "reason": reason}, now=now)
    return before


def _check_power(agent: str, before: ContainerRow, wanted: Wanted) -> None:
    """See that this is not the operator's alone to wish for."""
    if wanted in GONE:
        raise UnfitWishError(f"only the operator has {agent} {wanted}", "ask the operator")
    if wanted is Wanted.RUNNING and _ended_by_operator(before):
        raise UnfitWishError(
            f"{agent} was {before.wanted} by the operator: only the operator starts it",
            "ask the operator",
        )


def _ended_by_operator(row: ContainerRow) -> bool:
    return row.wanted in ENDED and row.wanted_by == OPERATOR


def declared_again(tx: Transaction, agents: Sequence[str], *, now: float) -> None:
    """Forgets what was wanted of agents that the hive had lost and has again."""
    for agent in agents:
        row = read_container(tx, agent)
        _want(tx, agent, row, None, "it is declared again", None, now=now)


def _want(
    tx: Transaction,
    agent: str,
    row: ContainerRow,
    wanted: Wanted | None,
    why: str,
    by: str | None,
    *,
    now: float,
) -> None:
    reason = why if wanted is not None else ""
    if (wanted, reason, by) == (row.wanted, row.wanted_reason, row.wanted_by):
        return
    tx.connection.execute(
        "UPDATE agents SET wanted = ?, wanted_reason = ?, wanted_by = ? WHERE name = ?",
        (wanted, reason, by, agent),
    )
    data = {"wanted": wanted, "was": row.wanted, "reason": why}
    tx.event("wanted", data if by is None else {**data, "by": by}, at=now, agent=agent)


def report(tx: Transaction, agent: str, seen: Report, *, reader: str, now: float) -> bool:
    """Takes what was seen of a container; whether it was a crash that nobody had reported.

    Saying it twice changes nothing the second time. What is older than what is known changes
    nothing; but a crash counts whenever it is reported, once for each run of the container.

    Args:
        reader: who is told of a crash.

    Raises:
        KeyError: there is and was no such agent.
    """
    known = read_container(tx, agent)
    crashed = seen.crash is not None and crash_notices.container_crashed(
        tx, agent, seen.crash, run=seen.invocation or str(seen.at), reader=reader, now=now
    )
    if not _outdated(known, seen, now):
        _take(tx, agent, known, seen, now=now)
    return crashed


def _outdated(known: ContainerRow, seen: Report, now: float) -> bool:
    # A clock that was set back would else make everything outdated until it is there again.
    return known.at is not None and seen.at < known.at <= now


def _take(tx: Transaction, agent: str, known: ContainerRow, seen: Report, *, now: float) -> None:
    crash = None if seen.crash is None else crash_notices.in_words(seen.crash)
    same_run = seen.invocation == known.invocation
    same = same_run and (seen.state, seen.reason, crash) == (known.state, known.reason, known.crash)
    tx.connection.execute(
        "UPDATE agents SET container = ?, container_reason = ?, container_since = ?,"
        " container_at = ?, container_invocation = ?, container_crash = ? WHERE name = ?",
        (
            seen.state,
            seen.reason,
            known.since if same_run and seen.state is known.state else seen.at,
            seen.at,
            seen.invocation,
            crash,
            agent,
        ),
    )
    if same:
        return
    tx.event(
        "container",
        {"state": seen.state, "was": known.state, "reason": seen.reason},
        at=now,
        agent=agent,
    )
    if seen.state is not ContainerState.RUNNING or not same_run:
        # Its harness went with the container; of a crash something else tells.
        crash_notices.forget_lost_harness(tx, agent)
    if read_agent(tx, agent).link is not Link.CONNECTED:
        unlink(tx, agent, NO_HARNESS, now=now)
        was_up = known.state in _WITH_PROCESSES
        if crash is not None or seen.state not in _WITH_PROCESSES or (was_up and not same_run):
            _end_turn(tx, agent, now=now)


def _end_turn(tx: Transaction, agent: str, *, now: float) -> None:
    """Ends the turn of an agent whose harness is gone with a run of its container.

    While the broker hears of it, the end of the harness's connection has ended the turn before.
    """
    container, row = read_container(tx, agent), read_agent(tx, agent)
    crashed = container.crash is not None and not container.is_to_end
    kind = OutcomeKind.FAILED if crashed else OutcomeKind.CANCELLED
    why = row.link_reason if row.link is Link.OFFLINE else "the container was started again"
    turn_ends.lost(tx, agent, why, kind=kind, now=now)


def end_turns(tx: Transaction, *, now: float) -> None:
    """Ends turns of containers that are known to be down; no harness is connected yet."""
    names = tx.connection.execute("SELECT name FROM agents WHERE turn NOT NULL").fetchall()
    for (agent,) in names:
        if read_container(tx, agent).state not in (None, *_WITH_PROCESSES):
            _end_turn(tx, agent, now=now)


def deployed(
    tx: Transaction,
    agent: str,
    changes: Sequence[str],
    error: str,
    *,
    former: bool = False,
    now: float,
) -> None:
    """Records what reconciling did for an agent.

    Args:
        error: "" if all went well.
        former: whether it saw to it that there is no container: what was wanted when it began may
            not be what is wanted now.

    Raises:
        KeyError: there is and was no such agent.
    """
    known = read_container(tx, agent)
    data: dict[str, Any] = {"changes": list(changes)}
    if error:
        data["error"] = error
    tx.event("deployment", data, at=now, agent=agent)
    if not error and former:
        wish = known.wanted_reason if known.wanted in GONE else ""
        other = "its container was removed" if known.declared else "the hive has no such agent now"
        reason = wish or other
        gone = Report(ContainerState.ABSENT, reason, max(now, known.at or now), known.invocation)
        _take(tx, agent, known, gone, now=now)


def rebooted(tx: Transaction, boot: str, *, now: float) -> None:
    """Nothing runs any more that ran before the host was booted.

    Args:
        boot: the kernel's id of this boot.
    """
    key = ("boot", boot)
    before = tx.connection.execute("SELECT value FROM meta WHERE key = ?", key[:1]).fetchone()
    if before == (boot,):
        return
    tx.connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key,
    )
    names = tx.connection.execute("SELECT name FROM agents WHERE container NOT NULL").fetchall()
    for (agent,) in names:
        known = read_container(tx, agent)
        if known.state in _WITH_PROCESSES:
            ended = Report(ContainerState.STOPPED, "the host was booted", now, known.invocation)
            _take(tx, agent, known, ended, now=now)
