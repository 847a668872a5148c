"""Approvals that somebody asked for and the operator approved, straight in a broker's store."""

from collections.abc import Mapping
from typing import Any

from hyperhive.broker.core import Core
from hyperhive.store import approvals
from hyperhive.store.approval_rows import NewApproval
from hyperhive.store.approval_states import ApprovalKind
from hyperhive.wire.git_objects import made
from hyperhive.wire.records import to_json


def new_approval(
    kind: ApprovalKind, agent: str, files: Mapping[str, str], description: str = ""
) -> NewApproval:
    """A wish of the manager's."""
    content = {name: text.encode() for name, text in files.items()}
    commit, objects = made(
        content, parent=None, name="boss", email="boss@lab", message="Change\n", at=1
    )
    return NewApproval(
        kind=kind,
        agent=agent,
        commit=commit,
        description=description,
        files=dict(files),
        objects=to_json(objects),
        submitted_by="boss",
        extra_nix=False,
    )


async def approved(
    core: Core,
    agent: str,
    files: Mapping[str, str],
    kind: ApprovalKind = ApprovalKind.APPLY_COMMIT,
    description: str = "",
) -> int:
    """An approval that the operator has just approved; its id. Nothing is done about it."""
    new = new_approval(kind, agent, files, description)
    now = core.clock()
    asked = await core.store.write(approvals.submit, new, supersede=None, reader="boss", now=now)
    decision: dict[str, Any] = {"approve": True, "by": "operator", "reason": "", "commit": None}
    await core.store.write(approvals.decide, asked.id, **decision, reader="boss", now=now)
    return asked.id


async def spawning(core: Core, name: str, description: str = "") -> int:
    """An approval of a new agent that is being built; its id."""
    files = {"agent.toml": 'model = "opus"\n'}
    id = await approved(core, name, files, ApprovalKind.SPAWN, description)
    await core.approvals.begin(id)
    return id
