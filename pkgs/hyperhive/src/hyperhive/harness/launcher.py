"""What a turn's processes live in: the two kinds of `TurnLauncher`, and what both can do."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Protocol

from hyperhive.harness.invocation import TURN_VARIABLE, Invocation, Place
from hyperhive.harness.processes import die_with, kill_descendants, kill_strays
from hyperhive.wire.settings import HarnessSettings


class Launcher(Protocol):
    """Starts the claude of a turn, and ends it."""

    def clear(self) -> None:
        """End what an earlier harness of this agent left running, and remove its files.

        Raises:
            OSError: it cannot be done.
        """

    def prepare(self, turn: int) -> Place:
        """Make the directories of a turn.

        Raises:
            OSError: it cannot be done.
        """

    def start(self, invocation: Invocation, turn: int) -> "subprocess.Popen[bytes]":
        """Write the files and start claude, with pipes to its standard streams.

        Raises:
            OSError: it cannot be done.
        """

    def signal(self, process: "subprocess.Popen[bytes]", turn: int, sent: signal.Signals) -> None:
        """Send claude itself a signal."""

    def kill(self, turn: int) -> None:
        """Kill every process of the turn."""

    def remove(self, turn: int) -> None:
        """Remove the turn's files."""


class ProcessLauncher:
    """The turn's processes are descendants of the harness, which must be their subreaper and have
    no other children."""

    def __init__(self, settings: HarnessSettings) -> None:
        self._settings = settings
        self._turns = Path(settings.state, "turns")

    def clear(self) -> None:
        """See `Launcher`."""
        own = f"CLAUDE_CONFIG_DIR={self._settings.config}"
        while kill_strays(f"{TURN_VARIABLE}={self._settings.name}:", own):
            pass  # a process that is killed may have started another just before
        shutil.rmtree(self._turns, ignore_errors=True)

    def prepare(self, turn: int) -> Place:
        """See `Launcher`."""
        files, work = self._turns / str(turn), Path(self._settings.state, "work")
        shutil.rmtree(files, ignore_errors=True)
        temporary = files / "tmp"
        temporary.mkdir(parents=True, mode=0o700)
        work.mkdir(parents=True, exist_ok=True)
        return Place(files=str(files), temporary=str(temporary), work=str(work))

    def start(self, invocation: Invocation, turn: int) -> "subprocess.Popen[bytes]":
        """See `Launcher`."""
        write_files(invocation, mode=0o600)
        harness = os.getpid()
        return subprocess.Popen(
            invocation.argv,
            env=invocation.environment,
            cwd=invocation.work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: die_with(harness),
        )

    def signal(self, process: "subprocess.Popen[bytes]", turn: int, sent: signal.Signals) -> None:
        """See `Launcher`."""
        process.send_signal(sent)

    def kill(self, turn: int) -> None:
        """See `Launcher`."""
        kill_descendants(os.getpid())

    def remove(self, turn: int) -> None:
        """See `Launcher`."""
        shutil.rmtree(self._turns / str(turn), ignore_errors=True)


def write_files(invocation: Invocation, mode: int) -> None:
    """Write the files that claude is given, none of which may be there yet."""
    for path, content in invocation.files.items():
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(path, flags, mode), "wb") as file:  # noqa: PTH123 - a descriptor
            os.fchmod(file.fileno(), mode)
            file.write(content)
