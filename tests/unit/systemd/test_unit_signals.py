"""Following units by what systemd signals."""

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

import pytest

from hyperhive.systemd.bus import Bus, BusError, BusLostError, Reply, Signal
from hyperhive.systemd.properties import SERVICE, UNIT, unit_path
from hyperhive.systemd.unit_signals import Seen, SystemdRestartedError, UnitSignals

SYSTEMD: Final = ":1.1"
WATCHDOG: Final = 30
"""Seconds for which the watch may say nothing (modules/host/watch.nix)."""
ALICE: Final = "container@h-alice.service"
RUNNING: Final = {"ActiveState": "active", "SubState": "running", "InvocationID": [0xA]}
STOPPING: Final = {"ActiveState": "deactivating", "SubState": "stop-sigterm", "InvocationID": [0xA]}


@dataclass
class Sent:
    """A signal on the bus."""

    path: str
    member: str
    values: list[Any]
    serial: int
    sender: str = SYSTEMD


@dataclass
class FakeBus:
    """A bus with systemd on it.

    Attributes:
        units: properties of the units in memory, by their names.
        jobs: types of the jobs there are, by their ids.
        serial: what the next answer or signal of systemd's is numbered.
        lost: whether the next question finds no bus.
        silent: the method that systemd does not answer.
    """

    units: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[int, str] = field(default_factory=dict)
    queue: list[Sent] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    serial: int = 100
    lost: bool = False
    silent: str = ""

    def match(self, rule: str) -> None:
        self.rules.append(rule)

    def call(
        self, service: str, path: str, method: str, *arguments: object, seconds: float
    ) -> Reply:
        self.serial += 1
        assert seconds < WATCHDOG, "systemd would take the caller for dead"
        if self.lost:
            raise BusLostError("gone")
        match method.rpartition(".")[2]:
            case self.silent:
                raise BusError("no answer", name="org.freedesktop.DBus.Error.NoReply")
            case "Subscribe":
                assert self.rules, "what happens in between would be missed"
                return self.reply()
            case "ListUnitsByPatterns":
                pattern = str(cast("list[str]", arguments[2])[0])
                names = fnmatch.filter(self.units, pattern)
                rows = [[name, "", "", "", "", "", unit_path(name)] for name in names]
                if pattern != "container@h-*.service":
                    return self.reply(rows)
                return self.reply([*rows, ["left", "", "", "", "", "", "/left"]])
            case "GetAll" if found := [n for n in self.units if unit_path(n) == path]:
                return self.reply(self.units[found[0]])
            case "Get" if (job := int(path.rpartition("/")[2])) in self.jobs:
                return self.reply(self.jobs[job])
        raise BusError("no such object")

    def reply(self, *values: Any) -> Reply:
        return Reply(list(values), SYSTEMD, self.serial)

    def wait(self, seconds: float | None) -> None:
        if self.lost:
            raise BusLostError("gone")

    def signals(self) -> Iterator[Signal]:
        while self.queue:
            yield cast("Signal", self.queue.pop(0))

    def change(self, name: str, of_unit: dict[str, Any], **of_service: Any) -> None:
        """Signal a change as systemd does."""
        for interface, values in ((SERVICE, of_service), (UNIT, {"Job": (0, "/"), **of_unit})):
            self.serial += 1
            change = [interface, values, []]
            self.queue.append(Sent(unit_path(name), "PropertiesChanged", change, self.serial))

    def manager(self, member: str, *values: Any, sender: str = SYSTEMD) -> None:
        """Signal something else."""
        self.serial += 1
        self.queue.append(Sent("/", member, list(values), self.serial, sender))


@pytest.fixture
def bus() -> FakeBus:
    return FakeBus()


@pytest.fixture
def signals(bus: FakeBus) -> UnitSignals:
    return UnitSignals(cast("Bus", bus), "container@h-", ".service")


def seen(signals: UnitSignals) -> list[Seen]:
    """What there is to see now."""
    return list(signals.changes(0))


def test_the_two_signals_of_a_change_are_one_moment(bus: FakeBus, signals: UnitSignals) -> None:
    bus.change(ALICE, RUNNING, MainPID=7)
    bus.change(ALICE, {**RUNNING, "ActiveState": "failed"}, Result="signal", MainPID=0)
    first, second = seen(signals)
    assert (first.unit.active, first.unit.result, first.unit.main_pid) == ("active", "success", 7)
    assert (second.unit.active, second.unit.result, second.unit.main_pid) == ("failed", "signal", 0)
    assert first.unit.invocation == second.unit.invocation == "0a"


