"""What units' states mean, each case by itself."""

from dataclasses import replace
from typing import Any, Final

import pytest

from hyperhive.store.container_states import ContainerState
from hyperhive.systemd.unit_signals import Seen
from hyperhive.systemd.unit_status import UnitStatus
from hyperhive.watch.changes import UNSEEN, Change, End, Tracker
from tests.unit.watch.systemd_model import FAILED, KILLED, UNIT, Systemd

STARTING, RUNNING, STOPPING, STOPPED, FAILED_STATE, ABSENT = (
    ContainerState.STARTING,
    ContainerState.RUNNING,
    ContainerState.STOPPING,
    ContainerState.STOPPED,
    ContainerState.FAILED,
    ContainerState.ABSENT,
)
UP: Final = UnitStatus(UNIT, "loaded", "active", "running", invocation="aa", main_pid=7)
CRASHED: Final = replace(
    UP, active="failed", sub="failed", main_pid=0, result="signal", exit_code=2, exit_status=9
)


@pytest.fixture
def systemd() -> Systemd:
    return Systemd()


@pytest.fixture
def tracker() -> Tracker:
    return Tracker()


def told(tracker: Tracker, systemd: Systemd) -> list[tuple[ContainerState, str, End | None]]:
    """What is told of what systemd has signalled since the last time."""
    found = [change for seen in systemd.take() for change in tracker.see(seen)]
    return [(change.state, change.reason, change.crash) for change in found]


def running(tracker: Tracker, systemd: Systemd) -> None:
    """Have the container run, and forget what was told of that."""
    systemd.begin()
    systemd.be_ready()
    told(tracker, systemd)


def test_a_start(tracker: Tracker, systemd: Systemd) -> None:
    systemd.begin()
    assert told(tracker, systemd) == [(STARTING, "", None)]
    systemd.be_ready()
    assert told(tracker, systemd) == [(RUNNING, "", None)]


def test_a_stop_by_somebody(tracker: Tracker, systemd: Systemd) -> None:
    running(tracker, systemd)
    systemd.stop()
    assert told(tracker, systemd) == [(STOPPING, "", None), (STOPPED, "", None)]


def test_a_restart_by_somebody(tracker: Tracker, systemd: Systemd) -> None:
    running(tracker, systemd)
    systemd.stop(again=True)
    systemd.be_ready()
    states = [state for state, _, crash in told(tracker, systemd) if crash is None]
    assert states == [STOPPING, STARTING, RUNNING]


def test_a_stop_that_has_to_be_forced_is_a_stop(tracker: Tracker, systemd: Systemd) -> None:
    running(tracker, systemd)
    systemd.stop(killed=True)
    assert told(tracker, systemd)[-1] == (STOPPED, "timed out", None)
    systemd.reset()
    assert told(tracker, systemd) == []


def test_a_container_that_shuts_itself_down(tracker: Tracker, systemd: Systemd) -> None:
    running(tracker, systemd)
    systemd.shut_down()
    assert told(tracker, systemd) == [
        (STOPPING, "ending by itself", None),
        (STOPPED, "the container shut itself down", None),
    ]


def test_a_crash_with_another_start(tracker: Tracker, systemd: Systemd) -> None:
    running(tracker, systemd)
    systemd.crash(**KILLED)
    systemd.begin(by_itself=True)
    systemd.be_ready()
    assert told(tracker, systemd) == [
        (STOPPING, "killed by SIGKILL", None),
        (FAILED_STATE, "killed by SIGKILL", End("signal", "SIGKILL")),
        (STARTING, "starting again: killed by SIGKILL", None),
        (STARTING, "", None),
        (RUNNING, "", None),
    ]


def test_starts_in_vain_are_one_crash(tracker: Tracker, systemd: Systemd) -> None:
    running(tracker, systemd)
    systemd.crash(**KILLED)
    for _ in range(3):
        systemd.begin(by_itself=True)
        systemd.crash(**FAILED)
    systemd.give_up()
    found = told(tracker, systemd)
    failed = "start failed: exited with status 1"
    assert [reason for _, reason, crash in found if crash] == ["killed by SIGKILL", failed]
    assert found[-1] == (FAILED_STATE, failed, None)


@pytest.mark.parametrize("by_itself", [True, False])
def test_a_crash_after_starts_in_vain_is_another(
    tracker: Tracker, systemd: Systemd, by_itself: bool
) -> None:
    systemd.begin()
    systemd.crash(**FAILED)
    systemd.begin(by_itself=by_itself)
    if by_itself:
        systemd.be_ready()
    systemd.crash(**FAILED)
    failed = "exited with status 1"
    assert [reason for _, reason, crash in told(tracker, systemd) if crash] == [
        f"start failed: {failed}",
        failed if by_itself else f"start failed: {failed}",
    ]


