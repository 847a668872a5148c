"""The operator's program: what it gets, how it may end, and that it is tried again."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hyperhive.hive.notifications import NotifyEvent
from hyperhive.log_events import LogEvent
from hyperhive.notify.ending import Ending
from hyperhive.notify.program import run_program
from hyperhive.notify.service import tell
from tests.unit.notify.noted import notice

Script = Callable[[str], list[str]]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Make a program of a shell script; `$0.told` is its own file."""

    def make(text: str) -> list[str]:
        program = tmp_path / "tell-me"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        return [str(program), "--urgent"]

    return make


def run(command: list[str], **more: Any) -> str:
    return run_program(command, notice(NotifyEvent.QUESTION), os.environ, Ending(), **more)


def test_it_gets_the_object_and_its_own_arguments_alone(script: Script, tmp_path: Path) -> None:
    text = "alice asks: $(touch hacked) `touch hacked`; 🐝"
    command = script('cat > "$0.told"; echo "$@" > "$0.words"; env > "$0.env"')
    mine = {**os.environ, "PATH": "/usr/bin:/bin"}
    assert run_program(command, notice(text=text), mine, Ending()) == ""
    assert json.loads((tmp_path / "tell-me.told").read_text())["text"] == text
    assert (tmp_path / "tell-me.words").read_text() == "--urgent\n"
    environment = (tmp_path / "tell-me.env").read_text()
    assert "HYPERHIVE_EVENT=container_crash\n" in environment
    assert "HYPERHIVE_AGENT=alice\n" in environment
    assert "hacked" not in environment
    assert not (tmp_path / "hacked").exists()


def test_it_cannot_speak_for_this_service(script: Script, tmp_path: Path) -> None:
    mine = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "LISTEN_FDS": "1", "PATH": "/usr/bin:/bin"}
    assert run_program(script('env > "$0.env"'), notice(), mine, Ending()) == ""
    environment = (tmp_path / "tell-me.env").read_text()
    assert not any(name in environment for name in ("NOTIFY_", "WATCHDOG_", "LISTEN_"))


def test_it_need_not_read(script: Script) -> None:
    assert run(script("exec <&-; exit 0")) == ""


def test_how_it_fails_is_said(script: Script, tmp_path: Path) -> None:
    assert run(script("exit 3")) == "it ended with status 3"
    assert run(script("kill -9 $$")) == "it was killed by signal 9"
    missing = str(tmp_path / "missing")
    assert run([missing]) == f"{missing} cannot be run: No such file or directory"


def test_one_that_takes_too_long_is_killed_with_its_children(
    script: Script, tmp_path: Path
) -> None:
    fifo = tmp_path / "tell-me.alive"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    # Each holds the other end until it is dead.
    command = script('exec 3>"$0.alive"; sleep 600 & echo 2 >&3; wait')
    assert run(command, seconds=0.5) == "it took longer than 0.5 s and was killed"
    os.set_blocking(reading, True)
    with os.fdopen(reading, "rb") as alive:
        assert alive.read() == b"2\n"


def test_it_is_run_again_until_it_ends_well(
    script: Script, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    command = script('echo x >> "$0.told"; test $(wc -l < "$0.told") = 3')
    assert tell(command, notice(), Ending(), pauses=(0, 0, 0))
    assert (tmp_path / "tell-me.told").read_text() == "x\n" * 3
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "WARNING", "INFO"]


def test_one_that_never_does_is_given_up_with_an_entry_of_its_own(
    script: Script, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    command = script('echo x >> "$0.told"; exit 1')
    assert not tell(command, notice(), Ending(), pauses=(0, 0, 0))
    assert (tmp_path / "tell-me.told").read_text() == "x\n" * 4
    last = caplog.records[-1]
    assert last.levelname == "ERROR"
    assert "failed 4 times: it ended with status 1" in last.getMessage()
    said: dict[str, str] = vars(last)["journal"]
    assert said["MESSAGE_ID"] == LogEvent.OPERATOR_NOT_TOLD
    assert said["HYPERHIVE_AGENT"] == "alice"
    assert said["HYPERHIVE_EVENT"] == "container_crash"
