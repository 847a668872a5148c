"""Agents that no declaration has: what an approval of their making does to their rows."""

import json

from hyperhive.errors import HyperhiveError
from hyperhive.store.agents import is_declared
from hyperhive.store.transaction import Transaction


class AgentThereError(HyperhiveError):
    """The hive has an agent of that name already."""


def wanted(tx: Transaction, name: str, approval: int, description: str, *, now: float) -> None:
    """The operator wants it; it is no member of the hive before it is built.

    Raises:
        AgentThereError: there is one of that name.
    """
    if is_declared(tx, name):
        raise AgentThereError(f"the hive has an agent {name} already", "choose another name")
    _write(tx, name, approval, description, declared=0, now=now)


def joins(tx: Transaction, name: str, approval: int, description: str, *, now: float) -> None:
    """From now on it is a member of the hive.

    Raises:
        AgentThereError: the declaration has got one of that name meanwhile.
    """
    if is_declared(tx, name):
        raise AgentThereError(f"the hive declares {name} itself now", "choose another name")
    # What an agent of that name had left may have been purged meanwhile, and this with it.
    _write(tx, name, approval, description, declared=1, now=now)


def leaves(tx: Transaction, name: str, approval: int) -> None:
    """It could not be made; what it has left is kept, as of every agent that the hive had."""
    tx.connection.execute(
        "UPDATE agents SET declared = 0, spawned = NULL"
        " WHERE name = ? AND json_extract(spawned, '$.approval') = ?",
        (name, approval),
    )


def forget(tx: Transaction, name: str) -> None:
    """The operator has one purged: the hive has no such agent, and nothing of it.

    Nor is anything left of what was approved of one that the hive had.
    """
    tx.connection.execute(
        "UPDATE agents SET declared = 0, spawned = NULL, approved = NULL, approved_id = NULL"
        " WHERE name = ? AND (spawned NOT NULL OR declared = 0)",
        (name,),
    )


def _write(
    tx: Transaction, name: str, approval: int, description: str, *, declared: int, now: float
) -> None:
    spawned = json.dumps({"description": description, "approval": approval})
    tx.connection.execute(
        "INSERT INTO agents (name, since, declared, spawned) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET declared = excluded.declared, spawned ="
        " excluded.spawned",
        (name, now, declared, spawned),
    )
