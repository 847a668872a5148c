"""Which model holds, and what a switch changes."""

import pytest

from hyperhive.store.agents import Hold, HoldKind, read_agent, set_hold
from hyperhive.store.model_choice import ModelChoice, declare_model, override_model
from hyperhive.store.transaction import Transaction
from tests.unit.store.driven_store import rows
from tests.unit.store.operations import begin, end, send, talk, told


def switch(tx: Transaction, model: str | None, at: float = 5.0) -> None:
    override_model(tx, "alice", model, by="operator", now=at)


def columns(tx: Transaction, *names: str) -> tuple[object, ...]:
    (row,) = rows(tx.connection, "SELECT * FROM agents WHERE name = 'alice'")
    return tuple(row[f"model{name and '_'}{name}"] for name in names)


def test_what_is_declared_first_is_no_switch(tx: Transaction) -> None:
    assert columns(tx, "", "layer", "switched_at", "switched_by") == ("m", "hive", None, None)
    assert told(tx, "model") == []


def test_an_override_holds_from_the_next_turn_on(tx: Transaction) -> None:
    turn = talk(tx)
    switch(tx, "opus")
    assert told(tx, "model") == [
        {"model": "opus", "layer": "override", "was": "m", "by": "operator"}
    ]
    assert columns(tx, "", "active", "switched_at", "switched_by") == ("opus", "m", 5.0, "operator")
    end(tx, turn)
    send(tx)
    assert (turn.model, begin(tx).model) == ("m", "opus")
    assert columns(tx, "active") == ("opus",)


def test_a_reset_has_the_declared_model_hold_again(tx: Transaction) -> None:
    switch(tx, "opus")
    declare_model(tx, "alice", ModelChoice("sonnet", "declared"), by="the declared hive", now=6.0)
    assert columns(tx, "", "layer", "declared") == ("opus", "override", "sonnet")
    switch(tx, None)
    assert columns(tx, "", "layer") == ("sonnet", "declared")
    assert [data["model"] for data in told(tx, "model")] == ["opus", "sonnet"]


@pytest.mark.parametrize("model", [None, "opus"])
def test_what_changes_nothing_is_not_told(tx: Transaction, model: str | None) -> None:
    switch(tx, model)
    before = told(tx, "model")
    switch(tx, model, at=9.0)
    assert told(tx, "model") == before


def test_an_override_with_the_declared_name_is_an_override(tx: Transaction) -> None:
    switch(tx, "m")
    assert columns(tx, "", "layer") == ("m", "override")
    declare_model(tx, "alice", ModelChoice("haiku", "hive"), by="the declared hive", now=6.0)
    assert columns(tx, "") == ("m",)


def test_another_declaration_is_a_switch_by_the_hive(tx: Transaction) -> None:
    declare_model(tx, "alice", ModelChoice("haiku", "hive"), by="the declared hive", now=6.0)
    assert columns(tx, "switched_at", "switched_by") == (6.0, "the declared hive")


def test_an_unknown_model_is_waited_for_until_another_one_is_chosen(tx: Transaction) -> None:
    set_hold(tx, "alice", Hold(HoldKind.UNKNOWN_MODEL, "404", None), now=1.0)
    switch(tx, "m")  # the same by another way
    assert read_agent(tx, "alice").hold is not None
    tx.woken.clear()
    switch(tx, "haiku")
    assert read_agent(tx, "alice").hold is None
    assert "alice" in tx.woken


def test_other_holds_are_not_the_models(tx: Transaction) -> None:
    set_hold(tx, "alice", Hold(HoldKind.NEEDS_LOGIN, "401", None), now=1.0)
    switch(tx, "haiku")
    assert read_agent(tx, "alice").hold is not None
