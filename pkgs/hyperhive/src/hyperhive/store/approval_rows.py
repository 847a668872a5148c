"""Approvals as they stand, and what of them agents run with. Approvals are kept for ever."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlite_utils import Database

from hyperhive.hive.members import Approved, Spawned
from hyperhive.hive.names import AgentName
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.store.transaction import Transaction

Source = Transaction | Database
"""The writer's view, or the reader's."""

_OPEN: Final = "state IN ('pending', 'approved', 'building')"
"""As the index over them has it."""

_COLUMNS: Final = (
    "id, kind, agent, sha, description, files, objects, extra_nix, submitted_by, created_at, state,"
    " decided_at, decided_by, reason, began_at, finished_at, error, log, supersedes, superseded_by,"
    " tagged"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApproval:
    """A wish for a change, verified and valid.

    Attributes:
        commit: the id of the commit whose files are the agent's settings.
        files: what is in these files, by name.
        objects: the commit's objects, as JSON has them (`wire.git_objects.CommitObjects`).
        submitted_by: the manager's name, or `operator`.
        extra_nix: whether it carries free-form NixOS configuration.
    """

    kind: ApprovalKind
    agent: str
    commit: str
    description: str
    files: Mapping[str, str]
    objects: Mapping[str, Any]
    submitted_by: str
    extra_nix: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval(NewApproval):
    """A wish for a change, and what became of it. Times are in seconds since the epoch.

    Attributes:
        reason: why it was denied, cancelled or superseded.
        error: why it failed.
        log: the last lines of what the failed deploy said, oldest first.
        supersedes, superseded_by: ids of other approvals.
        tagged: whether the repository of proposals has what is to be seen of this state.
    """

    id: int
    created_at: float
    state: ApprovalState
    decided_at: float | None
    decided_by: str | None
    reason: str
    began_at: float | None
    finished_at: float | None
    error: str
    log: list[str]
    supersedes: int | None
    superseded_by: int | None
    tagged: bool

    @property
    def standing(self) -> str:
        """What has become of it, in words: `approval 3 was denied by operator at …`."""
        match self.state:
            case ApprovalState.PENDING:
                return f"approval {self.id} is pending"
            case ApprovalState.SUPERSEDED:
                how = f"superseded by approval {self.superseded_by}"
            case ApprovalState.DENIED | ApprovalState.CANCELLED:
                how = f"{self.state} by {self.decided_by}"
            case _:
                how = f"approved by {self.decided_by}"
        decided = f"approval {self.id} was {how} at {_moment(self.decided_at)}"
        match self.state:
            case ApprovalState.BUILDING:
                return f"{decided} and is being built"
            case ApprovalState.DEPLOYED:
                return f"{decided} and deployed at {_moment(self.finished_at)}"
            case ApprovalState.FAILED:
                return f"{decided} and failed at {_moment(self.finished_at)}"
            case _:
                return decided


def _moment(at: float | None) -> str:
    return datetime.fromtimestamp(at or 0, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


class UnknownApprovalError(KeyError):
    """There is no approval of that id."""

    def __init__(self, id: int) -> None:
        super().__init__(id)
        self.id = id

    def __str__(self) -> str:
        return f"there is no approval {self.id}"


def read(source: Source, id: int) -> Approval:
    """An approval.

    Raises:
        UnknownApprovalError: there is none of that id.
    """
    found = _found(source, "WHERE id = ?", id)
    if not found:
        raise UnknownApprovalError(id)
    return found[0]


def get(db: Database, id: int) -> Approval:
    """As `read`, beside the writer."""
    return read(db, id)


def listed(
    db: Database, *, open_only: bool, agent: str | None, after: int | None, limit: int
) -> list[Approval]:
    """Approvals in the order of their ids.

    Args:
        open_only: only those that something follows.
        agent: only those about this agent.
        after: only those with a larger id, oldest first; None: the newest `limit`.
    """
    which = [_OPEN] if open_only else []
    values: list[Any] = []
    for condition, value in (("agent = ?", agent), ("id > ?", after)):
        if value is not None:
            which.append(condition)
            values.append(value)
    order = "DESC" if after is None else "ASC"
    index = "INDEXED BY approvals_open" if open_only else ""
    where = f"WHERE {' AND '.join(which)}" if which else ""
    rows = _found(db, f"{index} {where} ORDER BY id {order} LIMIT ?", *values, limit)
    return rows if after is not None else rows[::-1]


def unfinished(source: Source, agent: str | None = None) -> list[Approval]:
    """What the operator wants and what is not done yet, in the order of their ids.

    Args:
        agent: only what is about this agent; None: all.
    """
    which = f"INDEXED BY approvals_open WHERE {_OPEN} AND state <> 'pending'"
    return _found(source, f"{which} AND ? IN (agent, '') ORDER BY id", agent or "")


def pending_spawns(source: Source, but: str) -> int:
    """How many new agents were asked for and are not decided.

    Args:
        but: an agent that does not count.
    """
    [count] = (
        _connection(source)
        .execute(
            f"SELECT count(*) FROM approvals INDEXED BY approvals_open WHERE {_OPEN}"
            " AND state = 'pending' AND kind = 'spawn' AND agent <> ?",
            (but,),
        )
        .fetchone()
    )
    return int(count)


def untagged(source: Source) -> list[Approval]:
    """Approvals of which the repository of proposals may lack something, by id."""
    return _found(source, "INDEXED BY approvals_untagged WHERE tagged = 0 ORDER BY id")


def last_approved(source: Source, agent: str, before: int | None = None) -> Approval | None:
    """The newest approval about an agent that the operator wanted, whatever came of it.

    Args:
        before: only of those with a smaller id, which were decided earlier.
    """
    return _newest(source, agent, "'approved', 'building', 'deployed', 'failed'", before)


def last_deployed(source: Source, agent: str, before: int | None = None) -> Approval | None:
    """The newest approval about an agent that was deployed: what it runs with.

    Args:
        before: only of those with a smaller id, which were done earlier.
    """
    return _newest(source, agent, "'deployed'", before)


def _newest(source: Source, agent: str, states: str, before: int | None) -> Approval | None:
    found = _found(
        source,
        f"INDEXED BY approvals_agent WHERE agent = ? AND state IN ({states})"
        " AND id < coalesce(?, id + 1) ORDER BY id DESC LIMIT 1",
        agent,
        before,
    )
    return found[0] if found else None


def asked_at(source: Source, by: str, newest: int) -> float | None:
    """When somebody asked for the approval that is their `newest`-th from the end; None: they have
    not asked for that many."""
    which = "WHERE submitted_by = ? ORDER BY id DESC LIMIT 1 OFFSET ?"
    row = (
        _connection(source)
        .execute(f"SELECT created_at FROM approvals {which}", (by, newest - 1))
        .fetchone()
    )
    return None if row is None else float(row[0])


def approved_layers(source: Source) -> dict[AgentName, Approved]:
    """What was approved of each agent and is deployed; of a spawned one also while it is built.

    Of agents that the hive has no more, too.
    """
    rows = _connection(source).execute(
        "SELECT name, CASE WHEN approvals.state = 'building' THEN files ELSE approved END,"
        " spawned FROM agents LEFT JOIN approvals ON id = json_extract(spawned, '$.approval')"
        " WHERE CASE WHEN spawned IS NULL THEN approved NOT NULL"
        " ELSE approvals.state IN ('building', 'deployed') END ORDER BY name"
    )
    return {
        AgentName(name): Approved(
            json.loads(files), None if spawned is None else Spawned(**json.loads(spawned))
        )
        for name, files, spawned in rows
    }


def _found(source: Source, which: str, *values: object) -> list[Approval]:
    sql = f"SELECT {_COLUMNS} FROM approvals {which}"
    return [_approval(row) for row in _connection(source).execute(sql, values)]


def _connection(source: Source) -> sqlite3.Connection:
    connection = source.connection if isinstance(source, Transaction) else source.conn
    assert isinstance(connection, sqlite3.Connection), "the store's databases are open"
    return connection


def _approval(row: tuple[Any, ...]) -> Approval:
    return Approval(
        id=row[0],
        kind=ApprovalKind(row[1]),
        agent=row[2],
        commit=row[3],
        description=row[4],
        files=json.loads(row[5]),
        objects=json.loads(row[6]),
        extra_nix=bool(row[7]),
        submitted_by=row[8],
        created_at=row[9],
        state=ApprovalState(row[10]),
        decided_at=row[11],
        decided_by=row[12],
        reason=row[13],
        began_at=row[14],
        finished_at=row[15],
        error=row[16],
        log=json.loads(row[17]),
        supersedes=row[18],
        superseded_by=row[19],
        tagged=bool(row[20]),
    )
