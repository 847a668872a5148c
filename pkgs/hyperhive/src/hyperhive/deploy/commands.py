"""Runs every external command of a deployment: with a clean environment, limits and a log.

What a command says may come from within a container, and so may whoever holds the other ends of its
pipes. So a command has ended when its process has, whoever keeps a pipe open; and no more is kept
or logged of what it says than the limits here.
"""

import array
import fcntl
import logging
import os
import selectors
import shlex
import signal
import subprocess
import termios
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Final, Protocol

from hyperhive.errors import HyperhiveError
from hyperhive.logs import fields

logger: Final = logging.getLogger(__name__)

MOST_OUTPUT: Final = 1 << 20
"""Bytes of standard output that a command may have; one with more is ended."""
MOST_LINE: Final = 2000
"""Bytes of a line of standard error; the rest of the line is left out."""
MOST_LOGGED: Final = 5000
"""Lines of standard error that a command may write to the log, unless its caller says less."""

_PASSED: Final = frozenset({
    "PATH", "HOME", "XDG_CACHE_HOME", "TMPDIR", "LOCALE_ARCHIVE", "NIX_REMOTE", "NIX_CONF_DIR",
    "NIX_SSL_CERT_FILE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy",
    "ftp_proxy", "all_proxy", "no_proxy",
})  # fmt: skip
"""Variables that a command keeps of ours: where programs, caches, certificates and proxies are."""

_NOTHING_MORE: Final[Mapping[str, str]] = MappingProxyType({})
_LAST_LINES: Final = 20
_SECONDS_TO_END: Final = 10.0
_CHUNK: Final = 1 << 16


class CommandError(HyperhiveError):
    """A command failed.

    Attributes:
        lines: the last lines it wrote to standard error.
    """

    def __init__(self, what: str, todo: str, lines: Sequence[str]) -> None:
        super().__init__(what, todo)
        self.lines = tuple(lines)


