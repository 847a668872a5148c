"""External commands: their environment, their failures, their time limit."""

import logging
import os
import signal
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from hyperhive.deploy import commands
from hyperhive.deploy.commands import (
    MOST_LINE,
    MOST_OUTPUT,
    CommandError,
    clean_environment,
    run,
)
from hyperhive.errors import HyperhiveError


def sh(script: str, seconds: float = 30.0) -> str:
    """Run a script of the shell."""
    return run(["sh", "-c", script], agent="alice", seconds=seconds, todo="mend it")


def test_standard_output_comes_back_and_standard_error_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        assert sh("echo out; echo progress >&2") == "out\n"
    assert "progress" in caplog.messages
    assert caplog.messages[0] == "alice: sh -c 'echo out; echo progress >&2'"
    fields = {record.__dict__["journal"]["HYPERHIVE_AGENT"] for record in caplog.records}
    assert fields == {"alice"}


def test_a_failure_says_what_the_command_said() -> None:
    with pytest.raises(CommandError) as caught:
        sh("echo 'error: no attribute x' >&2; echo '   at line 3' >&2; exit 7")
    assert caught.value.what == "sh exited with status 7: error: no attribute x"
    assert caught.value.todo == "mend it"
    assert caught.value.lines[-1] == "   at line 3"


def test_a_failure_without_a_reason_says_the_last_line() -> None:
    with pytest.raises(HyperhiveError, match=r"sh exited with status 1: oh no$"):
        sh("echo 'error:' >&2; echo oh no >&2; echo >&2; exit 1")


def test_a_signal_is_named() -> None:
    with pytest.raises(HyperhiveError, match=r"sh was killed by SIGKILL$"):
        sh("kill -9 $$")


def test_a_command_that_takes_too_long_is_ended() -> None:
    with pytest.raises(HyperhiveError, match=r"sh took more than 0\.2 s"):
        run(["sh", "-c", "exec cat /dev/zero >/dev/null"], agent="a", seconds=0.2, todo="")


def test_a_program_that_is_missing_is_an_error_of_its_own() -> None:
    with pytest.raises(HyperhiveError, match="cannot run no-such-program: No such file"):
        run(["no-such-program"], agent="alice", seconds=1, todo="")


def test_output_that_is_no_text_is_no_trouble() -> None:
    assert sh(r"printf '\377\n'; printf '\377' >&2") == "\N{REPLACEMENT CHARACTER}\n"


def test_a_process_that_keeps_the_pipes_keeps_nobody(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    begun = time.monotonic()
    try:
        said = sh(f"sleep 600 & echo $! >{left}; echo out; echo and >&2")
    finally:
        os.kill(int(left.read_text()), signal.SIGKILL)
    assert said == "out\n"
    assert time.monotonic() - begun < 5
    assert threading.active_count() == 1


def test_a_process_that_writes_for_ever_into_the_pipes_keeps_nobody(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    begun = time.monotonic()
    try:
        # It waits until its parent has ended, or it might have said too much by then.
        sh(
            f"(while kill -0 $$ 2>/dev/null; do :; done; exec yes >&2) & echo $! >{left};"
            " echo error: it is so >&2"
        )
    finally:
        os.kill(int(left.read_text()), signal.SIGKILL)
    assert time.monotonic() - begun < 5


def test_more_output_than_is_wanted_ends_the_command() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(CommandError, match=f"sh printed more than {MOST_OUTPUT} bytes"):
            sh("exec yes")
        assert tracemalloc.get_traced_memory()[1] < 8 * MOST_OUTPUT
    finally:
        tracemalloc.stop()


def test_as_much_output_as_is_allowed_comes_back() -> None:
    assert len(sh(f"head -c {MOST_OUTPUT} /dev/zero")) == MOST_OUTPUT


def test_a_line_without_an_end_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    tracemalloc.start()
    try:
        with caplog.at_level(logging.INFO), pytest.raises(CommandError) as caught:
            sh("head -c 50000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo short >&2; exit 1")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.lines == ("x" * MOST_LINE + "…", "short")
    assert caplog.messages[1:] == ["x" * MOST_LINE + "…", "short"]


def test_a_line_of_the_greatest_length_is_whole() -> None:
    with pytest.raises(CommandError) as caught:
        sh(f"head -c {MOST_LINE} /dev/zero | tr '\\0' x >&2; exit 1")
    assert caught.value.lines == ("x" * MOST_LINE,)


def test_no_more_lines_are_logged_than_the_caller_allows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(CommandError) as caught:
        run(["sh", "-c", "seq 100000 >&2; exit 1"], agent="a", seconds=30, todo="", most_logged=3)
    assert caplog.messages[1:] == ["1", "2", "3", "a: 99997 more lines are left out"]
    assert caught.value.lines[-1] == "100000"


def test_a_command_that_does_not_end_when_told_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_SECONDS_TO_END", 0.2)
    with pytest.raises(CommandError, match=r"took more than 0\.2 s"):
        run(["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], agent="a", seconds=0.2,
            todo="")  # fmt: skip


def test_an_interrupt_ends_the_command(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def interrupt(record: logging.LogRecord) -> bool:
        if record.getMessage() == "now":
            raise KeyboardInterrupt
        return True

    commands.logger.setLevel(logging.INFO)
    commands.logger.addFilter(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            sh(f"echo $$ >{pid}; echo now >&2; exec sleep 600")
    finally:
        commands.logger.removeFilter(interrupt)
        commands.logger.setLevel(logging.NOTSET)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_no_descriptor_stays_open() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    sh("echo out")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_environment_is_clean() -> None:
    ours = {"PATH": "/bin", "NIX_REMOTE": "daemon", "SECRET": "x", "LD_PRELOAD": "y", "LANG": "de"}
    assert clean_environment(ours) == {
        "PATH": "/bin",
        "NIX_REMOTE": "daemon",
        "HOME": "/root",
        "LANG": "C.UTF-8",
    }
