"""What is wanted and known of containers."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from hyperhive.store import agents, containers
from hyperhive.store.agents import read_agent
from hyperhive.store.container_rows import ContainerRow, Link, read_container, should_run
from hyperhive.store.container_states import ContainerState, Crash, Wanted
from hyperhive.store.containers import Report, UnfitWishError
from hyperhive.store.transaction import Transaction
from tests.unit.store.operations import mail, talk, told

KILLED = Crash("signal", "SIGKILL")


def seen(tx: Transaction, state: ContainerState, *, now: float = 10, **more: Any) -> ContainerRow:
    """Alice's container once it was seen so."""
    report = Report(state, more.pop("reason", ""), more.pop("at", now), **more)
    containers.report(tx, "alice", report, reader="bob", now=now)
    return read_container(tx, "alice")


def leave(tx: Transaction, agent: str = "alice") -> None:
    """Its harness is not connected."""
    agents.set_link(tx, agent, Link.OFFLINE, "", now=5)


@pytest.mark.parametrize(
    ("wanted", "declared", "autostart", "runs"),
    [
        (None, True, True, True),
        (None, True, False, False),
        (Wanted.RUNNING, True, False, True),
        (Wanted.STOPPED, True, True, False),
        (Wanted.DESTROYED, True, True, False),
        (Wanted.PURGED, True, True, False),
        (Wanted.RUNNING, False, True, False),
        (None, False, True, False),
    ],
)
def test_the_operators_word_counts_before_the_declaration(
    wanted: Wanted | None, declared: bool, autostart: bool, runs: bool
) -> None:
    assert should_run(wanted, declared=declared, autostart=autostart) is runs


def test_since_is_when_a_state_of_a_run_began(tx: Transaction) -> None:
    running = ContainerState.RUNNING
    assert seen(tx, running, at=1, invocation="a").since == 1
    assert seen(tx, running, at=2, invocation="a", reason="still").since == 1
    assert seen(tx, running, at=3, invocation="b").since == 3
    assert seen(tx, ContainerState.STOPPED, at=4, invocation="b").since == 4


def test_what_was_seen_before_the_clock_was_set_back_does_not_count_for_more(
    tx: Transaction,
) -> None:
    seen(tx, ContainerState.RUNNING, at=5000, now=5000)
    assert seen(tx, ContainerState.STOPPED, at=4000, now=5001).state is ContainerState.RUNNING
    assert seen(tx, ContainerState.STOPPED, at=1400, now=1401).state is ContainerState.STOPPED


@pytest.mark.parametrize("reported", [True, False])
def test_a_new_broker_knows_what_a_container_was(tx: Transaction, reported: bool) -> None:
    if reported:
        seen(tx, ContainerState.RUNNING)
    agents.declare(tx, ["alice", "bob"], now=20)
    row = read_agent(tx, "alice")
    assert (row.link, row.link_reason) == (
        (Link.STARTING, "the harness starts") if reported else (Link.OFFLINE, "the broker started")
    )


@pytest.mark.parametrize("state", ContainerState)
def test_nothing_runs_any_more_after_the_host_was_booted(
    tx: Transaction, state: ContainerState
) -> None:
    leave(tx)
    containers.rebooted(tx, "one", now=1)
    seen(tx, state, reason="so", invocation="a")
    containers.rebooted(tx, "one", now=20)
    assert read_container(tx, "alice").state is state
    containers.rebooted(tx, "two", now=30)
    after = read_container(tx, "alice")
    if state in (ContainerState.STARTING, ContainerState.RUNNING, ContainerState.STOPPING):
        assert (after.state, after.reason, after.since) == (
            ContainerState.STOPPED,
            "the host was booted",
            30,
        )
        assert read_agent(tx, "alice").standing.reason == "the host was booted"
    else:
        assert (after.state, after.reason) == (state, "so")


def test_where_nothing_was_reported_a_boot_is_no_news(tx: Transaction) -> None:
    containers.rebooted(tx, "one", now=1)
    assert read_container(tx, "alice").state is None
    assert told(tx, "container") == []