def test_a_stop_between_two_starts(tracker: Tracker, systemd: Systemd) -> None:
    running(tracker, systemd)
    systemd.crash(**KILLED)
    told(tracker, systemd)
    systemd.stop_restarting()
    assert told(tracker, systemd) == [(STOPPED, "stopped after it had failed", None)]


def test_a_stop_that_comes_after_the_crash_hides_none(tracker: Tracker) -> None:
    tracker.see(Seen(UP))
    ending = replace(CRASHED, active="deactivating", sub="stop-sigkill")
    tracker.see(Seen(ending, stopping=True))
    (crash,) = tracker.see(Seen(CRASHED))
    assert crash.crash == End("signal", "SIGKILL")


@pytest.mark.parametrize(
    ("how", "status", "reason"),
    [
        ({"result": "exit-code", "exit_code": 1, "exit_status": 3}, "3", "exited with status 3"),
        ({"result": "exit-code"}, "", "a command of its unit failed"),
        ({"result": "signal", "exit_code": 2, "exit_status": 15}, "SIGTERM", "killed by SIGTERM"),
        ({"result": "signal", "exit_code": 2, "exit_status": 40}, "signal 40", "killed by signal"),
        (
            {"result": "core-dump", "exit_code": 3, "exit_status": 11},
            "SIGSEGV",
            "killed by SIGSEGV, with a core dump",
        ),
        ({"result": "timeout", "exit_code": 2, "exit_status": 9}, "SIGKILL", "timed out"),
        ({"result": "resources"}, "", "its unit could not be set up"),
        ({"result": "protocol", "exit_code": 1}, "0", "ended before it was ready"),
        ({"result": "oom-kill", "exit_code": 2, "exit_status": 9}, "SIGKILL", "want of memory"),
        ({"result": "new-in-systemd-300"}, "", "failed: new-in-systemd-300"),
    ],
)
def test_words_for_a_crash(
    tracker: Tracker, systemd: Systemd, how: dict[str, Any], status: str, reason: str
) -> None:
    running(tracker, systemd)
    systemd.crash(**how)
    crash = next(one for one in told(tracker, systemd) if one[2])
    assert crash[2] == End(how["result"], status)
    assert reason in crash[1]


def test_a_start_that_takes_too_long(tracker: Tracker, systemd: Systemd) -> None:
    systemd.begin()
    systemd.crash(result="timeout", exit_code=2, exit_status=9)
    assert (FAILED_STATE, "start timed out", End("timeout", "SIGKILL")) in told(tracker, systemd)


def test_a_first_listing_tells_of_everything(tracker: Tracker) -> None:
    listing = [Seen(UP), Seen(replace(CRASHED, name="b")), Seen(replace(UP, name="c", job=True))]
    found = tracker.see_all(listing)
    assert [(change.unit, change.state, change.crash) for change in found] == [
        (UNIT, RUNNING, None),
        ("b", FAILED_STATE, End("signal", "SIGKILL")),
        ("c", RUNNING, None),
    ]
    assert tracker.see_all(listing) == []


def test_a_crash_that_nobody_saw_shows_by_its_restart() -> None:
    tracker = Tracker([UP])
    now = replace(UP, invocation="bb", restarts=1)
    missed = "ended while nobody watched, and was started again"
    assert tracker.see_all([Seen(now)]) == [
        Change(UNIT, STARTING, missed, "aa", End(UNSEEN, "")),
        Change(UNIT, RUNNING, "", "bb"),
    ]


def test_a_crash_that_nobody_saw_shows_while_its_restart_waits_for_other_units() -> None:
    waits = replace(CRASHED, active="inactive", sub="dead", job=True, restarts=1)
    (change,) = Tracker([UP]).see_all([Seen(waits)])
    assert (change.state, change.crash) == (STARTING, End("signal", "SIGKILL"))


def test_a_crash_that_was_seen_is_not_told_again_for_its_restart(tracker: Tracker) -> None:
    tracker.see(Seen(CRASHED))
    assert [one.crash for one in tracker.see(Seen(replace(UP, invocation="bb", restarts=1)))] == [
        None
    ]


def test_a_restart_that_nobody_saw_is_no_crash() -> None:
    (change,) = Tracker([UP]).see_all([Seen(replace(UP, invocation="bb"))])
    assert change == Change(UNIT, RUNNING, "", "bb")


def test_what_left_memory_while_nobody_watched_was_stopped() -> None:
    tracker = Tracker([UP, replace(CRASHED, name="b"), replace(UP, name="c", active="inactive")])
    assert [(one.unit, one.state, one.crash) for one in tracker.see_all([])] == [
        (UNIT, STOPPED, None),
        ("b", STOPPED, None),
    ]


def test_a_unit_without_a_file_is_absent(tracker: Tracker) -> None:
    unit = UnitStatus(UNIT, "not-found", "inactive", "dead")
    assert tracker.see(Seen(unit)) == [Change(UNIT, ABSENT, "there is no such unit", None)]
