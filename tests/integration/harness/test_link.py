"""A real harness process and a broker that goes away, comes back, refuses and lies."""

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from hyperhive.harness.command import harness_command
from hyperhive.wire.harness import OutcomeKind
from hyperhive.wire.jsonrpc import ErrorCode, Failure, Request, Result, RpcError
from hyperhive.wire.sockets import MAX_ADDRESS
from tests.integration.harness.fake_broker import FakeBroker
from tests.integration.harness.running import (
    marked,
    running_harness,
    settings_for,
    stub_claude,
    wait_until,
)
from tests.unit.harness import recordings

PLAIN = recordings.DIRECTORY / "plain.jsonl"
ANSWER = f"cat >/dev/null; cat {PLAIN}\n"


def gated(directory: Path) -> str:
    """A claude that prints its first event, waits for the file `go`, and prints the rest."""
    body = (
        f"cat >/dev/null; head -n1 {PLAIN}; while [ ! -e {directory}/go ]; do sleep 0.02; done\n"
        f"tail -n+2 {PLAIN}\n"
    )
    return stub_claude(directory / "stub", body)


def refuse(method: str, code: ErrorCode, times: int | None = None) -> Any:
    """An answer that refuses a method, always or the first few times."""
    refused = 0

    def answer(request: Request) -> dict[str, Any]:
        nonlocal refused
        if request.method == method and (times is None or refused < times):
            refused += 1
            raise RpcError(code, "the test refuses")
        return {}

    return answer


def test_a_turn_outlives_the_broker(tmp_path: Path, broker: FakeBroker) -> None:
    with running_harness(settings_for(tmp_path, claude=gated(tmp_path))):
        broker.hello()
        broker.run_turn(5)
        broker.until(lambda: broker.requests("turn.events"), "first event")
        broker.stop()
        (tmp_path / "go").touch()
        wait_until(lambda: not marked(tmp_path), "end of claude")
        broker.start()
        assert broker.hello(2)["running"] == 5
        assert broker.outcome(5).kind is OutcomeKind.OK
        assert len(broker.events(5)) == 2


def test_an_unanswered_request_is_made_again(tmp_path: Path, broker: FakeBroker) -> None:
    """The broker heard `turn.finished` and died before it was on disk."""

    def die_once(request: Request) -> dict[str, Any]:
        if request.method == "turn.finished" and len(broker.requests("hello")) == 1:
            broker.drop()
            raise OSError("gone")
        return {}

    broker.answer = die_once
    claude = stub_claude(tmp_path / "stub", ANSWER)
    with running_harness(settings_for(tmp_path, claude=claude)):
        broker.hello()
        broker.run_turn(5)
        assert broker.hello(2)["running"] == 5
        assert broker.outcome(5).kind is OutcomeKind.OK


def test_a_turn_that_no_longer_counts_is_ended_and_forgotten(
    tmp_path: Path, broker: FakeBroker
) -> None:
    claude = stub_claude(tmp_path / "stub", "trap '' INT TERM; while true; do sleep 1; done\n")
    with running_harness(settings_for(tmp_path, claude=claude)):
        broker.hello()
        broker.run_turn(5)
        broker.started(5)
        broker.keep = False
        broker.drop()
        assert broker.hello(2)["running"] == 5
        stub_claude(tmp_path / "stub", ANSWER)
        # The next turn may come at once, while the last of the old one is still dying.
        assert isinstance(broker.run_turn(6), Result)
        assert broker.outcome(6).kind is OutcomeKind.OK
        assert "running" not in _next_hello(broker)
        assert {p["turn"] for p in broker.requests("turn.finished")} == {6}
        assert marked(tmp_path) == {}


def _next_hello(broker: FakeBroker) -> dict[str, Any]:
    broker.drop()
    return broker.hello(3)


def test_a_turn_that_the_broker_does_not_know_is_ended(tmp_path: Path, broker: FakeBroker) -> None:
    broker.answer = refuse("turn.events", ErrorCode.UNKNOWN_TURN)
    with running_harness(settings_for(tmp_path, claude=gated(tmp_path))):
        broker.hello()
        broker.run_turn(5)
        broker.until(lambda: broker.requests("turn.events"), "first event")
        wait_until(lambda: not marked(tmp_path), "end of claude")
        assert broker.requests("turn.finished") == []


def test_a_full_disk_of_the_broker_is_waited_for(tmp_path: Path, broker: FakeBroker) -> None:
    broker.answer = refuse("turn.finished", ErrorCode.STORE_UNAVAILABLE, times=2)
    claude = stub_claude(tmp_path / "stub", ANSWER)
    with running_harness(settings_for(tmp_path, claude=claude)):
        broker.hello()
        broker.run_turn(5)
        broker.until(lambda: len(broker.requests("turn.finished")) == 3, "third turn.finished")
        broker.answer = lambda request: {}
        broker.run_turn(6)
        assert broker.outcome(6).kind is OutcomeKind.OK


