"""A real harness process with a stand-in for claude: turns, and what can go wrong in them."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hyperhive.wire.harness import OutcomeKind, TurnEventKind
from hyperhive.wire.jsonrpc import ErrorCode, Failure, Request, Result
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
"""Takes the prompt and prints a recorded turn."""


def test_a_turn_is_told_in_order(tmp_path: Path, broker: FakeBroker) -> None:
    claude = stub_claude(tmp_path / "stub", ANSWER)
    with running_harness(settings_for(tmp_path, claude=claude)) as harness:
        hello = broker.hello()
        assert hello["agent"] == "alice"
        assert hello["claude"] == {"path": claude, "version": "2.1.330"}
        assert "problem" not in hello
        assert isinstance(broker.run_turn(7), Result)
        outcome = broker.outcome(7)
        assert outcome.kind is OutcomeKind.OK
        assert outcome.exit_code == 0
        assert broker.started(7)["pid"] > 0
        kinds = [event.kind for event in broker.events(7)]
        assert kinds == [TurnEventKind.INIT, TurnEventKind.TEXT]
        assert list(dict.fromkeys(broker.methods())) == [
            "hello",
            "turn.started",
            "turn.events",
            "turn.finished",
        ]
        assert list((tmp_path / "state" / "turns").iterdir()) == []
        assert harness.stop() == 0


def test_prompt_arguments_and_environment_reach_claude(tmp_path: Path, broker: FakeBroker) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    body = f"cat >{tmp_path}/prompt; env >{tmp_path}/env; printf '%s\\n' \"$@\" >{tmp_path}/argv\n"
    settings = settings_for(
        tmp_path,
        claude=stub_claude(tmp_path / "stub", body + f"cat {PLAIN}"),
        environment={"COLOUR": "blue"},
        credentials={"TOKEN": str(secret)},
    )
    caller = {"ANTHROPIC_API_KEY": "dummy", "UNRELATED": "leak", "LANG": "de_DE.UTF-8"}
    prompt = "wöke\n" + "x" * 300_000
    with running_harness(settings, caller):
        broker.hello()
        broker.run_turn(3, prompt)
        assert broker.outcome(3).kind is OutcomeKind.OK
    assert (tmp_path / "prompt").read_text() == prompt
    environment = dict(
        line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line
    )
    assert environment["COLOUR"] == "blue"
    assert environment["TOKEN"] == "s3cret"
    assert environment["ANTHROPIC_API_KEY"] == "dummy"
    assert environment["LANG"] == "de_DE.UTF-8"
    assert environment["HYPERHIVE_TURN"] == "alice:3"
    assert environment["CLAUDE_CONFIG_DIR"] == str(tmp_path / "claude")
    assert environment["PWD"] == str(tmp_path / "state" / "work")
    assert "UNRELATED" not in environment
    assert "s3cret" not in (tmp_path / "argv").read_text()
    assert "--session-id" in (tmp_path / "argv").read_text()


def test_one_turn_at_a_time(tmp_path: Path, broker: FakeBroker) -> None:
    claude = stub_claude(tmp_path / "stub", "exec sleep 600\n")
    with running_harness(settings_for(tmp_path, claude=claude)):
        broker.hello()
        broker.run_turn(1)
        broker.started(1)
        assert isinstance(broker.run_turn(1), Result)  # asked again: it did not see the answer
        refused = broker.run_turn(2)
        assert isinstance(refused, Failure)
        assert refused.code == ErrorCode.BUSY


def test_cancel_ends_processes_in_sessions_of_their_own(tmp_path: Path, broker: FakeBroker) -> None:
    body = "setsid sleep 600 & (setsid sh -c 'sleep 600 & wait' &) ; echo $$ >&2; wait\n"
    claude = stub_claude(tmp_path / "stub", body)
    with running_harness(settings_for(tmp_path, claude=claude)):
        broker.hello()
        broker.run_turn()
        wait_until(lambda: len(marked(tmp_path)) >= 4, "four processes of the turn")
        assert isinstance(broker.cancel(reason="enough"), Result)
        outcome = broker.outcome()
        assert (outcome.kind, outcome.detail) == (OutcomeKind.CANCELLED, "enough")
        assert marked(tmp_path) == {}


def test_cancel_of_a_turn_that_is_not_running(tmp_path: Path, broker: FakeBroker) -> None:
    with running_harness(settings_for(tmp_path, claude=stub_claude(tmp_path / "stub", ANSWER))):
        broker.hello()
        answer = broker.cancel(9)
        assert isinstance(answer, Failure)
        assert answer.code == ErrorCode.UNKNOWN_TURN


def test_what_a_turn_leaves_behind_is_killed(tmp_path: Path, broker: FakeBroker) -> None:
    """It holds claude's standard output open, too."""
    body = ANSWER + "setsid sh -c 'trap \"\" TERM INT HUP; sleep 600; sleep 600' &\nexit 0\n"
    claude = stub_claude(tmp_path / "stub", body)
    with running_harness(settings_for(tmp_path, claude=claude)):
        broker.hello()
        broker.run_turn()
        assert broker.outcome().kind is OutcomeKind.OK
        assert marked(tmp_path) == {}


def test_claude_killed(tmp_path: Path, broker: FakeBroker) -> None:
    claude = stub_claude(tmp_path / "stub", f"head -n1 {PLAIN}; setsid sleep 600 & wait\n")
    with running_harness(settings_for(tmp_path, claude=claude)):
        broker.hello()
        broker.run_turn()
        pid = broker.started()["pid"]
        broker.until(lambda: broker.requests("turn.events"), "first event")
        os.kill(pid, signal.SIGKILL)
        outcome = broker.outcome()
        assert outcome.kind is OutcomeKind.FAILED
        assert outcome.exit_code == -signal.SIGKILL
        assert "SIGKILL" in outcome.detail
        assert marked(tmp_path) == {}


