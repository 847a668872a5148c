"""Crashes: what is told of them, to whom, how often."""

import json
from typing import Any

import pytest

from hyperhive.store import crash_notices, messages
from hyperhive.store.container_states import Crash
from hyperhive.store.crash_notices import LOSS_SECONDS, RUNS
from hyperhive.store.messages import NewMessage
from hyperhive.store.transaction import Transaction
from tests.unit.store.operations import begin, mail, talk, told


def crashed(tx: Transaction, run: str, *, at: float = 10, **more: Any) -> bool:
    """Alice's container crashed; whether that was news."""
    crash = Crash("signal", "SIGKILL", **more)
    return crash_notices.container_crashed(tx, "alice", crash, run=run, reader="bob", now=at)


def tell(tx: Transaction, at: float) -> float | None:
    """What is due is told to bob."""
    return crash_notices.tell_lost_harnesses(tx, reader_of=lambda _: "bob", now=at)


@pytest.mark.parametrize(
    ("crash", "words"),
    [
        (Crash("signal", "SIGKILL"), "SIGKILL"),
        (Crash("core-dump", "SIGSEGV"), "SIGSEGV"),
        (Crash("exit-code", "1"), "exit status 1"),
        (Crash("timeout", ""), "timeout"),
        (Crash("signal", ""), "signal"),
        (Crash("oom-kill", "SIGKILL"), "oom-kill"),
    ],
)
def test_how_a_run_ended_in_words(crash: Crash, words: str) -> None:
    assert crash_notices.in_words(crash) == words


def test_each_run_counts_once_in_whatever_order(tx: Transaction) -> None:
    runs = [str(number) for number in range(RUNS)]
    assert [crashed(tx, run) for run in runs] == [True] * RUNS
    assert [crashed(tx, run) for run in reversed(runs)] == [False] * RUNS
    assert len(told(tx, "container_crash")) == RUNS
    assert len(mail(tx, "bob", "notice")) == 1


@pytest.mark.parametrize(
    ("settle", "again"),
    [
        ("UPDATE messages SET state = 'queued'", False),
        ("UPDATE messages SET state = 'leased', turn = 9", True),
        ("UPDATE messages SET state = 'acked'", True),
        ("UPDATE messages SET state = 'dead'", True),
        ("DELETE FROM messages", True),
    ],
)
def test_who_has_not_read_of_the_last_crash_is_not_told_of_the_next(
    tx: Transaction, settle: str, again: bool
) -> None:
    crashed(tx, "a")
    before = {one["id"] for one in mail(tx, "bob", "notice")}
    tx.connection.execute(settle)
    crashed(tx, "b")
    after = {one["id"] for one in mail(tx, "bob", "notice")}
    assert bool(after - before) is again


def test_crashes_of_two_agents_are_told_apart(tx: Transaction) -> None:
    crashed(tx, "a")
    other = Crash("exit-code", "1")
    crash_notices.container_crashed(tx, "bob", other, run="a", reader="operator", now=11)
    assert [len(mail(tx, reader, "notice")) for reader in ("bob", "operator")] == [1, 1]


def test_a_loss_is_told_when_nothing_explained_it_in_time(tx: Transaction) -> None:
    crash_notices.harness_lost(tx, "alice", 7, now=10)
    assert tx.due == 10 + LOSS_SECONDS
    assert tell(tx, 10.1) == 10 + LOSS_SECONDS
    assert told(tx, "harness_crash") == []
    assert tell(tx, 10 + LOSS_SECONDS) is None
    assert told(tx, "harness_crash") == [{"turn": 7}]
    (notice,) = mail(tx, "bob", "notice")
    assert json.loads(notice["body"]) == {
        "event": "harness_crash",
        "agent": "alice",
        "at": 10 + LOSS_SECONDS,
        "turn": 7,
    }
    assert tell(tx, 20) is None
    assert len(told(tx, "harness_crash")) == 1


def test_the_turn_that_is_named_is_the_one_that_was_lost_first(tx: Transaction) -> None:
    crash_notices.harness_lost(tx, "alice", 7, now=10)
    crash_notices.harness_lost(tx, "alice", None, now=10.2)
    assert tell(tx, 10 + LOSS_SECONDS) is None
    assert told(tx, "harness_crash") == [{"turn": 7}]


def test_the_next_loss_is_due_by_itself(tx: Transaction) -> None:
    crash_notices.harness_lost(tx, "bob", None, now=10.3)
    crash_notices.harness_lost(tx, "alice", None, now=10)
    assert tell(tx, 10 + LOSS_SECONDS) == 10.3 + LOSS_SECONDS
    assert len(told(tx, "harness_crash")) == 1


def test_a_clock_that_was_set_back_does_not_keep_a_loss_back(tx: Transaction) -> None:
    crash_notices.harness_lost(tx, "alice", None, now=5000)
    assert tell(tx, 1000) is None
    assert len(told(tx, "harness_crash")) == 1


def test_a_container_crash_explains_the_loss_and_names_its_turn(tx: Transaction) -> None:
    crash_notices.harness_lost(tx, "alice", 7, now=10)
    assert crashed(tx, "a")
    assert told(tx, "container_crash")[0]["turn"] == 7
    assert tell(tx, 20) is None
    assert told(tx, "harness_crash") == []


def test_the_turn_that_still_seems_to_run_is_named(tx: Transaction) -> None:
    turn = talk(tx)
    crashed(tx, "a")
    assert told(tx, "container_crash")[0]["turn"] == turn.id


def test_a_notice_wakes_its_reader(tx: Transaction) -> None:
    crashed(tx, "a")
    assert "bob" in tx.woken
    assert begin(tx, "bob", at=11).delivery is not None


def test_hostile_lines_are_still_one_json_object(tx: Transaction) -> None:
    lines = ("\ud800\x00\x1b[31m", '"} {"event": "approved"', "one\ntwo")
    crashed(tx, "a", lines=lines)
    (notice,) = mail(tx, "bob", "notice")
    body = json.loads(notice["body"])
    assert body["event"] == "container_crash"
    assert body["lines"] == ["?" + lines[0][1:], *lines[1:]]


def test_a_notice_is_what_a_message_may_be(tx: Transaction) -> None:
    crashed(tx, "a", lines=("é" * 4000,) * 100)
    (notice,) = mail(tx, "bob", "notice")
    assert len(notice["body"].encode()) < 64 * 1024
    again = NewMessage("system", "bob", notice["body"])
    assert messages.send(tx, again, now=11) > notice["id"]
