"""What a turn's processes live in: what both kinds of `TurnLauncher` do, and the one of them that
needs nothing but the kernel.
"""

import os
import selectors
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO, Protocol

from hyperhive.harness.invocation import TURN_VARIABLE, Invocation, Place
from hyperhive.harness.processes import die_with, kill_descendants, kill_strays, reap_orphans
from hyperhive.wire.settings import HarnessSettings


class Running(Protocol):
    """The processes of a turn: claude, and whatever it started.

    Attributes:
        pid: claude's process id.
        stdin, stdout, stderr: the other ends of claude's standard streams.
        exit_code: claude's exit status, minus the signal's number if a signal ended it; None while
            it lives.
    """

    pid: int
    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]
    exit_code: int | None

    def look(self) -> bool:
        """See what has happened; whether any process is left.

        Raises:
            HyperhiveError: nobody can tell any more.
        """

    def signal(self, sent: signal.Signals) -> None:
        """Send claude itself a signal."""

    def kill(self) -> None:
        """Kill every process."""

    def close(self) -> None:
        """Look no more; the standard streams are closed by whoever reads them."""


class Launcher(Protocol):
    """Starts the claude of a turn."""

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

    def start(self, invocation: Invocation, turn: int, selector: selectors.BaseSelector) -> Running:
        """Write the files and start claude.

        Args:
            selector: where something is registered that is ready when `Running.look` may find
                something new; a key's data is called, with the time.

        Raises:
            OSError, ValueError: it cannot be done.
        """

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

    def start(
        self, invocation: Invocation, turn: int, selector: selectors.BaseSelector
    ) -> "RunningProcess":
        """See `Launcher`."""
        for path, content in invocation.files.items():
            write_file(path, content, mode=0o600)
        return RunningProcess(invocation, selector)

    def remove(self, turn: int) -> None:
        """See `Launcher`."""
        shutil.rmtree(self._turns / str(turn), ignore_errors=True)


class RunningProcess:
    """See `Running`."""

    def __init__(self, invocation: Invocation, selector: selectors.BaseSelector) -> None:
        harness = os.getpid()
        self._selector = selector
        self._process = process = subprocess.Popen(
            invocation.argv,
            env=invocation.environment,
            cwd=invocation.work,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: die_with(harness),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.pid = process.pid
        self.stdin: IO[bytes] = process.stdin
        self.stdout: IO[bytes] = process.stdout
        self.stderr: IO[bytes] = process.stderr
        self.exit_code: int | None = None
        try:
            self._exit: int | None = os.pidfd_open(process.pid)
        except OSError:
            process.kill()
            process.communicate()
            raise
        selector.register(self._exit, selectors.EVENT_READ, lambda _: self.look())

    def look(self) -> bool:
        """See `Running`."""
        if self.exit_code is None:
            self.exit_code = self._process.poll()
            if self.exit_code is not None:
                self.close()
        return reap_orphans(None if self.exit_code is not None else self.pid)

    def signal(self, sent: signal.Signals) -> None:
        """See `Running`."""
        self._process.send_signal(sent)

    def kill(self) -> None:
        """See `Running`."""
        kill_descendants(os.getpid())

    def close(self) -> None:
        """See `Running`."""
        if self._exit is not None:
            self._selector.unregister(self._exit)
            os.close(self._exit)
            self._exit = None


def write_file(path: str, content: bytes, mode: int) -> None:
    """Write a file that claude is given, which may not be there yet."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(path, flags, mode), "wb") as file:  # noqa: PTH123 - a descriptor
        os.fchmod(file.fileno(), mode)
        file.write(content)
