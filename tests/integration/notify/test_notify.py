"""`hyperhive notify` beside a broker, with a program that a test can make fail or wait."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from hyperhive.hive.paths import StatePaths
from tests.integration.hive.local import HYPERHIVE
from tests.integration.operator.serving import Operator, put_question, served

DEADLINE: Final = 20.0
PROGRAM: Final = """#!/bin/sh
cat >> "$0.told"
while [ -e "$0.hold" ]; do sleep 0.02; done
[ ! -e "$0.fail" ]
"""
HIVE: Final = """
[hive]
name = "lab"
[hive.notify]
command = ["{program}"]
events = ["container_crash", "question", "deployment_failed"]
[agents.alice]
[agents.bob]
"""


async def wait_for(what: str, look: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + DEADLINE
    while not look():
        assert time.monotonic() < deadline, f"waited {DEADLINE:g} s for {what}"
        await asyncio.sleep(0.02)


class Notified:
    """A program of the operator's, and the service that runs it."""

    def __init__(self, directory: Path) -> None:
        self.program = directory / "tell-me"
        self.program.write_text(PROGRAM)
        self.program.chmod(0o755)
        self.file = directory / "hive.toml"
        self.file.write_text(HIVE.format(program=self.program))
        self.state = directory / "notify"
        self.state.mkdir()
        self.log = directory / "notify.log"
        self.socket = StatePaths.local(directory / "state").operator_socket

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The service until the end of the block, or until the test kills it."""
        words = [HYPERHIVE, "notify", str(self.file), "--socket", str(self.socket)]
        environment = {"PATH": os.environ["PATH"], "STATE_DIRECTORY": str(self.state)}
        with self.log.open("a") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                assert process.wait(DEADLINE) == 0, self.log.read_text()

    async def begun(self) -> None:
        """Wait until it knows from where on to tell."""
        await wait_for("the first progress", (self.state / "progress.json").exists)

    def told(self) -> list[dict[str, Any]]:
        """What the program was told, in order."""
        file = self.program.with_name("tell-me.told")
        text = file.read_text() if file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    async def wait_told(self, count: int) -> list[dict[str, Any]]:
        """What the program was told, once it was told so much."""
        await wait_for(f"{count} told: {self.log.read_text()}", lambda: len(self.told()) >= count)
        return self.told()

    async def wait_done(self, count: int) -> list[dict[str, Any]]:
        """The same, once the program has ended so often: a new process tells none of it again."""
        await wait_for(f"{count} ends", lambda: self.log.read_text().count("told of ") >= count)
        return self.told()

    def mark(self, name: str) -> Path:
        """A file that has the program `hold` or `fail` as long as it is there."""
        return self.program.with_name(f"tell-me.{name}")


async def crash(operator: Operator, agent: str, run: str) -> None:
    """An agent's container crashes."""
    how = {"result": "signal", "status": "SIGKILL", "lines": ["Killed"]}
    report = {"state": "failed", "at": time.time(), "invocation": run, "crash": how}
    await operator.ask("POST", f"containers/{agent}/report", report)


async def deployment_fails(operator: Operator, agent: str) -> None:
    """Reconciling fails for an agent."""
    await operator.ask("POST", f"containers/{agent}/deployment", {"error": "no such package"})


@pytest.fixture
def notified(tmp_path: Path) -> Notified:
    """Made, and not started yet."""
    return Notified(tmp_path)


def test_the_operator_is_told_of_what_happens_from_then_on(
    notified: Notified, tmp_path: Path
) -> None:
    async def body() -> None:
        async with served(tmp_path / "state") as operator:
            await crash(operator, "bob", "before")
            with notified.running():
                await notified.begun()
                await crash(operator, "alice", "one")
                asked = await put_question(operator.core, "Which\nlicence?", "MIT", "GPL")
                await put_question(operator.core, "Which one?", to="bob")
                await operator.ask("POST", "containers/bob/deployment", {"changes": ["built"]})
                await deployment_fails(operator, "bob")
                first, second, third = await notified.wait_told(3)
        assert first["event"] == "container_crash"
        assert first["agent"] == "alice"
        assert first["count"] == 1
        assert "SIGKILL" in first["text"]
        assert first["data"]["lines"] == ["Killed"]
        assert second["event"] == "question"
        assert second["text"] == "alice asks: Which licence? (MIT / GPL)"
        assert second["data"]["id"] == asked
        assert (third["event"], third["agent"]) == ("deployment_failed", "bob")

    asyncio.run(body())


