"""Telling a broker that is there, is away, or wants to know nothing."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, Final

import pytest

from hyperhive.operator.client import connect
from hyperhive.store.container_states import ContainerState
from hyperhive.systemd.unit_signals import Seen
from hyperhive.systemd.unit_status import UnitStatus
from hyperhive.watch.changes import Change, End
from hyperhive.watch.reporter import Reporter

SECONDS: Final = 10.0
"""How long a test waits for what the reporter's thread does."""
ALICE, BOB = "container@h-alice.service", "container@h-bob.service"
BEFORE, NOW = 1_699_999_999.0, 1_700_000_000.0
CRASH: Final = Change(ALICE, ContainerState.FAILED, "killed", "aa", End("signal", "SIGKILL"))


def container(agent: str, state: str | None, invocation: str | None = None) -> dict[str, Any]:
    """A container as the broker says it."""
    wanted = {"wanted": None, "wanted_reason": "", "should_run": True}
    seen = {"state": state, "reason": "", "since": None, "invocation": invocation}
    return {"agent": agent, "declared": True, "autostart": True, **wanted, **seen}


class Broker(ThreadingMixIn, UnixStreamServer):
    """A broker's operator plane, as far as reports go.

    Attributes:
        knows: containers it answers with.
        refuses: the status with which it refuses reports of an agent.
        told: reports it has taken, in order.
    """

    daemon_threads = True

    def __init__(self, socket: Path, *knows: dict[str, Any]) -> None:
        super().__init__(os.fspath(socket), _Handler)
        self.knows = knows
        self.refuses: dict[str, int] = {}
        self.asked = 0
        self._told: list[tuple[str, dict[str, Any]]] = []
        self._changed = threading.Condition()

    def take(self, agent: str, report: dict[str, Any]) -> int:
        """Take a report; the status to answer with."""
        with self._changed:
            self.asked += 1
            status = self.refuses.get(agent, 200)
            if status == 200:
                self._told.append((agent, report))
            self._changed.notify_all()
            return status

    def wait(self, what: str, done: Callable[[list[tuple[str, dict[str, Any]]]], bool]) -> None:
        """Wait until what was told is as `done` says."""
        with self._changed:
            found = self._changed.wait_for(lambda: done(self._told), SECONDS)
            assert found, f"waited {SECONDS} s for {what}, was told {self._told}"

    def told(self, count: int) -> list[tuple[str, str, str | None]]:
        """Agent, state and crashed run of the reports, once there are so many."""
        self.wait(f"{count} reports", lambda told: len(told) >= count)
        return [
            (agent, report["state"], report["invocation"] if report.get("crash") else None)
            for agent, report in self._told
        ]

    def report(self, number: int) -> dict[str, Any]:
        """One report."""
        return self._told[number][1]


class _Handler(BaseHTTPRequestHandler):
    server: Broker

    def do_GET(self) -> None:
        assert self.path == "/api/v1/containers"
        self._answer(200, list(self.server.knows))

    def do_POST(self) -> None:
        *_, agent, report = self.path.split("/")
        assert report == "report"
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.take(agent, body)
        refusal = {"error": "no", "todo": ""}
        self._answer(status, container(agent, body["state"]) if status == 200 else refusal)

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "operator.sock"


@contextmanager
def broker(socket: Path, *knows: dict[str, Any]) -> Iterator[Broker]:
    with Broker(socket, *knows) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            socket.unlink()


@contextmanager
def reporting(
    socket: Path,
    *listing: Seen,
    lines: Callable[[str, int, str | None], list[str]] = lambda *_: [],
) -> Iterator[Reporter]:
    reporter = Reporter(socket, lines, lambda: NOW)
    thread = threading.Thread(target=reporter.run, args=(listing, BEFORE))
    thread.start()
    try:
        yield reporter
    finally:
        reporter.close()
        thread.join(SECONDS)
        assert not thread.is_alive(), f"the reporter did not end within {SECONDS} s"


