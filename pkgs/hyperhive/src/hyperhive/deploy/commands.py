"""Runs every external command of a deployment: with a clean environment, a time limit and a log."""

import logging
import os
import shlex
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Thread
from typing import IO, Final

from hyperhive.errors import HyperhiveError
from hyperhive.logs import fields

logger: Final = logging.getLogger(__name__)

_PASSED: Final = frozenset({
    "PATH", "HOME", "XDG_CACHE_HOME", "TMPDIR", "LOCALE_ARCHIVE", "NIX_REMOTE", "NIX_CONF_DIR",
    "NIX_SSL_CERT_FILE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "http_proxy", "https_proxy",
    "ftp_proxy", "all_proxy", "no_proxy",
})  # fmt: skip
"""Variables that a command keeps of ours: where programs, caches, certificates and proxies are."""

_LAST_LINES: Final = 20
_SECONDS_TO_END: Final = 10.0


class CommandError(HyperhiveError):
    """A command failed.

    Attributes:
        lines: the last lines it wrote to standard error.
    """

    def __init__(self, what: str, todo: str, lines: Sequence[str]) -> None:
        super().__init__(what, todo)
        self.lines = tuple(lines)


def run(argv: Sequence[str], *, agent: str, seconds: float, todo: str) -> str:
    """Run a command and return its standard output; its standard error goes to our log.

    Args:
        argv: the program and its arguments.
        agent: for whom, for the log.
        seconds: after which the command is ended.
        todo: what the reader can do when it fails.

    Raises:
        CommandError: it is not there, failed, or took too long.
    """
    logger.info("%s: %s", agent, shlex.join(argv), extra=fields(agent=agent))
    try:
        process = subprocess.Popen(
            argv,
            env=clean_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise CommandError(f"cannot run {argv[0]}: {error.strerror}", todo, ()) from None
    assert process.stdout is not None
    assert process.stderr is not None
    output: list[str] = []
    lines: deque[str] = deque(maxlen=_LAST_LINES)
    readers = (
        Thread(target=_collect, args=(process.stdout, output), name="command-output"),
        Thread(target=_log, args=(process.stderr, lines, agent), name="command-log"),
    )
    for reader in readers:
        reader.start()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        raise CommandError(f"{argv[0]} took more than {seconds:g} s", todo, lines) from None
    finally:
        _end(process)
        for reader in readers:
            reader.join(_SECONDS_TO_END)
    if process.returncode != 0:
        raise CommandError(_failure(argv[0], process.returncode, lines), todo, lines)
    return "".join(output)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command, out of ours."""
    passed = {name: value for name, value in environment.items() if name in _PASSED}
    return {"HOME": "/root", "LANG": "C.UTF-8", **passed}


def _failure(program: str, status: int, lines: Sequence[str]) -> str:
    how = f"exited with status {status}"
    if status < 0:
        how = f"was killed by {signal.Signals(-status).name}"
    said = [line.strip() for line in lines if line.strip()]
    # nix says "error:" where it gives its reason, and goes on with a trace.
    reason = next((line for line in reversed(said) if line.startswith("error:")), "")
    reason = reason if len(reason) > len("error:") else (said[-1] if said else "")
    return f"{program} {how}{': ' if reason else ''}{reason}"


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)
    if process.poll() is None:
        process.kill()
        process.wait()


def _collect(stream: IO[str], into: list[str]) -> None:
    with stream:
        into.append(stream.read())


def _log(stream: IO[str], last: "deque[str]", agent: str) -> None:
    with stream:
        for line in stream:
            last.append(line.rstrip("\n"))
            logger.info("%s", line.rstrip("\n"), extra=fields(agent=agent))
