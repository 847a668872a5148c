"""A hive of separate processes, each of which a test may kill at any moment."""

import asyncio
import os
import signal
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from hyperhive.broker.daemon import running_broker
from hyperhive.broker.peers import one_user
from hyperhive.errors import HyperhiveError
from hyperhive.harness.command import harness_command
from hyperhive.harness.launcher import ProcessLauncher
from hyperhive.harness.processes import descendants
from hyperhive.harness.settings import read_settings
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.paths import StatePaths
from hyperhive.local.settings import write_settings
from hyperhive.operator.client import OperatorClient, connect
from hyperhive.operator.models import Message, NewMessage
from hyperhive.operator.server import operator_plane

T = TypeVar("T")

DEADLINE: Final = 120.0
"""Seconds after which a wait has failed."""


class BrokerProcess:
    """The broker, forked from the test so that a new one is there within milliseconds."""

    def __init__(self, hive: HiveConfig, paths: StatePaths) -> None:
        self._hive = hive
        self._paths = paths
        self.pid = 0

    def start(self) -> None:
        """Forks a broker; returns when it serves."""
        ready, told = os.pipe()
        with warnings.catch_warnings():
            # From 3.12 on Python warns of threads; the child uses nothing that they could hold.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                asyncio.run(self._serve(told))
            finally:
                os._exit(1)
        os.close(told)
        self.pid = pid
        assert os.read(ready, 1) == b"r", "the broker did not start"
        os.close(ready)

    def end(self, how: signal.Signals) -> None:
        """Ends it and waits for its end."""
        os.kill(self.pid, how)
        os.waitpid(self.pid, 0)

    async def _serve(self, told: int) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        policy = one_user(os.getuid())
        async with (
            running_broker(self._hive, self._paths, policy, time.time) as core,
            operator_plane(core),
        ):
            os.write(told, b"r")
            await stop.wait()


class HarnessProcess:
    """One agent's harness, as `hyperhive up` starts it."""

    def __init__(self, settings: Path, log: Path) -> None:
        self._settings = settings
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                harness_command(self._settings), stderr=log, start_new_session=True
            )

    def end(self, how: signal.Signals) -> None:
        """Ends it, and what it could not end itself."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(DEADLINE)
        ProcessLauncher(read_settings(self._settings)[0]).clear()

    def kill_claude(self) -> None:
        """Kills the claude of the turn that runs, if one does."""
        assert self.process is not None
        for child in descendants(self.process.pid):
            if child.parent == self.process.pid:
                with suppress(ProcessLookupError):  # it has just ended
                    os.kill(child.pid, signal.SIGKILL)


@contextmanager
def running(hive: HiveConfig, state: Path, claude: Path) -> Iterator["KillableHive"]:
    """A broker and a harness per agent."""
    paths = StatePaths.local(state)
    broker = BrokerProcess(hive, paths)
    broker.start()
    harnesses = {}
    try:
        for name in hive.agents:
            settings = write_settings(hive, paths, name, str(claude))
            harnesses[str(name)] = HarnessProcess(settings, state / f"{name}.log")
            harnesses[str(name)].start()
        yield KillableHive(paths, broker, harnesses)
    finally:
        for harness in harnesses.values():
            harness.end(signal.SIGTERM)
        broker.end(signal.SIGTERM)


class KillableHive:
    """What a test does to it."""

    def __init__(
        self, paths: StatePaths, broker: BrokerProcess, harnesses: dict[str, HarnessProcess]
    ) -> None:
        self.paths = paths
        self.broker = broker
        self.harnesses = harnesses

    def ask(self, question: Callable[[OperatorClient], T]) -> T:
        """Asks the broker, again while it is away."""
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                with connect(self.paths.operator_socket) as client:
                    return question(client)
            except HyperhiveError:
                if time.monotonic() > deadline:
                    raise

    def send(self, new: NewMessage) -> int:
        """Sends as the operator; returns the message's id once it is acknowledged."""
        return self.ask(lambda broker: broker.send(new)).id

    def answer(self, question: int, text: str) -> None:
        """Answers as the operator."""
        self.ask(lambda broker: broker.answer(question, [text]))

    def resume(self, agent: str) -> None:
        """Ends an agent's pause after failed turns, as the operator can."""
        self.ask(lambda broker: broker.act(agent, "resume"))

    def messages(self) -> list[Message]:
        """Every message."""
        return self.ask(lambda broker: broker.messages(agent=None, after=0, limit=1000))
