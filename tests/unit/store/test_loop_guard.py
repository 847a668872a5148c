"""Two agents that keep each other busy are paused, and the operator is told."""

import itertools
from collections.abc import Iterator

import pytest

from hyperhive.store import loop_guard
from hyperhive.store.agents import AgentState, declare, read_agent, set_paused
from hyperhive.store.loop_guard import LoopGuard
from hyperhive.store.transaction import Transaction
from tests.unit.store.operations import mail, send

GUARD = LoopGuard(answers=3, seconds=600.0)


@pytest.fixture
def clock() -> Iterator[float]:
    return itertools.count(10.0)


def say(
    tx: Transaction, sender: str, to: str, clock: Iterator[float], guard: LoopGuard = GUARD
) -> bool:
    now = next(clock)
    send(tx, sender, to, at=now)
    return loop_guard.watch(tx, sender, to, guard, now=now)


def talk_to_each_other(tx: Transaction, clock: Iterator[float], messages: int) -> list[bool]:
    ways = itertools.cycle([("alice", "bob"), ("bob", "alice")])
    return [say(tx, *way, clock) for way in itertools.islice(ways, messages)]


def test_more_answers_than_allowed_pause_both_and_the_operator_is_told_why(
    tx: Transaction, clock: Iterator[float]
) -> None:
    assert talk_to_each_other(tx, clock, 5) == [False, False, False, False, True]
    for name in ("alice", "bob"):
        standing = read_agent(tx, name).standing
        assert standing.state is AgentState.PAUSED
        assert standing.reason == (
            "loop guard: alice and bob answered each other 4 times in 10 min without the operator"
        )
    (notice,) = mail(tx, "operator", "notice")
    assert notice["sender"] == "system"
    assert notice["body"].endswith(
        "both are paused. To let them go on: hyperhive agent resume NAME"
    )


def test_it_can_be_off(tx: Transaction, clock: Iterator[float]) -> None:
    off = LoopGuard(answers=0, seconds=600.0)
    for way in [("alice", "bob"), ("bob", "alice")] * 20:
        assert not say(tx, *way, clock, off)


def test_several_messages_in_a_row_are_one_answer(tx: Transaction, clock: Iterator[float]) -> None:
    said = [say(tx, "alice", "bob", clock) for _ in range(4)]
    said += [say(tx, "bob", "alice", clock) for _ in range(4)]
    assert not any(said)


def test_answers_before_the_time_do_not_count(tx: Transaction) -> None:
    assert not any(talk_to_each_other(tx, itertools.count(10.0), 4))
    assert not any(talk_to_each_other(tx, itertools.count(700.0), 4))


def test_messages_to_others_do_not_count(tx: Transaction, clock: Iterator[float]) -> None:
    declare(tx, ["alice", "bob", "carol"], now=1.0)
    assert not any(talk_to_each_other(tx, clock, 3))
    for way in [("alice", "carol"), ("carol", "alice")] * 2:
        assert not say(tx, *way, clock)
    assert not say(tx, "bob", "alice", clock)


@pytest.mark.parametrize("to", ["alice", "bob"])
def test_a_message_of_the_operators_to_either_begins_the_count_anew(
    tx: Transaction, clock: Iterator[float], to: str
) -> None:
    assert not any(talk_to_each_other(tx, clock, 4))
    send(tx, "operator", to, at=next(clock))
    assert talk_to_each_other(tx, clock, 5) == [False, False, False, False, True]


def test_a_resumption_of_either_begins_the_count_anew(
    tx: Transaction, clock: Iterator[float]
) -> None:
    assert talk_to_each_other(tx, clock, 5)[-1]
    set_paused(tx, "alice", False, "", now=next(clock))
    assert talk_to_each_other(tx, clock, 5) == [False, False, False, False, True]
    assert len(mail(tx, "operator", "notice")) == 2


def test_two_that_are_paused_end_their_turns_in_peace(
    tx: Transaction, clock: Iterator[float]
) -> None:
    assert talk_to_each_other(tx, clock, 5)[-1]
    assert not say(tx, "bob", "alice", clock)
    assert len(mail(tx, "operator", "notice")) == 1
