"""A harness that is told to end says that it leaves."""

import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hyperhive.harness.service import REPORT_SECONDS
from hyperhive.wire.jsonrpc import Request
from tests.integration.harness.fake_broker import FakeBroker
from tests.integration.harness.running import (
    DEADLINE,
    running_harness,
    settings_for,
    stub_claude,
    wait_until,
)
from tests.unit.harness import recordings

ANSWER = f"cat >/dev/null; cat {recordings.DIRECTORY / 'plain.jsonl'}\n"


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stopped_while_idle_it_says_that_it_leaves(
    tmp_path: Path, broker: FakeBroker, sent: signal.Signals
) -> None:
    claude = stub_claude(tmp_path / "stub", ANSWER)
    with running_harness(settings_for(tmp_path, claude=claude)) as harness:
        broker.hello()
        wait_until(lambda: "connected to broker" in harness.log, "welcome")
        harness.process.send_signal(sent)
        assert harness.process.wait(DEADLINE) == 0
        (leaving,) = broker.requests("leaving")
        assert leaving == {"reason": f"the harness was told to end by {sent.name}"}


def test_stopped_before_it_is_welcome_it_says_that_it_leaves(
    tmp_path: Path, broker: FakeBroker
) -> None:
    heard, answer = threading.Event(), threading.Event()

    def slowly(request: Request) -> dict[str, Any]:
        if request.method == "hello":
            heard.set()
            assert answer.wait(DEADLINE), "nobody stopped the harness"
        return {"broker": "1", "keep": False} if request.method == "hello" else {}

    broker.answer = slowly
    claude = stub_claude(tmp_path / "stub", ANSWER)
    with running_harness(settings_for(tmp_path, claude=claude)) as harness:
        assert heard.wait(DEADLINE), "no hello"
        harness.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            harness.process.wait(0.3)
        answer.set()
        assert harness.process.wait(DEADLINE) == 0
        assert broker.requests("leaving"), "the broker has to take it for a crash"


@pytest.mark.parametrize("unanswered", ["turn.finished", "leaving"])
def test_a_broker_that_does_not_answer_keeps_nobody_from_leaving(
    tmp_path: Path, broker: FakeBroker, unanswered: str
) -> None:
    ended = threading.Event()

    def never(request: Request) -> dict[str, Any]:
        if request.method == unanswered:
            assert ended.wait(DEADLINE), "the harness did not end"
        return {}

    broker.answer = never
    claude = stub_claude(tmp_path / "stub", ANSWER)
    with running_harness(settings_for(tmp_path, claude=claude)) as harness:
        broker.hello()
        broker.run_turn()
        wait_until(lambda: "turn 1: ok" in harness.log, "end of the turn")
        told = time.monotonic()
        assert harness.stop() == 0
        assert time.monotonic() - told < REPORT_SECONDS + 5
        ended.set()
        broker.until(lambda: broker.requests("leaving"), "leaving")