def test_a_crash_loop_is_told_once_and_kept_for_later(notified: Notified, tmp_path: Path) -> None:
    async def body() -> None:
        async with served(tmp_path / "state") as operator:
            with notified.running():
                await notified.begun()
                for number in range(5):
                    await crash(operator, "alice", f"run {number}")
                await deployment_fails(operator, "bob")
                told = await notified.wait_done(2)
            assert [one["event"] for one in told] == ["container_crash", "deployment_failed"]
            kept = json.loads((notified.state / "progress.json").read_text())
            held = [burst["held"] for burst in kept["bursts"] if burst["held"]]
            assert [one["count"] for one in held] == [4]
            # What was held a minute is due, also by another process.
            for burst in kept["bursts"]:
                burst["until"] -= 60.0
            (notified.state / "progress.json").write_text(json.dumps(kept))
            with notified.running():
                (*_, last) = await notified.wait_told(3)
            assert last["count"] == 4
            assert last["text"].endswith("(4 times)")

    asyncio.run(body())


def test_killed_before_it_has_written_down_what_it_told_it_tells_again(
    notified: Notified, tmp_path: Path
) -> None:
    async def body() -> None:
        async with served(tmp_path / "state") as operator:
            notified.mark("hold").touch()
            with notified.running() as process:
                await notified.begun()
                await crash(operator, "alice", "one")
                await notified.wait_told(1)
                process.kill()
                process.wait(DEADLINE)
            await deployment_fails(operator, "bob")
            notified.mark("hold").unlink()
            with notified.running():
                first, again, missed = await notified.wait_done(2)
            assert first == again
            assert missed["event"] == "deployment_failed"
            # Ended in order, it knows what it has told.
            with notified.running():
                await crash(operator, "bob", "two")
                (*_, last) = await notified.wait_done(3)
            assert (last["agent"], len(notified.told())) == ("bob", 4)

    asyncio.run(body())


def test_it_follows_a_broker_that_comes_and_goes(notified: Notified, tmp_path: Path) -> None:
    state = tmp_path / "state"

    async def body() -> None:
        with notified.running() as process:
            await wait_for("a warning", lambda: "cannot be followed" in notified.log.read_text())
            async with served(state) as operator:
                await notified.begun()
                await crash(operator, "alice", "one")
                await notified.wait_told(1)
            async with served(state) as operator:
                await crash(operator, "bob", "two")
                assert [one["agent"] for one in await notified.wait_told(2)] == ["alice", "bob"]
            assert process.poll() is None

    asyncio.run(body())


def test_another_history_is_not_told(notified: Notified, tmp_path: Path) -> None:
    (notified.state / "progress.json").write_text('{"after": 100000, "bursts": []}')

    async def body() -> None:
        async with served(tmp_path / "state") as operator:
            await crash(operator, "alice", "one")
            with notified.running():
                await wait_for("it to be noticed", lambda: "is another" in notified.log.read_text())
                await crash(operator, "bob", "two")
                (only,) = await notified.wait_told(1)
            assert only["agent"] == "bob"

    asyncio.run(body())


@pytest.mark.parametrize("mark", ["hold", "fail"])
def test_it_ends_at_once_when_it_is_told_to(notified: Notified, tmp_path: Path, mark: str) -> None:
    """Also while the program runs, or while it waits to run it again; then it is told again."""

    async def body() -> None:
        async with served(tmp_path / "state") as operator:
            notified.mark(mark).touch()
            with notified.running() as process:
                await notified.begun()
                await crash(operator, "alice", "one")
                await notified.wait_told(1)
                process.send_signal(signal.SIGTERM)
                assert process.wait(DEADLINE) == 0
            notified.mark(mark).unlink()
            with notified.running():
                first, again = await notified.wait_told(2)
            assert first == again

    asyncio.run(body())


def test_a_hive_without_a_program(notified: Notified) -> None:
    notified.file.write_text('[hive]\nname = "lab"\n[agents.alice]\n')
    words = [HYPERHIVE, "notify", str(notified.file), "--state", str(notified.state)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 2
    assert "declares no program" in done.stderr
    assert "[hive.notify]" in done.stderr