def test_a_crash_is_told_with_the_lines_of_its_run(socket: Path) -> None:
    asked = []

    def lines(*of: Any) -> list[str]:
        asked.append(of)
        return ["one", "two"]

    with broker(socket) as told, reporting(socket, lines=lines) as reporter:
        reporter.put([CRASH, Change(ALICE, ContainerState.STARTING, "again", "aa")])
        assert told.told(2) == [("alice", "failed", "aa"), ("alice", "starting", None)]
    assert asked == [(ALICE, 20, "aa")]
    assert told.report(0) == {
        "state": "failed",
        "reason": "killed",
        "at": NOW,
        "invocation": "aa",
        "crash": {"result": "signal", "status": "SIGKILL", "lines": ["one", "two"]},
    }


def test_a_journal_that_cannot_be_read_keeps_no_crash_back(socket: Path) -> None:
    def lines(*_: object) -> list[str]:
        raise OSError("no journal")

    with broker(socket) as told, reporting(socket, lines=lines) as reporter:
        reporter.put([CRASH])
        assert told.told(1) == [("alice", "failed", "aa")]


def test_a_broker_that_comes_later_is_told_then(socket: Path) -> None:
    with reporting(socket) as reporter:
        reporter.put([CRASH])
        reporter.put([Change(ALICE, ContainerState.STARTING, "", "bb")])
        reporter.put([Change(ALICE, ContainerState.RUNNING, "", "bb")])
        with broker(socket) as told:
            assert told.told(2) == [("alice", "failed", "aa"), ("alice", "running", None)]


def test_a_broker_that_comes_back_is_told_the_rest(
    socket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Semaphore(0)

    def connecting(path: Path) -> Any:
        tried.release()
        return connect(path)

    with reporting(socket) as reporter:
        with broker(socket) as told:
            reporter.put([Change(ALICE, ContainerState.RUNNING, "", "aa")])
            told.told(1)
        monkeypatch.setattr("hyperhive.watch.reporter.connect", connecting)
        reporter.put([CRASH])
        assert tried.acquire(timeout=SECONDS), f"not tried again within {SECONDS} s"
        with broker(socket) as told:
            assert told.told(1) == [("alice", "failed", "aa")]


def test_what_the_broker_wants_to_know_nothing_of_is_dropped(socket: Path) -> None:
    with broker(socket) as told, reporting(socket) as reporter:
        told.refuses["alice"] = 404
        reporter.put([CRASH])
        reporter.put([Change(BOB, ContainerState.RUNNING, "", "bb")])
        assert told.told(1) == [("bob", "running", None)]
        assert told.asked == 2


@pytest.mark.parametrize("status", [409, 503])
def test_trouble_with_one_agent_keeps_no_other_back(socket: Path, status: int) -> None:
    with broker(socket) as told, reporting(socket) as reporter:
        told.refuses["alice"] = status
        reporter.put([CRASH])
        told.wait("an attempt", lambda _: told.asked > 0)
        reporter.put([Change(BOB, ContainerState.RUNNING, "", "bb")])
        assert told.told(1) == [("bob", "running", None)]
        told.refuses.clear()
        assert told.told(2)[1] == ("alice", "failed", "aa")


def test_what_happened_before_the_start_is_told_first(socket: Path) -> None:
    knows = [
        container("alice", "running", "aa"),
        container("bob", "failed", "cc"),
        container("carol", "running", "dd"),
        container("dave", "stopped", "ee"),
        container("erin", None),
    ]
    alice = UnitStatus(ALICE, "loaded", "active", "running", invocation="bb", restarts=2)
    bob = UnitStatus(BOB, "loaded", "failed", "failed", result="signal", invocation="cc")
    foreign = UnitStatus("container@h-Not_ours.service", "loaded", "active", "running")
    with broker(socket, *knows) as told, reporting(socket, *map(Seen, (alice, bob, foreign))):
        assert sorted(told.told(3)) == [
            ("alice", "running", None),
            ("alice", "starting", "aa"),
            ("carol", "stopped", None),
        ]
        assert [told.report(number)["at"] for number in range(3)] == [BEFORE] * 3


def test_it_ends_while_the_broker_is_away(socket: Path) -> None:
    with reporting(socket) as reporter:
        reporter.put([CRASH])
