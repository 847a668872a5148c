"""Agents that no declaration has: what an approval of their making does to their rows."""

import json
from typing import Final

from hyperhive.errors import HyperhiveError
from hyperhive.store.agents import is_declared
from hyperhive.store.transaction import Transaction

_ITS: Final = "name = ? AND json_extract(spawned, '$.approval') = ?"


class AgentThereError(HyperhiveError):
    """The hive has an agent of that name already."""


def wanted(tx: Transaction, name: str, approval: int, description: str, *, now: float) -> None:
    """The operator wants it; it is no member of the hive before it is built.

    Raises:
        AgentThereError: there is one of that name.
    """
    if is_declared(tx, name):
        raise AgentThereError(f"the hive has an agent {name} already", "choose another name")
    spawned = json.dumps({"description": description, "approval": approval})
    tx.connection.execute(
        "INSERT INTO agents (name, since, declared, spawned) VALUES (?, ?, 0, ?)"
        " ON CONFLICT (name) DO UPDATE SET spawned = excluded.spawned",
        (name, now, spawned),
    )


def joins(tx: Transaction, name: str, approval: int) -> None:
    """From now on it is a member of the hive.

    Raises:
        AgentThereError: the declaration has got one of that name meanwhile.
    """
    if is_declared(tx, name):
        raise AgentThereError(f"the hive declares {name} itself now", "choose another name")
    tx.connection.execute(f"UPDATE agents SET declared = 1 WHERE {_ITS}", (name, approval))


def leaves(tx: Transaction, name: str, approval: int) -> None:
    """It could not be made; what it has left is kept, as of every agent that the hive had."""
    tx.connection.execute(
        f"UPDATE agents SET declared = 0, spawned = NULL WHERE {_ITS}", (name, approval)
    )


def forget(tx: Transaction, name: str) -> None:
    """The operator has one purged: the hive has no such agent any more."""
    tx.connection.execute(
        "UPDATE agents SET declared = 0, spawned = NULL, approved = NULL, approved_id = NULL"
        " WHERE name = ? AND spawned NOT NULL",
        (name,),
    )
