"""Approvals as the store has them."""

from collections.abc import Mapping
from typing import Any

from hyperhive.store.approval_rows import Approval
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.wire.git_objects import made
from hyperhive.wire.records import to_json


def example(id: int = 1, files: Mapping[str, str] | None = None, **more: Any) -> Approval:
    """An approval of a commit of the manager's, with what differs from one that is pending.

    Args:
        more: fields of the approval; also `parent`, the commit before its own.
    """
    files = {"agent.toml": f'model = "model-{id}"\n'} if files is None else files
    commit, objects = made(
        {name: text.encode() for name, text in files.items()},
        parent=more.pop("parent", None),
        name="boss",
        email="boss@lab.hive.internal",
        message=f"Change {id}\n",
        at=1_790_000_000 + id,
    )
    known: dict[str, Any] = {
        "id": id,
        "kind": ApprovalKind.APPLY_COMMIT,
        "agent": "alice",
        "commit": commit,
        "description": "A better model",
        "files": files,
        "objects": to_json(objects),
        "extra_nix": False,
        "submitted_by": "boss",
        "created_at": 1_790_000_000.0,
        "state": ApprovalState.PENDING,
        "decided_at": None,
        "decided_by": None,
        "reason": "",
        "began_at": None,
        "finished_at": None,
        "error": "",
        "log": [],
        "supersedes": None,
        "superseded_by": None,
        "tagged": False,
    }
    return Approval(**{**known, **more})


def ended(id: int, state: ApprovalState, **more: Any) -> Approval:
    """An approval that was decided, and deployed or not."""
    decided: dict[str, Any] = {"decided_at": 1_790_000_100.0, "decided_by": "operator"}
    if state in (ApprovalState.DEPLOYED, ApprovalState.FAILED):
        decided |= {"began_at": 1_790_000_200.0, "finished_at": 1_790_000_300.0}
    return example(id, state=state, **{**decided, **more})
