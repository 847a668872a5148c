"""What a service tells its manager, and what it gets from it."""

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from hyperhive.systemd import notify
from tests.tools import need

SECONDS: Final = 5.0
"""How long a test waits for what the manager is told."""


@pytest.fixture
def bindings() -> None:
    need("systemd-python", find_spec("systemd"), "make setup EXTRAS=systemd")


@pytest.fixture
def manager(
    bindings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """The manager's end of the notification socket."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(os.fspath(path))
        end.settimeout(SECONDS)
        monkeypatch.setenv("NOTIFY_SOCKET", os.fspath(path))
        yield end


def told(manager: socket.socket) -> list[str]:
    """Waits for one notification, and returns its lines."""
    return manager.recv(4096).decode().splitlines()


def test_a_manager_is_told_what_the_service_does(manager: socket.socket) -> None:
    notify.ready("3 agents")
    assert told(manager) == ["READY=1", "STATUS=3 agents"]
    notify.ready()
    assert told(manager) == ["READY=1"]
    notify.status("one\nline")
    assert told(manager) == ["STATUS=one line"]
    notify.ping()
    assert told(manager) == ["WATCHDOG=1"]
    notify.stopping()
    assert told(manager) == ["STOPPING=1"]


def test_a_manager_that_is_gone_is_no_trouble(
    manager: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    manager.close()
    with caplog.at_level(logging.WARNING):
        notify.ready("3 agents")
    assert "could not be told 'READY=1'" in caplog.text


def test_without_a_manager_nothing_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "systemd", None)  # as if it were not installed
    notify.ready("3 agents")
    notify.status("idle")
    notify.ping()
    notify.stopping()
    assert notify.watchdog_seconds() is None
    assert notify.listeners() == {}


@pytest.mark.parametrize(
    ("microseconds", "beyond", "seconds"),
    [
        ("30000000", None, 15.0),
        ("30000000", 0, 15.0),
        ("30000000", 1, None),
        ("0", None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdog_is_for_the_process_that_it_names(
    monkeypatch: pytest.MonkeyPatch, microseconds: str, beyond: int | None, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    if beyond is None:
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
    else:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + beyond))
    assert notify.watchdog_seconds() == seconds


ACTIVATED: Final = """
import os
from hyperhive.systemd import notify
for name, found in sorted(notify.listeners().items()):
    print(name, *(one.getsockname() for one in found))
print(notify.listeners(), "LISTEN_FDS" in os.environ)
"""


def test_listeners_come_by_their_names_and_once(bindings: None, tmp_path: Path) -> None:
    names = ["operator", "metrics", "operator"]
    sockets = []
    try:
        for number in range(len(names)):
            sockets.append(socket.socket(socket.AF_UNIX))
            sockets[-1].bind(os.fspath(tmp_path / f"{number}"))
            sockets[-1].listen()
        descriptors = [one.fileno() for one in sockets]
        # As systemd does it: from descriptor 3 on, in a process that LISTEN_PID names. They are
        # moved out of the way first, since they may lie where others have to go.
        moved = [20 + number for number in range(len(names))]
        moves = [f"{new}<&{old}" for old, new in zip(descriptors, moved, strict=True)]
        moves += [f"{3 + number}<&{old}" for number, old in enumerate(moved)]
        script = f'exec {" ".join(moves)}; LISTEN_PID=$$ exec "$@"'
        done = subprocess.run(
            ["bash", "-c", script, "bash", sys.executable, "-c", ACTIVATED],
            env=os.environ | {"LISTEN_FDS": "3", "LISTEN_FDNAMES": ":".join(names)},
            pass_fds=descriptors,
            capture_output=True,
            text=True,
            timeout=60,
        )
    finally:
        for one in sockets:
            one.close()
    assert done.stdout.splitlines() == [
        f"metrics {tmp_path}/1",
        f"operator {tmp_path}/0 {tmp_path}/2",
        "{} False",
    ], done.stderr
