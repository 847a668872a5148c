"""Naps: an agent asks not to be woken before a time. It survives any restart."""

from hyperhive.store.agents import settle
from hyperhive.store.transaction import Transaction


def begin_nap(tx: Transaction, agent: str, until: float, reason: str, *, now: float) -> None:
    """Has no turn begin before `until` (seconds since the epoch); a later nap replaces it."""
    tx.connection.execute(
        "UPDATE agents SET nap_since = ?, nap_until = ?, nap_reason = ? WHERE name = ?",
        (now, until, reason, agent),
    )
    tx.event("nap", {"until": until, "reason": reason}, at=now, agent=agent)
    settle(tx, agent, now=now)


def end_nap(tx: Transaction, agent: str, reason: str, *, now: float) -> bool:
    """Ends a nap; whether there was one."""
    cursor = tx.connection.execute(
        "UPDATE agents SET nap_since = NULL, nap_until = NULL, nap_reason = ''"
        " WHERE name = ? AND nap_until IS NOT NULL",
        (agent,),
    )
    if cursor.rowcount == 0:
        return False
    tx.event("nap_ended", {"reason": reason}, at=now, agent=agent)
    settle(tx, agent, now=now)
    return True
