"""Approvals: each transition is one conditional UPDATE, with its event and its notices.

Who loses a race is told who won. What has ended never changes again.
"""

import json
from collections.abc import Sequence

from hyperhive.hive.names import OPERATOR
from hyperhive.store import approval_notices, containers, spawned_agents
from hyperhive.store.approval_errors import (
    ApprovalClosedError,
    EarlierApprovalError,
    NotYoursError,
    OtherCommitError,
    PendingApprovalError,
    may_set_aside,
)
from hyperhive.store.approval_rows import (
    Approval,
    NewApproval,
    UnknownApprovalError,
    approved_layers,
    get,
    last_approved,
    last_deployed,
    listed,
    read,
    unfinished,
    untagged,
)
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.store.transaction import Transaction

__all__ = [
    "Approval",
    "ApprovalClosedError",
    "EarlierApprovalError",
    "NewApproval",
    "NotYoursError",
    "OtherCommitError",
    "PendingApprovalError",
    "UnknownApprovalError",
    "approved_layers",
    "begin",
    "cancel",
    "decide",
    "finish",
    "get",
    "last_approved",
    "last_deployed",
    "listed",
    "mark_tagged",
    "read",
    "submit",
    "unfinished",
    "untagged",
]


def submit(
    tx: Transaction, new: NewApproval, *, supersede: int | None, reader: str, now: float
) -> Approval:
    """Asks the operator; of each agent one wish at a time waits.

    The same wish about the same commit, while it is pending, is not asked for twice.

    Args:
        supersede: the pending approval about the same agent that this one takes the place of.
        reader: who is told of that, if it was not them.

    Raises:
        PendingApprovalError: another one about this agent is pending, and is not named.
        ApprovalClosedError: the one that is named is not pending any more.
        NotYoursError: the one that is named is about another agent, or the operator's own.
        UnknownApprovalError: there is none of the named id.
    """
    row = tx.connection.execute(
        "SELECT id FROM approvals INDEXED BY approvals_pending"
        " WHERE agent = ? AND state = 'pending'",
        (new.agent,),
    ).fetchone()
    pending = None if row is None else read(tx, row[0])
    if pending is not None and (pending.kind, pending.commit) == (new.kind, new.commit):
        return pending
    if pending is not None and supersede is None:
        raise PendingApprovalError(pending, new.submitted_by)
    if supersede is not None:
        _set_aside(tx, supersede, new, now=now)
    id = _insert(tx, new, supersede, now=now)
    if supersede is not None:
        tx.connection.execute(
            "UPDATE approvals SET superseded_by = ?, reason = ? WHERE id = ?",
            (id, f"approval {id} takes its place", supersede),
        )
        approval_notices.resolved(tx, read(tx, supersede), reader, now=now)
    submitted = read(tx, id)
    approval_notices.submitted(tx, submitted, now=now)
    return submitted


def decide(
    tx: Transaction,
    id: int,
    *,
    approve: bool,
    by: str,
    reason: str,
    commit: str | None,
    reader: str,
    now: float,
) -> Approval:
    """The operator wants it, or does not.

    Args:
        commit: the commit that was looked at; None: whichever it is.
        reader: who is told, if it was not them.

    Raises:
        ApprovalClosedError: it was decided before.
        OtherCommitError: it is about another commit.
        AgentThereError: it would make an agent that is there.
        UnknownApprovalError: there is none.
    """
    about = read(tx, id)
    state = ApprovalState.APPROVED if approve else ApprovalState.DENIED
    if about.state is ApprovalState.PENDING and commit not in (None, about.commit):
        raise OtherCommitError(
            f"approval {id} is about commit {about.commit}, not {commit}",
            f"look at it again: hyperhive show {id}",
        )
    decided = _decided(tx, id, state, by, reason, now=now)
    if approve and decided.kind is ApprovalKind.SPAWN:
        spawned_agents.wanted(tx, decided.agent, id, decided.description, now=now)
    approval_notices.resolved(tx, decided, reader, now=now)
    return decided


def cancel(tx: Transaction, id: int, *, by: str, reason: str, reader: str, now: float) -> Approval:
    """Who asked for it withdraws it, or the operator does, while nobody has decided.

    Args:
        reader: who is told, if it was not them.

    Raises:
        NotYoursError: somebody else asked for it.
        ApprovalClosedError: it was decided before.
        UnknownApprovalError: there is none.
    """
    about = read(tx, id)
    if by not in (about.submitted_by, OPERATOR):
        raise NotYoursError(
            f"approval {id} was submitted by {about.submitted_by}", "ask them to cancel it"
        )
    cancelled = _decided(tx, id, ApprovalState.CANCELLED, by, reason, now=now)
    approval_notices.resolved(tx, cancelled, reader, now=now)
    return cancelled


