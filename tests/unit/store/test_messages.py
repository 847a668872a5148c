"""Messages on their way: keys, leases that nobody saw, returns, and what fits into an answer."""

import pytest

from hyperhive.store import messages, turn_ends
from hyperhive.store.agents import Hold, HoldKind, read_agent, set_hold, set_paused
from hyperhive.store.messages import KeyReusedError, NewMessage
from hyperhive.store.settlement import Fate
from hyperhive.store.transaction import Transaction
from hyperhive.store.turns import Waiting
from tests.unit.store.operations import BAD, begin, end, look, mail, send, talk, told


def test_a_key_is_its_senders_own(tx: Transaction) -> None:
    of_alice = NewMessage("alice", "operator", "one", idempotency_key="k")
    of_bob = NewMessage("bob", "operator", "two", idempotency_key="k")
    first = messages.send(tx, of_alice, now=1.0)
    assert messages.send(tx, of_bob, now=1.0) != first
    assert messages.send(tx, of_alice, now=2.0) == first
    with pytest.raises(KeyReusedError, match=f"'k' belongs to message {first}, which differs"):
        messages.send(tx, NewMessage("alice", "bob", "one", idempotency_key="k"), now=3.0)
    assert len(told(tx, "message")) == 2


def test_what_nobody_saw_of_a_lease_is_as_if_it_had_not_been(tx: Transaction) -> None:
    turn = talk(tx)
    ids = [send(tx, body=str(n)) for n in range(3)]
    messages.lease(tx, "alice", turn.id, 3)
    messages.give_back(tx, turn.id, ids[1:])
    assert messages.unread(tx, "alice") == 2
    again = messages.lease(tx, "alice", turn.id, 3)
    assert [(one.id, one.delivery) for one in again] == [(id, 1) for id in ids[1:]]


def test_what_is_settled_cannot_be_given_back(tx: Transaction) -> None:
    turn = talk(tx)
    end(tx, turn)
    (message,) = mail(tx, "alice")
    messages.give_back(tx, turn.id, [message["id"]])
    assert mail(tx, "alice") == [message]


@pytest.mark.parametrize("fate", [Fate.BACK, Fate.FAILED])
def test_a_return_is_told_with_its_reason_and_wakes(tx: Transaction, fate: Fate) -> None:
    turn = talk(tx)
    tx.woken.clear()
    end(tx, turn, BAD, fate)
    (message,) = mail(tx, "alice")
    assert told(tx, "requeued") == [{"id": message["id"], "reason": "it broke"}]
    assert (message["state"], message["attempts"]) == ("queued", int(fate is Fate.FAILED))
    assert "alice" in tx.woken


def test_the_turn_of_a_harness_that_is_gone_returns_its_messages(tx: Transaction) -> None:
    turn = talk(tx)
    assert turn_ends.lost(tx, "alice", "the harness disconnected", now=3.0) == turn.id
    assert turn_ends.lost(tx, "alice", "the harness disconnected", now=3.0) is None
    (message,) = mail(tx, "alice")
    assert (message["state"], message["attempts"], message["deliveries"]) == ("queued", 1, 1)
    assert told(tx, "turn_finished")[0]["detail"] == "the harness disconnected"


def test_the_operator_reads_what_is_the_operators_and_once(tx: Transaction) -> None:
    own, other = send(tx, "alice", "operator"), send(tx, "operator", "alice")
    assert messages.ack_read(tx, [own, other, 99], now=5.0) == 1
    assert messages.ack_read(tx, [own], now=6.0) == 0
    assert told(tx, "read") == [{"count": 1}]
    (message,) = mail(tx, "operator")
    assert (message["state"], message["settled_at"]) == ("acked", 5.0)
    assert mail(tx, "alice")[0]["state"] == "queued"


@pytest.mark.parametrize(("most", "fit"), [(1, 1), (9, 1), (10, 2), (14, 2), (15, 3), (99, 3)])
def test_as_many_of_the_oldest_fit_as_have_so_many_bytes_together(
    tx: Transaction, most: int, fit: int
) -> None:
    assert messages.fitting(tx, "alice", 9, most) == 0
    for _ in range(3):
        send(tx, body="naïv")  # five bytes
    assert messages.fitting(tx, "alice", 9, most) == fit
    assert messages.fitting(tx, "alice", 1, most) == 1


@pytest.mark.parametrize("kind", HoldKind)
def test_a_resumption_ends_any_wait(tx: Transaction, kind: HoldKind) -> None:
    send(tx)
    set_hold(tx, "alice", Hold(kind, "why", None), now=1.0)
    assert look(tx) == Waiting(None)
    tx.woken.clear()
    set_paused(tx, "alice", False, "", now=2.0)
    assert read_agent(tx, "alice").hold is None
    assert "alice" in tx.woken
    begin(tx)


def test_the_end_of_a_wait_is_looked_for_in_time(tx: Transaction) -> None:
    send(tx)
    tx.woken.clear()
    set_hold(tx, "alice", Hold(HoldKind.RATE_LIMITED, "429", 90.0), now=3.0)
    assert "alice" in tx.woken, "the scheduler asks until when"
    assert look(tx, at=4.0) == Waiting(90.0)