def test_what_was_on_its_way_when_a_unit_was_asked_for_is_old(
    bus: FakeBus, signals: UnitSignals
) -> None:
    bus.change(ALICE, {"ActiveState": "activating", "InvocationID": [0xA]})
    bus.units[ALICE] = {**RUNNING, "MainPID": 7}
    (listed,) = signals.listing()
    assert (listed.unit.active, listed.unit.main_pid) == ("active", 7)
    assert seen(signals) == []
    bus.change(ALICE, STOPPING)
    (later,) = seen(signals)
    assert (later.unit.active, later.unit.main_pid) == ("deactivating", 7)


def test_other_units_and_other_senders_are_nobody(bus: FakeBus, signals: UnitSignals) -> None:
    bus.change("container@other.service", RUNNING)
    bus.change("container@h-alice.socket", RUNNING)
    bus.change(ALICE, RUNNING)
    for sent in bus.queue[-2:]:
        sent.sender = ":1.66"
    assert seen(signals) == []


@pytest.mark.parametrize(
    ("type_", "stopping"),
    [("stop", True), ("restart", True), ("try-restart", True), ("start", False), ("reload", False)],
)
def test_a_job_says_whether_it_stops_the_unit(
    bus: FakeBus, signals: UnitSignals, type_: str, stopping: bool
) -> None:
    bus.jobs[7] = type_
    bus.change(ALICE, RUNNING)
    bus.change(ALICE, {**RUNNING, "Job": (7, "")})
    bus.change(ALICE, {**STOPPING, "Job": (7, "")})
    assert [one.stopping for one in seen(signals)] == [False, stopping, stopping]


def test_a_job_that_has_ended_is_judged_by_what_it_did(bus: FakeBus, signals: UnitSignals) -> None:
    bus.change(ALICE, {**RUNNING, "Job": (7, "")})
    bus.change(ALICE, {**STOPPING, "Job": (7, "")})
    assert [one.stopping for one in seen(signals)] == [False, True]


def test_a_job_to_restart_does_not_stop_the_run_that_it_starts(
    bus: FakeBus, signals: UnitSignals
) -> None:
    bus.jobs[7] = "restart"
    bus.change(ALICE, {**STOPPING, "Job": (7, "")})
    bus.change(ALICE, {"ActiveState": "activating", "InvocationID": [0xB], "Job": (7, "")})
    assert [one.stopping for one in seen(signals)] == [True, False]


def test_a_unit_that_leaves_memory_does_not_run(bus: FakeBus, signals: UnitSignals) -> None:
    bus.change(ALICE, {"ActiveState": "failed", "InvocationID": [0xA]}, Result="signal")
    bus.manager("UnitRemoved", "container@h-bob.service", "/")
    bus.manager("UnitRemoved", ALICE, "/")
    bus.manager("UnitRemoved", ALICE, "/")
    failed, removed = seen(signals)
    assert (failed.unit.active, removed.unit.active) == ("failed", "inactive")
    assert removed.unit.invocation == "0a"
    bus.change(ALICE, {"ActiveState": "activating", "InvocationID": [0xB]})
    (again,) = seen(signals)
    assert again.unit.result == "success", "nothing is left of what it was before"


def test_units_that_are_read_anew_are_as_they_were(bus: FakeBus, signals: UnitSignals) -> None:
    bus.units[ALICE] = {**RUNNING, "Job": (0, "/")}
    signals.listing()
    bus.manager("UnitRemoved", ALICE, "/")
    (read_anew,) = seen(signals)
    assert read_anew.unit.active == "active"
    del bus.units[ALICE]
    bus.manager("UnitRemoved", ALICE, "/")
    assert [one.unit.active for one in seen(signals)] == ["inactive"]


def test_systemd_anew_is_a_new_beginning(bus: FakeBus, signals: UnitSignals) -> None:
    name = "org.freedesktop.systemd1"
    bus.manager("NameOwnerChanged", name, "", SYSTEMD, sender="org.freedesktop.DBus")
    assert seen(signals) == []
    bus.manager("NameOwnerChanged", name, SYSTEMD, "", sender=":1.66")
    assert seen(signals) == []
    bus.manager("NameOwnerChanged", name, SYSTEMD, "", sender="org.freedesktop.DBus")
    with pytest.raises(SystemdRestartedError):
        seen(signals)


def test_a_lost_bus_is_no_unit_that_left(bus: FakeBus, signals: UnitSignals) -> None:
    bus.change(ALICE, {**RUNNING, "Job": (7, "")})
    received = iter(signals.changes(0))
    bus.lost = True
    with pytest.raises(BusLostError):
        next(received)
    with pytest.raises(BusLostError):
        signals.listing()


@pytest.mark.parametrize("method", ["ListUnitsByPatterns", "GetAll"])
def test_a_systemd_that_does_not_answer_has_not_lost_its_units(
    bus: FakeBus, signals: UnitSignals, method: str
) -> None:
    bus.units[ALICE] = RUNNING
    bus.silent = method
    with pytest.raises(BusError, match="no answer"):
        signals.listing()
