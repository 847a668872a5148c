"""`hyperhive up` as a user starts it, and the commands beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from hyperhive.hive.paths import StatePaths
from hyperhive.operator.client import OperatorClient, connect

HYPERHIVE: Final = str(Path(sys.executable).with_name("hyperhive"))

DEADLINE: Final = 60.0
"""Seconds after which a wait has failed."""

T = TypeVar("T")


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """What `look` finds once it finds something; `what` says what it waited for in vain."""
    deadline = time.monotonic() + DEADLINE
    while (found := look()) is None or found is False:
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {DEADLINE:g} s for {what}")
        time.sleep(0.05)
    return found


class LocalHive:
    """A hive that runs, with its state directory."""

    def __init__(self, process: "subprocess.Popen[str]", state: Path, log: Path) -> None:
        self.process = process
        self.state = state
        self.log = log

    def run(self, *words: str, status: int = 0) -> str:
        """Runs a command on the hive; its output. It must end with `status`."""
        done = command(*words, "--state", str(self.state))
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stderr

    def ask(self, *words: str) -> Any:
        """Runs a command with --json; what it printed."""
        return json.loads(self.run(*words, "--json"))

    def wait_states(self, **states: str) -> None:
        """Waits until the agents named are in their states."""

        def look() -> bool:
            with self.client() as client:
                now = {row.name: str(row.state) for row in client.agents()}
            return states.items() <= now.items()

        wait_for(f"{states}", look)

    def wait_mail(self, text: str) -> dict[str, Any]:
        """The message to the operator that contains `text`, once it is there."""

        def look() -> bool:
            with self.client() as client:
                mail = client.messages(agent="operator", after=0, limit=1000)
            return any(text in message.body for message in mail if message.sender != "operator")

        wait_for(f"a message to the operator with {text!r}", look)
        found = [m for m in self.ask("inbox", "--all", "--keep") if text in m["body"]]
        return dict(found[0])

    def wait_acked(self, id: int) -> None:
        """Waits until a message is acknowledged."""

        def look() -> bool:
            with self.client() as client:
                (message,) = client.messages(agent=None, after=id - 1, limit=1)
            return message.state == "acked"

        wait_for(f"message {id} to be acknowledged", look)

    def client(self) -> AbstractContextManager[OperatorClient]:
        """A client of its operator plane, for waits: a command takes longer to start."""
        return connect(StatePaths.local(self.state).operator_socket)

    def end(self, how: signal.Signals = signal.SIGINT) -> int:
        """Ends it; its exit status."""
        self.process.send_signal(how)
        return self.process.wait(DEADLINE)


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    """Runs hyperhive."""
    return subprocess.run([HYPERHIVE, *words], capture_output=True, text=True, timeout=DEADLINE)


@contextmanager
def up(
    file: Path, state: Path, claude: str, environment: Mapping[str, str] | None = None
) -> Iterator[LocalHive]:
    """`hyperhive up` until the end of the block."""
    log = state.with_name(f"{state.name}.log")
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with log.open("w") as output:
        process = subprocess.Popen(
            [HYPERHIVE, "up", str(file), "--state", str(state), "--claude", claude],
            stdout=output,
            stderr=output,
            env=clean | dict(environment or {}),
            text=True,
        )
    it = LocalHive(process, state, log)
    try:

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            return "Ctrl-C stops everything" in log.read_text()

        wait_for("the hive to be ready", ready)
        yield it
    finally:
        if process.poll() is None:
            it.end()


def processes_of(state: Path) -> list[str]:
    """Command lines of living processes that know the state directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            said = (entry / "cmdline").read_bytes() + b"\0" + (entry / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or is another user's
        if os.fsencode(state) in said:
            found.append(said.split(b"\0")[0].decode(errors="replace"))
    return found
