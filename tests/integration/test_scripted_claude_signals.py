"""The stand-in as a process: what signals do to it and to what it started."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.claude_events import recorded, shape
from tests.claude_runs import SESSION, Runs, finish


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def interrupted(
    runs: Runs, number: signal.Signals | None
) -> tuple[subprocess.Popen[str], list[str]]:
    """A run that got a signal in its first tool or sleep, with what it had printed by then."""
    process = runs.start()
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(
        "You have a message in the hive.\nid: 1\nfrom: b\n\n<message a>\n</message a>"
    )
    process.stdin.close()
    process.stdin = None
    # The events before the wait: init, and what the model said or called.
    begun = [process.stdout.readline(), process.stdout.readline()]
    if number is not None:
        process.send_signal(number)
    return process, begun


def test_sigint_while_it_thinks(runs: Runs) -> None:
    process, _ = interrupted(runs.script({"say": "x"}, {"sleep": 60}), signal.SIGINT)
    done = finish(process)
    assert done.code == 0
    assert done.events[0]["message"]["content"][0]["text"] == "[Request interrupted by user]"
    assert done.result["terminal_reason"] == "aborted_streaming"
    assert done.result["subtype"] == "error_during_execution"


@pytest.mark.parametrize("step", [{"bash": "sleep 60"}, {"tool": "mcp__fake__hang"}])
def test_sigint_in_a_tool(runs: Runs, step: dict[str, str]) -> None:
    process, _ = interrupted(runs.script(step), signal.SIGINT)
    done = finish(process)
    assert done.code == 0
    assert done.events[0]["tool_use_result"] == "User rejected tool use"
    assert done.result["terminal_reason"] == "aborted_tools"


@pytest.mark.parametrize(
    ("step", "results"),
    [
        ({"sleep": 60}, []),
        ({"bash": "sleep 60"}, ["Exit code 137"]),
        ({"tool": "mcp__fake__hang"}, ["Connection closed"]),
    ],
)
def test_sigterm(runs: Runs, step: dict[str, object], results: list[str]) -> None:
    first = [{"say": "x"}] if "sleep" in step else []
    process, _ = interrupted(runs.script(*first, step), signal.SIGTERM)
    done = finish(process)
    assert done.code == 143
    assert [e["message"]["content"][0]["content"] for e in done.events] == results


def test_waiting_for_the_api(runs: Runs) -> None:
    """With the watchdog it waits as long as the API says, until somebody ends it."""
    runs.environment |= {"CLAUDE_CODE_RETRY_WATCHDOG": "1", "CLAUDE_CODE_MAX_RETRIES": "2"}
    runs.script({"api_error": 429, "retry_after": 3600})
    process, begun = interrupted(runs, signal.SIGINT)
    retry = json.loads(begun[-1])
    assert (retry["attempt"], retry["max_retries"]) == (1, 2)
    assert (retry["error_status"], retry["error"]) == (429, "rate_limit")
    assert retry["retry_delay_ms"] == 3_600_000
    assert shape(retry) == shape(recorded("err_429_max_retries_1", "system", "api_retry"))
    done = finish(process)
    assert (done.code, done.result["terminal_reason"]) == (0, "aborted_streaming")


def test_not_waiting_for_the_api(runs: Runs) -> None:
    runs.environment["CLAUDE_CODE_RETRY_WATCHDOG"] = "0"
    done = runs.script({"api_error": 429, "retry_after": 3600}).run()
    assert (done.code, done.result["api_error_status"]) == (1, 429)
    assert done.of("system", "api_retry") == []


def test_a_turn_after_a_signal(runs: Runs) -> None:
    process, _ = interrupted(runs.script({"say": "x"}, {"sleep": 60}), signal.SIGTERM)
    finish(process)
    assert runs.script({"say": "back"}).run("--resume", SESSION).result["result"] == "back"


def test_no_child_outlives_it(runs: Runs) -> None:
    runs.script({"bash": "sleep 60"}, {"tool": "mcp__fake__hang"})
    process, _ = interrupted(runs, signal.SIGTERM)
    # Every descendant holds this pipe's end, or that of the MCP server, which would hang the read.
    assert finish(process).code == 143


def test_ignoring_signals(runs: Runs) -> None:
    """Neither the stand-in nor its tools end by a signal that can be ignored."""
    process, _ = interrupted(runs.script({"ignore_signals": True}, {"bash": "sleep 60"}), None)
    try:
        tool = child(process.pid, "sh")
        assert ignored(process.pid) >= {signal.SIGINT, signal.SIGTERM}
        assert ignored(tool) >= {signal.SIGINT, signal.SIGTERM}
        os.killpg(tool, signal.SIGKILL)
    finally:
        process.kill()
        assert finish(process).code == -signal.SIGKILL


def child(pid: int, name: str) -> int:
    """The child of that name, once there is one."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if Path(f"/proc/{found}/comm").read_text().strip() == name:
                return int(found)
    raise AssertionError(f"process {pid} has no child {name} after 10 s")


def ignored(pid: int) -> set[signal.Signals]:
    """The signals that a process ignores."""
    status = Path(f"/proc/{pid}/status").read_text()
    [mask] = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
    return {number for number in signal.Signals if int(mask, 16) >> (number - 1) & 1}
