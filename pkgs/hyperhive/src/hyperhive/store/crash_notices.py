"""Containers and harnesses that ended though nobody wanted it: who is told, once.

A harness whose connection ends without a word may have gone down with its container, which is
known a moment later. So its loss is written down with its time, and told when nothing has explained
it in the meantime.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from hyperhive.store import notices
from hyperhive.store.agents import read_agent
from hyperhive.store.container_rows import read_container
from hyperhive.store.container_states import Crash
from hyperhive.store.messages import MessageState
from hyperhive.store.transaction import Transaction

LOSS_SECONDS: Final = 0.4
"""How long a report of the container may take to explain why its harness is gone."""

RUNS: Final = 16
"""Crashed runs of a container that are remembered, so that each counts once."""


def in_words(crash: Crash) -> str:
    """How a run ended, for a reader: `SIGKILL`, `exit status 1`, `timeout`."""
    match crash.result:
        case "signal" | "core-dump" if crash.status:
            return crash.status
        case "exit-code" if crash.status:
            return f"exit status {crash.status}"
        case result:
            return result


def container_crashed(
    tx: Transaction, agent: str, crash: Crash, *, run: str, reader: str, now: float
) -> bool:
    """Tells that an agent's container crashed; False if that run's crash has been told before.

    Args:
        run: what names the run.
        reader: who is told.
    """
    (text, lost) = tx.connection.execute(
        "SELECT crashes, lost_turn FROM agents WHERE name = ?", (agent,)
    ).fetchone()
    runs: list[str] = json.loads(text)
    if run in runs:
        return False
    tx.connection.execute(
        "UPDATE agents SET crashes = ? WHERE name = ?", (json.dumps([*runs, run][-RUNS:]), agent)
    )
    turn = lost if lost is not None else read_agent(tx, agent).turn
    forget_lost_harness(tx, agent)
    data = {"result": crash.result, "status": crash.status, "turn": turn}
    lines = notices.newest(crash.lines)
    _tell(tx, "container_crash", agent, {**data, "lines": lines}, reader, now=now)
    return True


def harness_lost(tx: Transaction, agent: str, turn: int | None, *, now: float) -> None:
    """Records that a harness is gone, and with it a turn, and nothing yet explains it."""
    tx.connection.execute(
        "UPDATE agents SET lost_at = coalesce(lost_at, ?), lost_turn = coalesce(lost_turn, ?)"
        " WHERE name = ?",
        (now, turn, agent),
    )
    tx.falls_due(now + LOSS_SECONDS)


def forget_lost_harness(tx: Transaction, agent: str) -> None:
    """Something has explained why an agent's harness is gone."""
    tx.connection.execute(
        "UPDATE agents SET lost_at = NULL, lost_turn = NULL WHERE name = ?", (agent,)
    )


def tell_lost_harnesses(
    tx: Transaction, *, reader_of: Callable[[str], str], now: float
) -> float | None:
    """Tells of harnesses whose end nothing explained; returns when the next are due.

    Args:
        reader_of: who is told of an agent's.
    """
    following: float | None = None
    rows = tx.connection.execute(
        "SELECT name, lost_at, lost_turn FROM agents WHERE lost_at NOT NULL ORDER BY lost_at"
    ).fetchall()
    for agent, at, turn in rows:
        # A clock that was set back is no reason to wait for long.
        if at <= now < at + LOSS_SECONDS:
            following = at + LOSS_SECONDS if following is None else following
            continue
        forget_lost_harness(tx, agent)
        _tell(tx, "harness_crash", agent, {"turn": turn}, reader_of(agent), now=now)
    return following


def _tell(
    tx: Transaction, kind: str, agent: str, data: dict[str, Any], reader: str, *, now: float
) -> None:
    """Writes the event; and a notice, unless one about this agent still waits to be read, or it is
    the end that the operator wants, however it came."""
    as_wanted = read_container(tx, agent).is_to_end
    marked = {**data, "as_wanted": True} if as_wanted else data
    tx.event(kind, marked, at=now, agent=agent, turn=data["turn"])
    if as_wanted:
        return
    waiting = tx.connection.execute(
        "SELECT 1 FROM agents JOIN messages ON messages.id = crash_notice"
        " WHERE name = ? AND messages.state = ?",
        (agent, MessageState.QUEUED),
    ).fetchone()
    if waiting is not None:
        return
    id = notices.tell(tx, reader, kind, {"agent": agent, **data}, now=now)
    tx.connection.execute("UPDATE agents SET crash_notice = ? WHERE name = ?", (id, agent))
