"""What is told of an approval: an event of each transition, and notices of what readers await."""

from collections.abc import Sequence
from typing import Any

from hyperhive.hive.names import OPERATOR
from hyperhive.store import notices
from hyperhive.store.approval_rows import Approval
from hyperhive.store.approval_states import ApprovalKind
from hyperhive.store.transaction import Transaction


def submitted(tx: Transaction, approval: Approval, *, now: float) -> None:
    """Somebody asked the operator."""
    _event(tx, approval, {"by": approval.submitted_by}, now=now)


def resolved(tx: Transaction, approval: Approval, reader: str, *, now: float) -> None:
    """It waits for nobody any more; who saw to that is not told of it."""
    how = {"by": approval.decided_by, "reason": approval.reason}
    _event(tx, approval, how, now=now)
    if reader != approval.decided_by:
        data = {"id": approval.id, "kind": approval.kind, "agent": approval.agent}
        told = {**data, "state": approval.state, **how}
        notices.tell(tx, reader, "approval_resolved", told, now=now)


def begun(tx: Transaction, approval: Approval, *, now: float) -> None:
    """It is being done."""
    _event(tx, approval, {}, now=now)


def deployed(
    tx: Transaction, approval: Approval, changes: Sequence[str], reader: str, *, now: float
) -> None:
    """The agent runs with it."""
    _event(tx, approval, {"changes": list(changes)}, now=now)
    event = "spawned" if approval.kind is ApprovalKind.SPAWN else "deployed"
    what = {"kind": approval.kind, "description": approval.description}
    data = {**_about(approval), **what, "changes": notices.newest(changes)}
    notices.tell(tx, reader, event, data, now=now)


def failed(tx: Transaction, approval: Approval, reader: str, *, now: float) -> None:
    """It could not be done; the operator is told in any case."""
    _event(tx, approval, {"error": approval.error}, now=now)
    data = {**_about(approval), "error": approval.error, "log": notices.newest(approval.log)}
    for one in dict.fromkeys((reader, OPERATOR)):
        notices.tell(tx, one, "failed", data, now=now)


def _about(approval: Approval) -> dict[str, Any]:
    return {"id": approval.id, "agent": approval.agent, "commit": approval.commit}


def _event(tx: Transaction, approval: Approval, more: dict[str, Any], *, now: float) -> None:
    data = {"id": approval.id, "kind": approval.kind, "agent": approval.agent}
    tx.event("approval", {**data, "state": approval.state, **more}, at=now, agent=approval.agent)
