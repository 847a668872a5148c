"""Approvals as tests ask for them."""

from typing import Any

from hyperhive.hive.members import Approved
from hyperhive.store import approvals
from hyperhive.store.approval_states import ApprovalKind
from hyperhive.store.approvals import Approval, NewApproval
from hyperhive.store.transaction import Transaction

SPAWN = ApprovalKind.SPAWN


def wish(
    agent: str = "alice",
    letter: str = "a",
    kind: ApprovalKind = ApprovalKind.APPLY_COMMIT,
    by: str = "boss",
) -> NewApproval:
    """A wish about the commit whose id is this letter, 40 times."""
    return NewApproval(
        kind=kind,
        agent=agent,
        commit=letter * 40,
        description=f"give {agent} {letter}",
        files={"agent.toml": f'model = "{letter}"\n'},
        objects={"commit": letter, "tree": "t", "blobs": {"agent.toml": "Zm9v"}},
        submitted_by=by,
        extra_nix=False,
    )


def ask(
    tx: Transaction, new: NewApproval | None = None, supersede: int | None = None, at: float = 1
) -> Approval:
    return approvals.submit(tx, new or wish(), supersede=supersede, reader="boss", now=at)


def decide(
    tx: Transaction, id: int, yes: bool = True, by: str = "operator", at: float = 2, **more: Any
) -> Approval:
    given = {"reason": "", "commit": None, "reader": "boss", **more}
    return approvals.decide(tx, id, approve=yes, by=by, now=at, **given)


def finish(tx: Transaction, id: int, error: str = "", at: float = 4, **more: Any) -> Approval:
    given = {"log": (), "changes": (), "reader": "boss", **more}
    return approvals.finish(tx, id, error=error, now=at, **given)


def approved(tx: Transaction, new: NewApproval | None = None) -> Approval:
    """One that is being built."""
    id = ask(tx, new).id
    decide(tx, id)
    return approvals.begin(tx, id, now=3)


def deployed(tx: Transaction, new: NewApproval | None = None) -> Approval:
    """One that an agent runs with."""
    return finish(tx, approved(tx, new).id)


def layers(tx: Transaction) -> dict[str, Approved]:
    """What is approved of each agent, by plain names."""
    return {str(name): layer for name, layer in approvals.approved_layers(tx).items()}
