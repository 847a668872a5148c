"""Agents that approvals make: members of the hive from when to when."""

import json
from typing import Any

import pytest
from sqlite_utils import Database

from hyperhive.hive.members import Approved, Spawned
from hyperhive.store import approvals, containers, listing
from hyperhive.store.agents import declare, is_declared
from hyperhive.store.approval_states import ApprovalState
from hyperhive.store.container_states import Wanted
from hyperhive.store.spawned_agents import AgentThereError
from hyperhive.store.transaction import Transaction
from tests.unit.store.approval_wishes import (
    SPAWN,
    approved,
    ask,
    decide,
    deployed,
    finish,
    layers,
    wish,
)
from tests.unit.store.operations import mail


def row_of(tx: Transaction, agent: str) -> dict[str, Any]:
    """An agent as lists have it."""
    row = listing.agent(Database(tx.connection), agent)
    assert row is not None
    return row


def test_a_spawned_agent_is_a_member_while_it_is_built_and_from_then_on(tx: Transaction) -> None:
    ask(tx, wish("carol", kind=SPAWN))
    decide(tx, 1)
    assert layers(tx) == {}
    assert not is_declared(tx, "carol")
    approvals.begin(tx, 1, now=3)
    layer = {"carol": Approved(wish().files, Spawned("give carol a", 1))}
    assert layers(tx) == layer
    assert is_declared(tx, "carol")
    finish(tx, 1)
    assert layers(tx) == layer
    told = json.loads(mail(tx, "boss", "notice")[-1]["body"])
    assert (told["event"], told["kind"]) == ("spawned", "spawn")
    assert told["description"] == "give carol a"
    deployed(tx, wish("carol", "b"))
    assert layers(tx) == {"carol": Approved(wish(letter="b").files, Spawned("give carol a", 1))}
    row = row_of(tx, "carol")
    assert (row["approved_id"], row["spawned"]) == (
        2,
        {"description": "give carol a", "approval": 1},
    )


def test_a_spawned_agent_that_could_not_be_made_is_no_member(tx: Transaction) -> None:
    finish(tx, approved(tx, wish("carol", kind=SPAWN)).id, "it broke")
    assert layers(tx) == {}
    assert not is_declared(tx, "carol")
    again = deployed(tx, wish("carol", kind=SPAWN))
    assert layers(tx)["carol"].spawned == Spawned("give carol a", again.id)


def test_of_a_former_agent_that_is_spawned_nothing_old_is_laid_over(tx: Transaction) -> None:
    deployed(tx)
    declare(tx, ["bob"], now=5)
    containers.want(tx, "alice", Wanted.DESTROYED, "away", now=5)
    id = approved(tx, wish("alice", "b", SPAWN)).id
    assert layers(tx)["alice"].files == wish(letter="b").files
    assert row_of(tx, "alice")["wanted"] is None, "it is wanted again"
    finish(tx, id, "it broke")
    assert layers(tx)["alice"] == Approved(wish().files)


def test_what_is_purged_before_its_place_is_taken_takes_nothing_along(tx: Transaction) -> None:
    deployed(tx)
    declare(tx, ["bob"], now=5)
    ask(tx, wish("alice", "b", SPAWN))
    decide(tx, 2)
    containers.want(tx, "alice", Wanted.PURGED, "away", now=5)
    approvals.begin(tx, 2, now=6)
    finish(tx, 2)
    assert layers(tx)["alice"] == Approved(wish(letter="b").files, Spawned("give alice b", 2))


def test_of_a_former_agent_that_is_purged_nothing_approved_is_left(tx: Transaction) -> None:
    deployed(tx)
    containers.want(tx, "alice", Wanted.DESTROYED, "away", now=5)
    containers.want(tx, "alice", Wanted.PURGED, "away", now=5)
    assert list(layers(tx)) == ["alice"], "it is declared, and may be made anew"
    declare(tx, ["bob"], now=6)
    containers.want(tx, "alice", Wanted.PURGED, "away", now=7)
    assert layers(tx) == {}


def test_no_agent_that_is_there_is_spawned(tx: Transaction) -> None:
    ask(tx, wish("alice", kind=SPAWN))
    with pytest.raises(AgentThereError, match="the hive has an agent alice already"):
        decide(tx, 1)
    ask(tx, wish("carol", kind=SPAWN))
    decide(tx, 2)
    declare(tx, ["alice", "bob", "carol"], now=3)
    with pytest.raises(AgentThereError, match="the hive declares carol itself now"):
        approvals.begin(tx, 2, now=4)


def test_a_spawned_agent_that_the_hive_declares_by_now_is_purged_as_a_declared_one(
    tx: Transaction,
) -> None:
    deployed(tx, wish("carol", kind=SPAWN))
    containers.want(tx, "carol", Wanted.DESTROYED, "away", now=5)
    containers.want(tx, "carol", Wanted.PURGED, "away", in_declaration=True, now=6)
    assert is_declared(tx, "carol")
    assert list(layers(tx)) == ["carol"]


def test_a_spawned_agent_that_is_purged_is_gone(tx: Transaction) -> None:
    deployed(tx, wish("carol", kind=SPAWN))
    containers.want(tx, "carol", Wanted.DESTROYED, "enough", now=5)
    assert "carol" in layers(tx), "it can be started again"
    containers.want(tx, "carol", Wanted.PURGED, "away", now=6)
    assert layers(tx) == {}
    assert not is_declared(tx, "carol")
    assert deployed(tx, wish("carol", "b", SPAWN)).state is ApprovalState.DEPLOYED
