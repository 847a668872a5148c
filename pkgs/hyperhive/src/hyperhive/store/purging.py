"""A purge: what an agent leaves is removed, and nobody decides any more on changes of it."""

from hyperhive.hive.names import OPERATOR
from hyperhive.store import approvals, containers
from hyperhive.store.approval_states import ApprovalKind
from hyperhive.store.container_states import Wanted
from hyperhive.store.transaction import Transaction


def purge(
    tx: Transaction, agent: str, reason: str, *, in_declaration: bool, reader: str, now: float
) -> list[int]:
    """Has an agent purged; the ids of the approvals about it that are cancelled with that.

    One that is to make an agent of this name is not about the one that goes.

    Args:
        in_declaration: whether the hive declares it, so that what was approved of it stays.
        reader: who is told of what is cancelled.

    Raises:
        KeyError: there is and was no such agent.
        UnfitWishError: it is neither destroyed nor undeclared.
    """
    containers.want(tx, agent, Wanted.PURGED, reason, in_declaration=in_declaration, now=now)
    pending = tx.connection.execute(
        "SELECT id FROM approvals INDEXED BY approvals_pending"
        " WHERE agent = ? AND state = 'pending' AND kind != ?",
        (agent, ApprovalKind.SPAWN),
    ).fetchall()
    for (id,) in pending:
        why = f"{agent} was purged"
        approvals.cancel(tx, id, by=OPERATOR, reason=why, reader=reader, now=now)
    return [id for (id,) in pending]