def test_what_is_wrong_in_a_call_is_answered(tmp_path: Path, broker: FakeBroker) -> None:
    with running_harness(
        settings_for(tmp_path, claude=stub_claude(tmp_path / "stub", ANSWER))
    ) as harness:
        broker.hello()
        broker.send(b"this is no JSON\n\n[1]\n")
        broker.send(b'{"jsonrpc":"2.0","method":"noise"}\n{"jsonrpc":"2.0","id":99,"result":1}\n')
        unknown = broker.call("turn.dance", {})
        assert isinstance(unknown, Failure)
        assert unknown.code == ErrorCode.METHOD_NOT_FOUND
        wrong = broker.call("turn.run", {"turn": "one"})
        assert isinstance(wrong, Failure)
        assert wrong.code == ErrorCode.INVALID_PARAMS
        assert "no message" in harness.log
        assert isinstance(broker.run_turn(), Result)
        assert broker.outcome().kind is OutcomeKind.OK


def test_a_line_without_end_breaks_the_connection(tmp_path: Path, broker: FakeBroker) -> None:
    with running_harness(
        settings_for(tmp_path, claude=stub_claude(tmp_path / "stub", ANSWER))
    ) as harness:
        broker.hello()
        with contextlib.suppress(OSError):  # it does not wait for all of it
            broker.send(b"x" * (3 << 20))
        broker.hello(2)
        assert "a line of over" in harness.log


def test_a_harness_that_is_refused_says_why_and_does_not_hammer(
    tmp_path: Path, broker: FakeBroker
) -> None:
    broker.answer = refuse("hello", ErrorCode.NOT_THIS_AGENT)
    with running_harness(
        settings_for(tmp_path, claude=stub_claude(tmp_path / "stub", ANSWER))
    ) as harness:
        broker.hello()
        wait_until(lambda: "the test refuses" in harness.log, "reason in the log")
        assert len(broker.requests("hello")) == 1
        assert harness.stop() == 0


def test_no_broker_at_the_start(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, claude=stub_claude(tmp_path / "stub", ANSWER))
    with running_harness(settings) as harness:
        wait_until(lambda: "not connected" in harness.log, "line in the log")
        with FakeBroker(tmp_path / "sockets") as broker:
            broker.hello()
            assert harness.log.count("not connected") == 1


def test_socket_path_longer_than_an_address(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * MAX_ADDRESS)
    deep.mkdir()
    settings = settings_for(deep, claude=stub_claude(deep / "stub", ANSWER))
    with FakeBroker(deep / "sockets") as broker, running_harness(settings):
        broker.hello()


def test_stopped_in_a_turn(tmp_path: Path, broker: FakeBroker) -> None:
    claude = stub_claude(tmp_path / "stub", "setsid sleep 600 & wait\n")
    with running_harness(settings_for(tmp_path, claude=claude)) as harness:
        broker.hello()
        broker.run_turn()
        wait_until(lambda: len(marked(tmp_path)) >= 2, "processes of the turn")
        assert harness.stop() == 0
        outcome = broker.outcome()
        assert (outcome.kind, outcome.detail) == (
            OutcomeKind.CANCELLED,
            "the harness was stopped",
        )
        finished = broker.requests("turn.finished")[-1]
        assert finished["leaving"] == "the harness was told to end by SIGTERM"
        assert "leaving" not in broker.methods()
        assert marked(tmp_path) == {}


def test_stopped_twice_loses_no_time(tmp_path: Path, broker: FakeBroker) -> None:
    claude = stub_claude(tmp_path / "stub", "trap '' INT TERM; while true; do sleep 1; done\n")
    with running_harness(settings_for(tmp_path, claude=claude)) as harness:
        broker.hello()
        broker.run_turn()
        broker.started()
        harness.process.send_signal(signal.SIGINT)
        assert harness.stop() == 0
        assert broker.outcome().kind is OutcomeKind.CANCELLED
        assert marked(tmp_path) == {}


def test_killed_harness_leaves_nothing_to_the_next(tmp_path: Path, broker: FakeBroker) -> None:
    body = "setsid sh -c 'trap \"\" TERM; while true; do sleep 1; done' & wait\n"
    claude = stub_claude(tmp_path / "stub", body)
    settings = settings_for(tmp_path, claude=claude)
    with running_harness(settings) as harness:
        broker.hello()
        broker.run_turn()
        pid = broker.started()["pid"]
        wait_until(lambda: len(marked(tmp_path)) >= 2, "processes of the turn")
        os.kill(harness.process.pid, signal.SIGKILL)
        harness.process.wait()
        wait_until(lambda: pid not in marked(tmp_path), "end of claude with its harness")
        assert marked(tmp_path) != {}
    with running_harness(settings):
        assert "running" not in broker.hello(2)
        assert marked(tmp_path) == {}


def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    for content, what in [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ('{"name": 1}', "name is int"),
    ]:
        if content is not None:
            file.write_text(content)
        ended = subprocess.run(harness_command(file), capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        assert what in ended.stderr
        assert len(ended.stderr.splitlines()) == 2


def test_idle_memory(tmp_path: Path, broker: FakeBroker) -> None:
    """The budget is 25 MB; bench/ measures it more closely."""
    claude = stub_claude(tmp_path / "stub", ANSWER)
    with running_harness(settings_for(tmp_path, claude=claude)) as harness:
        broker.hello()
        broker.run_turn()
        broker.outcome()
        assert harness.resident_kib() < 25_000