def run(
    argv: Sequence[str],
    *,
    agent: str | None,
    seconds: float,
    todo: str,
    most_logged: int = MOST_LOGGED,
    environment: Mapping[str, str] = _NOTHING_MORE,
    level: int = logging.INFO,
) -> str:
    """Run a command and return its standard output; its standard error goes to our log.

    Args:
        argv: the program and its arguments.
        agent: for whom, for the log; None: for the hive.
        seconds: after which the command is ended.
        todo: what the reader can do when it fails.
        most_logged: how many lines of it are logged.
        environment: variables that it gets beside the usual ones.
        level: at which the log has the command itself.

    Raises:
        CommandError: it is not there, failed, took too long, or said too much.
    """
    logger.log(level, "%s: %s", agent or "hive", shlex.join(argv), extra=fields(agent=agent))
    output, errors = _Output(), _Lines(agent, most_logged)
    try:
        process = subprocess.Popen(
            argv,
            env={**clean_environment(os.environ), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
    except OSError as error:
        raise CommandError(f"cannot run {argv[0]}: {error.strerror}", todo, ()) from None
    with _Listening(process, output, errors) as listening:
        ended = listening.until(time.monotonic() + seconds)
    errors.close()
    if output.too_much:
        raise CommandError(f"{argv[0]} printed more than {MOST_OUTPUT} bytes", todo, errors.last)
    if not ended:
        raise CommandError(f"{argv[0]} took more than {seconds:g} s", todo, errors.last)
    if process.returncode != 0:
        raise CommandError(_failure(argv[0], process.returncode, errors.last), todo, errors.last)
    return output.text()


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command, out of ours."""
    passed = {name: value for name, value in environment.items() if name in _PASSED}
    return {"HOME": "/root", "LANG": "C.UTF-8", **passed}


def _failure(program: str, status: int, lines: Sequence[str]) -> str:
    how = f"exited with status {status}"
    if status < 0:
        how = f"was killed by {signal.Signals(-status).name}"
    said = [line.strip() for line in lines if line.strip()]
    # nix says "error:" where it gives its reason, git "fatal:", and both go on.
    reason = next((line for line in reversed(said) if line.startswith(("error:", "fatal:"))), "")
    reason = reason if len(reason) > len("error:") else (said[-1] if said else "")
    return f"{program} {how}{': ' if reason else ''}{reason}"


class _Sink(Protocol):
    """Where what a command says goes."""

    def take(self, chunk: bytes) -> bool:
        """Take more of it; say whether the command may go on."""


class _Output:
    """Standard output, which the caller wants whole."""

    def __init__(self) -> None:
        self._taken = bytearray()
        self.too_much = False

    def take(self, chunk: bytes) -> bool:
        self.too_much = self.too_much or len(self._taken) + len(chunk) > MOST_OUTPUT
        if not self.too_much:
            self._taken += chunk
        return not self.too_much

    def text(self) -> str:
        return self._taken.decode(errors="replace")


class _Lines:
    """Standard error, which goes to the log line by line.

    Attributes:
        last: the last lines.
    """

    def __init__(self, agent: str | None, most_logged: int) -> None:
        self.last: deque[str] = deque(maxlen=_LAST_LINES)
        self._agent = agent
        self._most_logged = most_logged
        self._seen = 0
        self._begun = bytearray()

    def take(self, chunk: bytes) -> bool:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            self._add(part)
            self._end_line()
        self._add(rest)
        return True

    def close(self) -> None:
        """There is no more."""
        if self._begun:
            self._end_line()
        left_out = self._seen - self._most_logged
        if left_out > 0:
            logger.warning(
                "%s: %d more lines are left out", self._agent or "hive", left_out,
                extra=fields(agent=self._agent),
            )  # fmt: skip

    def _add(self, part: bytes) -> None:
        # One byte more than a line may have says that it has more.
        self._begun += part[: MOST_LINE + 1 - len(self._begun)]

    def _end_line(self) -> None:
        text = bytes(self._begun[:MOST_LINE]).decode(errors="replace").rstrip("\r")
        line = f"{text}…" if len(self._begun) > MOST_LINE else text
        self._begun.clear()
        self._seen += 1
        self.last.append(line)
        if self._seen <= self._most_logged:
            logger.info("%s", line, extra=fields(agent=self._agent))


class _Listening:
    """Listens to a process; at the end of the block it is none any more, and nobody listens."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: _Sink, errors: _Sink) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._pipes = {process.stdout.fileno(): output, process.stderr.fileno(): errors}
        self._streams = (process.stdout, process.stderr)
        self._selector = selectors.DefaultSelector()
        for pipe in self._pipes:
            self._selector.register(pipe, selectors.EVENT_READ)
        self._end = os.pidfd_open(process.pid)
        self._selector.register(self._end, selectors.EVENT_READ)

    def __enter__(self) -> "_Listening":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for stop in (self._process.terminate, self._process.kill):
                self._stop(stop)
            self._process.wait()
        finally:
            self._selector.close()
            os.close(self._end)
            for stream in self._streams:
                stream.close()

    def until(self, deadline: float) -> bool:
        """Listen until the process has ended (True), or to a time, or until it said too much."""
        while self._process.poll() is None:
            seconds = deadline - time.monotonic()
            if seconds <= 0:
                return False
            for key, _ in self._selector.select(seconds):
                if key.fd != self._end and not self._read(key.fd, _CHUNK):
                    return False
        for pipe in list(self._pipes):
            # Only what is there now: somebody else may write for ever.
            self._read(pipe, _waiting(pipe))
        return True

    def _stop(self, stop: Callable[[], None]) -> None:
        if self._process.poll() is None:
            stop()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_SECONDS_TO_END)

    def _read(self, pipe: int, most: int) -> bool:
        chunk = os.read(pipe, most) if most else b""
        if not chunk:
            self._selector.unregister(pipe)
            del self._pipes[pipe]
            return True
        return self._pipes[pipe].take(chunk)


def _waiting(pipe: int) -> int:
    """How many bytes can be read of a pipe at once."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]