def test_a_turn_that_takes_too_long(tmp_path: Path, broker: FakeBroker) -> None:
    claude = stub_claude(tmp_path / "stub", "exec sleep 600\n")
    with running_harness(settings_for(tmp_path, claude=claude, turn_seconds=1)):
        broker.hello()
        broker.run_turn()
        outcome = broker.outcome()
        assert (outcome.kind, outcome.detail) == (OutcomeKind.TIMEOUT, "it took over 1 s")
        assert marked(tmp_path) == {}


def test_claude_in_another_permission_mode_is_ended(tmp_path: Path, broker: FakeBroker) -> None:
    """It did not take the rules it was given; the rest of the turn must not happen."""
    init = PLAIN.read_text().splitlines()[0].replace("dontAsk", "bypassPermissions")
    (tmp_path / "init").write_text(init + "\n")
    claude = stub_claude(tmp_path / "stub", f"cat {tmp_path}/init; sleep 600\n")
    with running_harness(settings_for(tmp_path, claude=claude)):
        broker.hello()
        broker.run_turn()
        outcome = broker.outcome()
        assert outcome.kind is OutcomeKind.FAILED
        assert "bypassPermissions" in outcome.detail
        assert marked(tmp_path) == {}


def test_a_session_is_resumed_if_claude_has_it(tmp_path: Path, broker: FakeBroker) -> None:
    """Whatever the broker believes: claude refuses to begin one twice or resume one it has not."""
    body = f'echo "$@" >>{tmp_path}/argv; ' + ANSWER
    claude = stub_claude(tmp_path / "stub", body)
    had, gone = "5b6b2f0e-0000-4000-8000-00000000000a", "5b6b2f0e-0000-4000-8000-00000000000b"
    with running_harness(settings_for(tmp_path, claude=claude)):
        project = tmp_path / "claude" / "projects" / "-somewhere"
        project.mkdir(parents=True)
        (project / f"{had}.jsonl").write_text("{}\n")
        broker.hello()
        broker.run_turn(1, session=had, resume=False)
        broker.outcome(1)
        broker.run_turn(2, session=gone, resume=True)
        broker.outcome(2)
    first, second = (tmp_path / "argv").read_text().splitlines()
    assert f"--resume {had}" in first
    assert f"--session-id {gone}" in second
    assert broker.events(1)[0].kind is TurnEventKind.INIT
    remark = broker.events(2)[0]
    assert remark.kind is TurnEventKind.NOTICE
    assert "begins anew" in remark.data["text"]


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        (None, "is not an executable file"),
        ("2.1.100 (Claude Code)", "older than 2.1.197"),
        ("no such thing", "does not name a version"),
    ],
)
def test_claude_that_cannot_be_used(
    tmp_path: Path, broker: FakeBroker, version: str | None, problem: str
) -> None:
    claude = tmp_path / "stub"
    if version is not None:
        claude.write_text(f"#!/bin/sh\necho '{version}'\n")
        claude.chmod(0o755)
    with running_harness(settings_for(tmp_path, claude=str(claude))):
        hello = broker.hello()
        assert problem in hello["problem"]
        assert "claude" not in hello
        broker.run_turn()
        outcome = broker.outcome()
        assert outcome.kind is OutcomeKind.FAILED
        assert problem in outcome.detail
        assert outcome.exit_code is None


def test_credential_that_cannot_be_read(tmp_path: Path, broker: FakeBroker) -> None:
    settings = settings_for(
        tmp_path,
        claude=stub_claude(tmp_path / "stub", ANSWER),
        credentials={"TOKEN": str(tmp_path / "missing")},
    )
    with running_harness(settings):
        broker.hello()
        broker.run_turn()
        outcome = broker.outcome()
        assert outcome.kind is OutcomeKind.FAILED
        assert "credential TOKEN" in outcome.detail


def test_output_without_end_is_bounded_in_memory(tmp_path: Path, broker: FakeBroker) -> None:
    """While the broker does not answer, claude waits; then every event is told."""
    block = {"type": "text", "text": "x" * 16_000}
    answer = {"type": "assistant", "message": {"id": "m", "model": "m", "content": [block]}}
    (tmp_path / "hundred").write_text((json.dumps(answer) + "\n") * 100)
    body = (
        f"i=0; while [ $i -lt 40 ]; do cat {tmp_path}/hundred; i=$((i+1)); echo >>{tmp_path}/count;"
        f" done; {ANSWER}"
    )
    released = threading.Event()

    def answer_late(request: Request) -> dict[str, Any]:
        if request.method == "turn.started":
            assert released.wait(20)
        return {}

    broker.answer = answer_late
    with running_harness(settings_for(tmp_path, claude=stub_claude(tmp_path / "s", body))) as alice:
        broker.hello()
        run = {"turn": 1, "prompt": "", "model": "m", "session": "s", "resume": False}
        broker.send(Request("run", "turn.run", run))
        wait_until((tmp_path / "count").exists, "a hundred lines")
        _wait_until_still(tmp_path / "count")
        released.set()
        assert broker.outcome(1).kind is OutcomeKind.OK
        assert len(broker.events(1)) == 4002
        assert alice.peak_kib() < 45_000  # 64 MB were printed


def _wait_until_still(path: Path) -> None:
    """Wait until a file has not grown for half a second."""
    size, since = -1, time.monotonic()

    def still() -> bool:
        nonlocal size, since
        if path.stat().st_size != size:
            size, since = path.stat().st_size, time.monotonic()
        return time.monotonic() - since > 0.5

    wait_until(still, "end of growth")
