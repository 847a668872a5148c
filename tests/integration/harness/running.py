"""A real harness process for a test, and executables that stand for claude."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hyperhive.harness.command import harness_command
from hyperhive.wire.records import to_json
from hyperhive.wire.settings import HarnessSettings

SESSION: Final = "5b6b2f0e-0000-4000-8000-000000000001"
DEADLINE: Final = 20.0

_STUB = """#!/bin/sh
case "$1" in
  --version) echo "2.1.330 (Claude Code)"; exit ;;
  --help) echo "  --system-prompt-snapshot <on|off>"; exit ;;
esac
"""


def stub_claude(path: Path, body: str) -> str:
    """An executable shell script that says it is claude 2.1.330 and does `body` for a turn."""
    path.write_text(_STUB + body)
    path.chmod(0o755)
    return str(path)


def settings_for(directory: Path, **members: Any) -> HarnessSettings:
    """Settings of agent alice, all of whose directories are below `directory`."""
    for name in ("sockets", "state", "claude"):
        (directory / name).mkdir(exist_ok=True)
    return HarnessSettings(
        name="alice",
        hive="lab",
        sockets=str(directory / "sockets"),
        state=str(directory / "state"),
        config=str(directory / "claude"),
        **members,
    )


class RunningHarness:
    """A harness process; its log is in `log`."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        """What it logged so far."""
        return self._log.read_text()

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)

    def resident_kib(self) -> int:
        """Its resident memory."""
        return self._memory("VmRSS")

    def peak_kib(self) -> int:
        """The most resident memory it ever had."""
        return self._memory("VmHWM")

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1])


@contextmanager
def running_harness(
    settings: HarnessSettings, environment: Mapping[str, str] | None = None
) -> Iterator[RunningHarness]:
    """A harness with these settings and nothing in its environment but PATH and what is given."""
    directory = Path(settings.state).parent
    file = directory / "agent.json"
    file.write_text(json.dumps(to_json(settings)))
    log = directory / "harness.log"
    clean = {"PATH": os.environ["PATH"], **(environment or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(
            harness_command(file), env=clean, stdin=subprocess.DEVNULL, stderr=output
        )
    try:
        yield RunningHarness(process, log)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            print(log.read_text())


def wait_until(look: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """What `look` finds in the file system or /proc, which announce nothing."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"no {what} in {seconds} s"
        time.sleep(0.01)
    return found


def marked(directory: Path) -> dict[int, str]:
    """The living processes of turns below `directory`: pid to command line."""
    found = {}
    mark = f"CLAUDE_CONFIG_DIR={directory / 'claude'}\0".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if mark in (entry / "environ").read_bytes():
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                found[int(entry.name)] = command
        except OSError:
            continue
    return found
