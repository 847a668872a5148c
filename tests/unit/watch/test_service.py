"""The watch as a whole, with a bus that comes and goes."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Final

import pytest

from hyperhive.errors import HyperhiveError
from hyperhive.store.container_states import ContainerState
from hyperhive.systemd import main_loop, notify
from hyperhive.systemd.bus import BusLostError
from hyperhive.systemd.unit_signals import Seen
from hyperhive.systemd.unit_status import UnitStatus
from hyperhive.watch import service
from hyperhive.watch.changes import Change

UP: Final = UnitStatus("container@h-alice.service", "loaded", "active", "running", invocation="aa")
DOWN: Final = replace(UP, active="inactive", sub="dead")


class OverError(Exception):
    """Ends a test."""


class Systemd:
    """What the bus gives: one listing a connection, then changes, until it is lost or over."""

    def __init__(self, *connections: tuple[list[Seen], list[Seen]] | None) -> None:
        """Args: connections: listing and changes of each; None: it cannot be made."""
        self._connections = list(connections)
        self.waited: list[float | None] = []

    def connect(self) -> "Systemd":
        if not self._connections:
            raise OverError
        if self._connections[0] is None:
            self._connections.pop(0)
            raise BusLostError("no bus")
        return self

    def __enter__(self) -> "Systemd":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def signals(self, bus: "Systemd", prefix: str, suffix: str) -> "Systemd":
        assert (bus, prefix, suffix) == (self, "container@h-", ".service")
        return self

    def listing(self) -> list[Seen]:
        assert self._connections[0] is not None
        return self._connections[0][0]

    def changes(self, seconds: float | None) -> Iterator[Seen]:
        self.waited.append(seconds)
        assert self._connections[0] is not None
        _, changes = self._connections[0]
        if not changes:
            self._connections.pop(0)
            raise BusLostError("gone")
        yield changes.pop(0)


class Reporter:
    """Takes what it is given.

    Attributes:
        listing: what it was started with.
        told: what it was given later.
    """

    fails = False

    def __init__(self, *_: object) -> None:
        self.told: list[Change] = []
        self.closed = threading.Event()
        REPORTERS.append(self)

    def run(self, listing: list[Seen], at: float) -> None:
        self.listing = listing
        if self.fails:
            raise HyperhiveError("a bug")
        self.closed.wait()

    def put(self, changes: list[Change]) -> None:
        self.told += changes

    def close(self) -> None:
        self.closed.set()


REPORTERS: Final[list[Reporter]] = []


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the service manager was told; nothing waits, and nothing needs a bus."""
    said: list[str] = []
    monkeypatch.setattr(notify, "ready", lambda status: said.append(f"ready: {status}"))
    monkeypatch.setattr(notify, "status", lambda text: said.append(f"status: {text}"))
    monkeypatch.setattr(notify, "ping", lambda: said.append("ping"))
    monkeypatch.setattr(notify, "watchdog_seconds", lambda: None)
    monkeypatch.setattr(main_loop, "iterate", lambda seconds: None)
    monkeypatch.setattr(main_loop, "wake", lambda: None)
    monkeypatch.setattr(service, "Reporter", Reporter)
    monkeypatch.setattr(service, "SHORTEST_PAUSE", 0.0)
    monkeypatch.setattr(service, "LONGEST_PAUSE", 0.0)
    yield said
    REPORTERS.clear()


def watch(monkeypatch: pytest.MonkeyPatch, systemd: Systemd) -> Reporter:
    """Watches until all that systemd has to say was said."""
    monkeypatch.setattr(service, "Bus", systemd.connect)
    monkeypatch.setattr(service, "UnitSignals", systemd.signals)
    with pytest.raises(OverError):
        service.watch(Path("/nowhere"), lambda *_: [], lambda: 0.0)
    (reporter,) = REPORTERS
    assert reporter.closed.is_set()
    return reporter


def test_changes_are_passed_on(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    reporter = watch(monkeypatch, Systemd(([Seen(UP)], [Seen(UP), Seen(DOWN, stopping=False)])))
    assert reporter.listing == [Seen(UP)], "the reporter compares it with what the broker knows"
    assert [change.state for change in reporter.told] == [ContainerState.STOPPED]
    assert said == ["ready: watches 1 container(s)", "status: waits for the system bus"]


def test_what_happened_while_the_bus_was_away_is_found_out(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    again = replace(UP, invocation="bb", restarts=1)
    reporter = watch(
        monkeypatch, Systemd(None, ([Seen(UP)], []), None, None, ([Seen(again)], [Seen(DOWN)]))
    )
    assert [(one.state, one.invocation, bool(one.crash)) for one in reporter.told] == [
        (ContainerState.STARTING, "aa", True),
        (ContainerState.RUNNING, "bb", False),
        (ContainerState.STOPPED, "aa", False),
    ]
    assert [line for line in said if line.startswith("ready")] == [
        "ready: watches 1 container(s)",
        "ready: watches 1 container(s)",
    ]


def test_the_watchdog_is_pinged_in_time(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    monkeypatch.setattr(notify, "watchdog_seconds", lambda: 10.0)
    now = [100.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("hyperhive.watch.service.time", clock)
    systemd = Systemd(([], [Seen(UP)] * 4))
    changes = systemd.changes

    def slow(seconds: float | None) -> Iterator[Seen]:
        yield from changes(seconds)
        now[0] += 4

    monkeypatch.setattr(systemd, "changes", slow)
    watch(monkeypatch, systemd)
    assert systemd.waited == [10, 6, 2, 10, 6]
    assert said.count("ping") == 1


def test_trouble_of_the_reporter_ends_the_watch(
    monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(Reporter, "fails", True)
    systemd = Systemd(([], [Seen(UP)] * 100_000))
    monkeypatch.setattr(service, "Bus", systemd.connect)
    monkeypatch.setattr(service, "UnitSignals", systemd.signals)
    with pytest.raises(HyperhiveError, match="a bug"):
        service.watch(Path("/nowhere"), lambda *_: [], lambda: 0.0)
