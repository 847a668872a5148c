"""A nap keeps an agent from turns until its time, a cancellation, or the operator's message."""

from hyperhive.store.agents import AgentState, Standing, read_agent
from hyperhive.store.naps import begin_nap, end_nap
from hyperhive.store.settlement import Fate
from hyperhive.store.transaction import Transaction
from hyperhive.store.turns import NAP_GRACE, BegunTurn, Overdue, Waiting
from tests.unit.store.operations import begin, end, look, send, talk, told


def test_a_nap_lasts_until_its_time_and_both_ends_of_it_are_told(tx: Transaction) -> None:
    send(tx, "bob")
    begin_nap(tx, "alice", 100.0, "tired", now=1.0)
    assert read_agent(tx, "alice").standing == Standing(AgentState.NAPPING, "tired", 100.0)
    assert "alice" in tx.woken, "somebody has to know when it ends"
    assert look(tx, at=99.0) == Waiting(100.0)
    begin(tx, at=100.0)
    assert told(tx, "nap") == [{"until": 100.0, "reason": "tired"}]
    assert told(tx, "nap_ended") == [{"reason": "its time is over"}]


def test_a_later_nap_replaces_the_one_before(tx: Transaction) -> None:
    send(tx, "bob")
    begin_nap(tx, "alice", 100.0, "", now=1.0)
    begin_nap(tx, "alice", 50.0, "", now=2.0)
    assert look(tx, at=3.0) == Waiting(50.0)


def test_where_the_hive_says_so_only_the_time_wakes(tx: Transaction) -> None:
    begin_nap(tx, "alice", 100.0, "", now=1.0)
    send(tx, "operator")
    assert look(tx, at=99.0, wakes=False) == Waiting(100.0)
    assert isinstance(look(tx, at=100.0, wakes=False), BegunTurn)


def test_the_operators_message_ends_a_nap_where_the_hive_says_so(tx: Transaction) -> None:
    begin_nap(tx, "alice", 100.0, "", now=1.0)
    first = send(tx, "bob")
    assert look(tx, at=2.0) == Waiting(100.0)
    send(tx, "operator")
    delivery = begin(tx, at=2.0).delivery
    assert delivery is not None
    assert delivery.id == first, "in their order all the same"
    assert told(tx, "nap_ended") == [{"reason": "a message from the operator"}]


def test_the_operators_message_does_not_end_a_nap_that_is_still_to_begin(tx: Transaction) -> None:
    turn = talk(tx)
    begin_nap(tx, "alice", 100.0, "", now=2.0)
    send(tx, "operator")
    look(tx, at=3.0)
    assert read_agent(tx, "alice").nap is not None
    end(tx, turn)
    begin(tx, at=4.0)


def test_a_turn_that_goes_on_after_asking_for_a_nap_is_ended_after_a_grace(
    tx: Transaction,
) -> None:
    turn = talk(tx)
    begin_nap(tx, "alice", 1000.0, "", now=10.0)
    assert read_agent(tx, "alice").standing.state is AgentState.THINKING
    assert look(tx, at=11.0) == Waiting(10.0 + NAP_GRACE)
    overdue = look(tx, at=10.0 + NAP_GRACE)
    assert isinstance(overdue, Overdue)
    assert (overdue.turn, "asked for a nap" in overdue.reason) == (turn.id, True)
    assert look(tx, at=500.0) == overdue, "until the harness has heard of it"
    (fate,) = tx.connection.execute("SELECT cancel FROM turns").fetchone()
    assert fate == Fate.DONE


def test_a_nap_that_is_over_leaves_a_long_turn_alone(tx: Transaction) -> None:
    talk(tx)
    begin_nap(tx, "alice", 20.0, "", now=10.0)
    assert look(tx, at=10.0 + NAP_GRACE) == Waiting(None)


def test_where_there_is_no_nap_none_ends(tx: Transaction) -> None:
    assert not end_nap(tx, "alice", "why", now=1.0)
    assert told(tx, "nap_ended") == []
