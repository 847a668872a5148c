"""External commands: their environment, their failures, their time limit."""

import logging

import pytest

from hyperhive.deploy.commands import CommandError, clean_environment, run
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


def test_the_environment_is_clean() -> None:
    ours = {"PATH": "/bin", "NIX_REMOTE": "daemon", "SECRET": "x", "LD_PRELOAD": "y", "LANG": "de"}
    assert clean_environment(ours) == {
        "PATH": "/bin",
        "NIX_REMOTE": "daemon",
        "HOME": "/root",
        "LANG": "C.UTF-8",
    }