def begin(tx: Transaction, id: int, *, now: float) -> Approval:
    """It is being done; saying so twice changes nothing the second time.

    Approvals about one agent are done in their order, so that the newest one holds in the end.

    Raises:
        EarlierApprovalError: another one about this agent is to be done before.
        AgentThereError: it would make an agent that is there.
        ApprovalClosedError: the operator did not approve it, or it is done.
        UnknownApprovalError: there is none.
    """
    before = read(tx, id)
    if before.state is ApprovalState.BUILDING:
        return before
    changed = tx.connection.execute(
        "UPDATE approvals SET state = 'building', began_at = ? WHERE id = ? AND state = 'approved'",
        (now, id),
    )
    if changed.rowcount == 0:
        raise ApprovalClosedError(before)
    first = unfinished(tx, before.agent)[0]
    if first.id != id:
        raise EarlierApprovalError(f"{first.standing}: it is to be done before approval {id}")
    begun = read(tx, id)
    if begun.kind is ApprovalKind.SPAWN:
        spawned_agents.joins(tx, begun.agent, id, begun.description, now=now)
        containers.declared_again(tx, [begun.agent], now=now)
    approval_notices.begun(tx, begun, now=now)
    return begun


def finish(
    tx: Transaction,
    id: int,
    *,
    error: str,
    log: Sequence[str],
    changes: Sequence[str],
    reader: str,
    now: float,
) -> Approval:
    """It is done, or could not be.

    Args:
        error: why it could not, in one line; "": the agent runs with it.
        log: the last lines of what was said, oldest first.
        changes: what was done, a few words each.
        reader: who is told; the operator always is of a failure.

    Raises:
        ApprovalClosedError: the operator did not approve it, or it is done, or it is not begun.
        UnknownApprovalError: there is none.
    """
    state = ApprovalState.FAILED if error else ApprovalState.DEPLOYED
    # What nobody began can be given up.
    before = ApprovalState.APPROVED if error else ApprovalState.BUILDING
    changed = tx.connection.execute(
        "UPDATE approvals SET state = ?, finished_at = ?, error = ?, log = ?, tagged = 0"
        " WHERE id = ? AND state IN ('building', ?)",
        (state, now, _plain(error), json.dumps(list(log)), id, before),
    )
    finished = read(tx, id)
    if changed.rowcount == 0:
        raise ApprovalClosedError(finished)
    if not error:
        tx.connection.execute(
            "UPDATE agents SET approved = ?, approved_id = ? WHERE name = ?",
            (json.dumps(dict(finished.files)), id, finished.agent),
        )
        approval_notices.deployed(tx, finished, changes, reader, now=now)
        return finished
    if finished.kind is ApprovalKind.SPAWN:
        spawned_agents.leaves(tx, finished.agent, id)
    approval_notices.failed(tx, finished, reader, now=now)
    return finished


def mark_tagged(tx: Transaction, id: int, state: ApprovalState) -> None:
    """The repository of proposals has what is to be seen of an approval in this state.

    If it has another state by now, more is to be written.
    """
    tx.connection.execute("UPDATE approvals SET tagged = 1 WHERE id = ? AND state = ?", (id, state))


def _insert(tx: Transaction, new: NewApproval, supersedes: int | None, *, now: float) -> int:
    (id,) = tx.connection.execute(
        "INSERT INTO approvals (kind, agent, sha, description, files, objects, extra_nix,"
        " submitted_by, created_at, supersedes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            new.kind,
            new.agent,
            new.commit,
            _plain(new.description),
            json.dumps(dict(new.files)),
            json.dumps(dict(new.objects)),
            new.extra_nix,
            new.submitted_by,
            now,
            supersedes,
        ),
    ).fetchone()
    return int(id)


def _set_aside(tx: Transaction, id: int, new: NewApproval, *, now: float) -> None:
    """Another one takes the place of this one, which is about the same agent and pending."""
    former = read(tx, id)
    if former.agent != new.agent:
        raise NotYoursError(
            f"approval {id} is about {former.agent}, not {new.agent}", "name another, or none"
        )
    if not may_set_aside(former, new.submitted_by):
        raise NotYoursError(
            f"approval {id} is the operator's own", "wait until it is decided; list_approvals says"
        )
    _decided(tx, id, ApprovalState.SUPERSEDED, new.submitted_by, "", now=now)


def _decided(
    tx: Transaction, id: int, state: ApprovalState, by: str, reason: str, *, now: float
) -> Approval:
    """It waits for nobody any more."""
    changed = tx.connection.execute(
        "UPDATE approvals SET state = ?, decided_at = ?, decided_by = ?, reason = ?,"
        " tagged = (? AND tagged) WHERE id = ? AND state = 'pending'",
        (state, now, by, _plain(reason), state is ApprovalState.APPROVED, id),
    )
    decided = read(tx, id)
    if changed.rowcount == 0:
        raise ApprovalClosedError(decided)
    return decided


def _plain(text: str) -> str:
    """A text without lone surrogates, which SQLite does not store."""
    return text.encode("utf-8", "replace").decode()