@pytest.mark.parametrize(
    "end", [lambda tx: None, lambda tx: agents.declare(tx, ["bob"], now=9)], ids=["want", "declare"]
)
def test_an_end_that_the_operator_wants_is_no_crash_to_be_told(
    tx: Transaction, end: Callable[[Transaction], None]
) -> None:
    leave(tx)
    containers.want(tx, "alice", Wanted.STOPPED, "lunch", now=8)
    end(tx)
    stopped = Crash("timeout", "")
    seen(tx, ContainerState.FAILED, invocation="a", crash=stopped, reason="it took too long")
    (crash,) = told(tx, "container_crash")
    assert (crash["result"], crash["as_wanted"]) == ("timeout", True)
    assert mail(tx, "bob", "notice") == []
    assert read_agent(tx, "alice").standing.reason == "lunch"


def test_a_former_agent_is_offline_because_of_its_container(tx: Transaction) -> None:
    containers.want(tx, "alice", Wanted.RUNNING, "started by the operator", now=8)
    agents.declare(tx, ["bob"], now=9)
    seen(tx, ContainerState.STOPPED, reason="stopped")
    assert read_agent(tx, "alice").standing.reason == "stopped"
    containers.deployed(tx, "alice", ["removed"], "", former=True, now=11)
    assert read_agent(tx, "alice").standing.reason == "the hive has no such agent now"
    assert read_container(tx, "alice").state is ContainerState.ABSENT


def test_only_what_was_removed_is_absent(tx: Transaction) -> None:
    seen(tx, ContainerState.RUNNING)
    containers.want(tx, "alice", Wanted.DESTROYED, "no use", now=11)
    containers.deployed(tx, "alice", ["build its system"], "", now=12)
    assert read_container(tx, "alice").state is ContainerState.RUNNING
    containers.deployed(tx, "alice", ["remove its conf"], "it is busy", former=True, now=13)
    assert read_container(tx, "alice").state is ContainerState.RUNNING
    containers.deployed(tx, "alice", ["remove its conf"], "", former=True, now=14)
    known = read_container(tx, "alice")
    assert (known.state, known.reason) == (ContainerState.ABSENT, "no use")


def test_a_restart_after_a_crash_is_starting_again(tx: Transaction) -> None:
    leave(tx)
    seen(tx, ContainerState.STARTING, at=1, invocation="a", crash=KILLED)
    assert read_agent(tx, "alice").standing.reason == "container crashed: SIGKILL"
    seen(tx, ContainerState.STARTING, at=2, invocation="b")
    assert read_agent(tx, "alice").standing.reason == "the container starts"


def in_turn(tx: Transaction) -> None:
    """Alice is in a turn, and a new broker has begun, which her harness has not found yet."""
    seen(tx, ContainerState.RUNNING, at=1, now=1, invocation="a")
    talk(tx)
    agents.declare(tx, ["alice", "bob"], now=5)


@pytest.mark.parametrize(
    ("state", "run", "crash", "fate"),
    [
        (ContainerState.STOPPED, "a", None, ("cancelled", "the container is stopped", 0)),
        (ContainerState.ABSENT, "a", None, ("cancelled", "there is no container", 0)),
        (ContainerState.FAILED, "a", KILLED, ("failed", "container crashed: SIGKILL", 1)),
        (ContainerState.STARTING, "a", KILLED, ("failed", "container crashed: SIGKILL", 1)),
        (ContainerState.RUNNING, "b", None, ("cancelled", "the container was started again", 0)),
        (ContainerState.RUNNING, "a", None, None),
        (ContainerState.STOPPING, "a", None, None),
    ],
)
def test_no_turn_outlives_the_run_of_its_container(
    tx: Transaction,
    state: ContainerState,
    run: str,
    crash: Crash | None,
    fate: tuple[str, str, int] | None,
) -> None:
    in_turn(tx)
    seen(tx, state, invocation=run, crash=crash)
    (message,) = mail(tx, "alice")
    if fate is None:
        assert (message["state"], told(tx, "turn_finished")) == ("leased", [])
        return
    outcome, why, attempts = fate
    (end,) = told(tx, "turn_finished")
    assert (end["outcome"], end["detail"]) == (outcome, why)
    assert (message["state"], message["attempts"]) == ("queued", attempts)
    assert read_agent(tx, "alice").turn is None


