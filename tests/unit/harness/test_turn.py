"""How a turn is ended, step by step, with a clock that the test turns."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import IO

import pytest

from hyperhive.harness.invocation import Invocation, Place
from hyperhive.harness.turn import (
    GIVE_UP_SECONDS,
    INTERRUPT_SECONDS,
    LINGER_SECONDS,
    REPEAT_SECONDS,
    TERMINATE_SECONDS,
    Turn,
)
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnEvent, TurnRun

DEADLINE = 20.0
RUN = TurnRun(turn=1, prompt="", model="m", session="s", resume=False)


class StubLauncher:
    """Starts a shell script; notes what it is asked to do, and does it only where `obeys`."""

    def __init__(self, script: str, obeys: bool) -> None:
        self.script = script
        self.obeys = obeys
        self.asked: list[str] = []
        self.running: StubRunning | None = None

    def clear(self) -> None:
        raise NotImplementedError

    def prepare(self, turn: int) -> Place:
        raise NotImplementedError

    def start(
        self, invocation: Invocation, turn: int, selector: selectors.BaseSelector
    ) -> "StubRunning":
        self.running = StubRunning(self)
        return self.running

    def remove(self, turn: int) -> None:
        self.asked.append("remove")


class StubRunning:
    def __init__(self, launcher: StubLauncher) -> None:
        pipe = subprocess.PIPE
        self._launcher = launcher
        self.process = process = subprocess.Popen(
            ["sh", "-c", launcher.script], stdin=pipe, stdout=pipe, stderr=pipe
        )
        self.pid = process.pid
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.stdin: IO[bytes] = process.stdin
        self.stdout: IO[bytes] = process.stdout
        self.stderr: IO[bytes] = process.stderr
        self.exit_code: int | None = None

    def look(self) -> bool:
        self.exit_code = self.process.poll()
        return self.exit_code is None

    def signal(self, sent: signal.Signals) -> None:
        self._launcher.asked.append(sent.name)
        if self._launcher.obeys:
            self.process.send_signal(sent)

    def kill(self) -> None:
        self._launcher.asked.append("kill")
        if self._launcher.obeys:
            self.process.kill()

    def close(self) -> None:
        self._launcher.asked.append("close")


class Stage:
    """A turn, its launcher and what it told."""

    def __init__(self, script: str, obeys: bool = False, limit: float = 100.0) -> None:
        self.launcher = StubLauncher(script, obeys)
        self.selector = selectors.DefaultSelector()
        self.told: list[TurnEvent] = []
        self.outcome: Outcome | None = None
        invocation = Invocation([], {}, "/", b"prompt", {})
        self.turn = Turn(
            RUN,
            invocation,
            limit,
            launcher=self.launcher,
            selector=self.selector,
            listener=self,
            wall=lambda: 0.0,
            now=0.0,
        )

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """What the turn runs."""
        assert self.launcher.running is not None
        return self.launcher.running.process

    def turn_told(self, events: list[TurnEvent]) -> None:
        self.told += events

    def turn_ended(self, outcome: Outcome) -> None:
        self.outcome = outcome

    def settle(self, now: float) -> None:
        """Let what is ready be seen, and time be `now`."""
        for key, _ in self.selector.select(0):
            key.data(now)
        self.turn.tick(now)

    def finish(self, now: float) -> Outcome:
        """Kill whatever is left and see the turn end."""
        self.process.kill()
        deadline = time.monotonic() + DEADLINE
        while self.outcome is None:
            assert time.monotonic() < deadline, "the turn did not end"
            for key, _ in self.selector.select(0.1):
                key.data(now)
            self.turn.tick(now)
        return self.outcome


@pytest.fixture
def stuck() -> Iterator[Stage]:
    stage = Stage("exec sleep 600")
    yield stage
    stage.finish(1000.0)
    stage.selector.close()


def test_steps_from_interrupt_to_kill(stuck: Stage) -> None:
    stuck.turn.stop(OutcomeKind.CANCELLED, "enough", 10.0)
    stuck.turn.stop(OutcomeKind.FAILED, "the second reason does not count", 10.0)
    asked = stuck.launcher.asked
    assert asked == ["SIGINT"]
    stuck.settle(10.0 + INTERRUPT_SECONDS - 0.01)
    assert asked == ["SIGINT"]
    stuck.settle(now := 10.0 + INTERRUPT_SECONDS)
    assert asked == ["SIGINT", "SIGTERM"]
    stuck.settle(now + TERMINATE_SECONDS - 0.01)
    assert asked == ["SIGINT", "SIGTERM"]
    stuck.settle(now := now + TERMINATE_SECONDS)
    assert asked == ["SIGINT", "SIGTERM", "kill"]
    assert stuck.turn.deadline == now + REPEAT_SECONDS
    stuck.settle(now + REPEAT_SECONDS)
    assert asked[3:] == ["kill"]
    outcome = stuck.finish(now + 1)
    assert (outcome.kind, outcome.detail) == (OutcomeKind.CANCELLED, "enough")
    assert asked[-2:] == ["close", "remove"]


def test_limit(stuck: Stage) -> None:
    assert stuck.turn.deadline == 100.0
    stuck.settle(99.9)
    assert stuck.launcher.asked == []
    stuck.settle(100.0)
    assert stuck.launcher.asked == ["SIGINT"]
    assert stuck.finish(101.0).kind is OutcomeKind.TIMEOUT


def test_kill_does_not_wait(stuck: Stage) -> None:
    stuck.turn.stop(OutcomeKind.CANCELLED, "enough", 10.0)
    stuck.turn.kill(10.0)
    stuck.settle(10.0)
    assert stuck.launcher.asked == ["SIGINT", "kill"]


def test_what_holds_the_output_open_may_linger_a_moment_and_is_given_up_at_last() -> None:
    """Another process has claude's standard output, and cannot be killed."""
    stage = Stage("sleep 600 & echo $!")
    stage.process.wait(DEADLINE)
    deadline = time.monotonic() + DEADLINE
    while not stage.told:  # a line that is no JSON is a notice
        assert time.monotonic() < deadline, "no output"
        for key, _ in stage.selector.select(0.1):
            key.data(10.0)
    stage.turn.tick(10.0)
    assert stage.launcher.asked == []
    stage.settle(10.0 + LINGER_SECONDS)
    assert stage.launcher.asked == ["kill"]
    stage.settle(10.0 + GIVE_UP_SECONDS - 0.01)
    assert "remove" not in stage.launcher.asked
    stage.settle(10.0 + GIVE_UP_SECONDS)
    assert stage.outcome is not None
    assert stage.launcher.asked[-2:] == ["close", "remove"]
    os.kill(int(stage.told[0].data["text"]), signal.SIGKILL)
    stage.selector.close()


def test_pause_leaves_the_output_in_the_pipe() -> None:
    stage = Stage("echo one; read line; echo two")
    stage.turn.pause(True)
    deadline = time.monotonic() + DEADLINE
    while stage.process.poll() is None:
        assert time.monotonic() < deadline, "no end of the process"
        for key, _ in stage.selector.select(0.1):
            key.data(1.0)
    assert stage.told == []
    outcome = stage.finish(1.0)  # its end makes it read on
    assert [event.data["text"] for event in stage.told] == ["one", "two"]
    assert outcome.exit_code == 0
    stage.selector.close()
