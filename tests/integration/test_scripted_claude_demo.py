"""`make demo`: the whole conversation through the real broker, and nothing left behind."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import ROOT

ROUTE = (
    "operator → manager",
    "manager → alice",
    "manager → bob",
    "alice → operator",
    "bob → operator",
    "manager → operator",
)


def start(
    directory: Path, *arguments: str, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[str]:
    """The demo, with a temporary directory that a test can look into."""
    return subprocess.Popen(
        [sys.executable, "-m", "hyperhive.testing.demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(directory)},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_of(directory: Path) -> list[str]:
    """Command lines of living processes that name the directory."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended, or is not ours to look at
        if str(directory) in command:
            found.append(command)
    return found


@pytest.mark.slow
def test_everyone_is_heard(tmp_path: Path) -> None:
    directory = tmp_path / ("over-the-length-of-a-socket-address-" * 3)
    directory.mkdir()
    process = start(directory)
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, output
    lines = output.splitlines()
    assert [*map(lines.index, ROUTE[:2])] == sorted(map(lines.index, ROUTE[:2]))
    for route in ROUTE:
        assert route in lines, output
    assert "The model is scripted: no API key, no network." in output
    assert "agents run as your user, not isolated" in output
    assert "✗ Bash denied by its rules" in output
    assert "manager proposes to change alice (approval 1)" in lines
    assert "    Bash + `cat /proc/loadavg`" in lines
    assert "Nobody is at this terminal to ask, so it is approved." in lines
    assert "  alice: model sonnet → opus" in lines
    assert lines.count("  alice $ cat /proc/loadavg") == 2
    assert "The load averages" in output
    assert "Every answer was delivered" in output
    assert max(map(len, lines)) <= 80
    assert [*directory.iterdir()] == []
    assert processes_of(tmp_path) == []


@pytest.mark.slow
def test_a_person_decides(tmp_path: Path) -> None:
    """At a terminal the operator is asked, and may say no."""
    terminal, inside = pty.openpty()
    process = start(tmp_path, stdin=inside)
    os.close(inside)
    assert process.stdout is not None
    shown = ""
    while "Approve it?" not in shown:
        part = process.stdout.read(1)
        assert part, shown
        shown += part
    os.write(terminal, b"n\n")
    rest, _ = process.communicate(timeout=90)
    os.close(terminal)
    assert process.returncode == 0, shown + rest
    assert "It is denied." in rest
    assert "As you wish: alice goes on without the load average." in rest
    assert "opus" not in rest
    assert processes_of(tmp_path) == []


@pytest.mark.slow
def test_interrupted(tmp_path: Path) -> None:
    process = start(tmp_path)
    assert process.stdout is not None
    shown = ""
    while "operator → manager" not in shown:
        line = process.stdout.readline()
        assert line, shown
        shown += line
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130, shown + rest
    assert "Traceback" not in rest
    assert [*tmp_path.iterdir()] == []
    assert processes_of(tmp_path) == []


def test_a_hive_that_does_not_start(tmp_path: Path) -> None:
    process = start(tmp_path, "no-such-hive.toml")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "The demo failed: hyperhive up ended with status 2." in output
    assert "no-such-hive.toml" in output
    assert [*tmp_path.iterdir()] == []