def test_a_turn_that_was_to_end_with_its_container_is_no_failure(tx: Transaction) -> None:
    in_turn(tx)
    containers.want(tx, "alice", Wanted.STOPPED, "lunch", now=8)
    seen(tx, ContainerState.FAILED, invocation="a", crash=Crash("timeout", ""))
    (end,) = told(tx, "turn_finished")
    assert (end["outcome"], end["detail"]) == ("cancelled", "lunch")


def test_no_turn_outlives_the_boot_that_it_was_in(tx: Transaction) -> None:
    containers.rebooted(tx, "one", now=1)
    in_turn(tx)
    agents.set_link(tx, "alice", Link.CONNECTED, "", now=6)  # as a power cut leaves it
    containers.rebooted(tx, "two", now=7)
    agents.declare(tx, ["alice", "bob"], now=7)
    containers.end_turns(tx, now=7)
    (end,) = told(tx, "turn_finished")
    assert (end["outcome"], end["detail"]) == ("cancelled", "the host was booted")
    assert [message["state"] for message in mail(tx, "alice")] == ["queued"]


@pytest.mark.parametrize(
    "operation",
    [
        lambda tx: containers.want(tx, "carol", Wanted.RUNNING, "", now=1),
        lambda tx: containers.deployed(tx, "carol", [], "", now=1),
        lambda tx: containers.report(
            tx, "carol", Report(ContainerState.RUNNING, "", 1), reader="bob", now=1
        ),
    ],
)
def test_nobody_has_heard_of_that_agent(
    tx: Transaction, operation: Callable[[Transaction], object]
) -> None:
    with pytest.raises(KeyError):
        operation(tx)


@pytest.mark.parametrize("ended", [Wanted.STOPPED, Wanted.DESTROYED])
def test_what_the_operator_ended_the_manager_does_not_start(tx: Transaction, ended: Wanted) -> None:
    containers.want(tx, "alice", ended, "enough", now=8)
    with pytest.raises(UnfitWishError, match=f"alice was {ended} by the operator: only the operat"):
        containers.want(tx, "alice", Wanted.RUNNING, "again", by="bob", now=9)
    row = read_container(tx, "alice")
    assert (row.wanted, row.wanted_reason, row.wanted_by) == (ended, "enough", "operator")
    containers.want(tx, "alice", Wanted.RUNNING, "now", now=10)
    containers.want(tx, "alice", Wanted.RUNNING, "once more", by="bob", now=11)
    assert read_container(tx, "alice").wanted_by == "bob"


def test_what_the_manager_stopped_it_may_start(tx: Transaction) -> None:
    containers.want(tx, "alice", Wanted.STOPPED, "for now", by="bob", now=8)
    containers.want(tx, "alice", Wanted.RUNNING, "again", by="bob", now=9)
    assert read_container(tx, "alice").wanted is Wanted.RUNNING


def test_a_stop_of_the_operators_stays_theirs(tx: Transaction) -> None:
    containers.want(tx, "alice", Wanted.STOPPED, "lunch", by="bob", now=8)
    containers.want(tx, "alice", Wanted.STOPPED, "lunch", now=9)
    containers.want(tx, "alice", Wanted.STOPPED, "lunch", by="bob", now=10)
    assert read_container(tx, "alice").wanted_by == "operator"
    assert [one["by"] for one in told(tx, "wanted")] == ["bob", "operator"]


@pytest.mark.parametrize("end", [Wanted.DESTROYED, Wanted.PURGED])
def test_only_the_operator_destroys(tx: Transaction, end: Wanted) -> None:
    with pytest.raises(UnfitWishError, match=f"only the operator has alice {end}"):
        containers.want(tx, "alice", end, "away", by="bob", now=8)
    assert read_container(tx, "alice").wanted is None


def test_the_manager_hears_once_that_another_agent_is_destroyed(tx: Transaction) -> None:
    for name in ("alice", "alice", "bob"):
        containers.want(tx, name, Wanted.DESTROYED, "enough", manager="bob", now=8)
    containers.want(tx, "alice", Wanted.PURGED, "away", manager="bob", now=9)
    bodies = [json.loads(one["body"]) for one in mail(tx, "bob", "notice")]
    assert bodies == [{"event": "destroyed", "at": 8, "agent": "alice", "reason": "enough"}]
