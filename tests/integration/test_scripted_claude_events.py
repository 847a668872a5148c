"""The stand-in's events have the members of the real CLI's: as recorded, and side by side."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.claude_runs import SESSION, Event, Runs, shape
from tests.scripted_api import ApiError, Call, ScriptedApi, Step, ToolUse
from tests.tools import ROOT

RECORDINGS: Final = ROOT / "tests/data/claude"

# The real CLI's own lists in `init` (its commands, skills, …) have members of their own.
INIT_LISTS: Final = ("plugins[]",)


def recorded(case: str, type: str, subtype: str | None = None) -> Event:
    """The last event of a type in a recording of 2.1.330."""
    lines = (RECORDINGS / f"{case}.jsonl").read_text().splitlines()
    events: list[Event] = [json.loads(line) for line in lines]
    return [e for e in events if (e["type"], e.get("subtype")) == (type, subtype)][-1]


def members(event: Event) -> set[str]:
    """The shape of an event, without what only the real CLI has something to say about."""
    return {path for path in shape(event) if not path.startswith(INIT_LISTS)}


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.mark.parametrize(
    ("case", "type", "subtype", "steps"),
    [
        ("mcp_stdio", "system", "init", [{"say": "x"}]),
        ("plain", "assistant", None, [{"say": "x"}]),
        ("plain", "result", "success", [{"say": "x"}]),
        ("tool_allowed", "user", None, [{"bash": "echo hi"}]),
        ("tool_denied", "user", None, [{"bash": "touch x"}]),
        ("tool_denied", "system", "permission_denied", [{"bash": "touch x"}]),
        ("tool_denied", "result", "success", [{"bash": "touch x"}, {"say": "x"}]),
        ("tool_unknown", "user", None, [{"tool": "Nope"}]),
        ("err_429_max_retries_0", "assistant", None, [{"api_error": 429}]),
        ("err_429_max_retries_0", "result", "success", [{"api_error": 429}]),
        ("err_529_max_retries_1", "result", "success", [{"api_error": 529}]),
        ("err_401_max_retries_1", "assistant", None, [{"api_error": 401}]),
        ("err_prompt_too_long", "result", "success", [{"api_error": "prompt_too_long"}]),
    ],
)
def test_as_recorded(
    runs: Runs, case: str, type: str, subtype: str | None, steps: list[Mapping[str, Any]]
) -> None:
    ours = runs.script(*steps).run().of(type, subtype)[-1]
    assert members(ours) == members(recorded(case, type, subtype))


def test_an_unknown_session_as_recorded(runs: Runs) -> None:
    ours = runs.script({"say": "x"}).run("--resume", SESSION).result
    assert shape(ours) == shape(recorded("resume_unknown", "result", "error_during_execution"))


@pytest.mark.claude
def test_side_by_side_with_the_real_cli(tmp_path: Path, claude_cli: Path) -> None:
    """One script, once followed by the stand-in and once by the CLI with a scripted API."""
    calls: list[tuple[str, dict[str, Any]]] = [
        ("Bash", {"command": "echo hi"}),
        ("Bash", {"command": "false"}),
        ("Bash", {"command": "touch x"}),
        ("Bash", {"command": "git push origin main"}),
        ("Write", {"file_path": "new/file.txt", "content": "hello\n"}),
        ("Write", {"file_path": "../file.txt", "content": "hello\n"}),
        ("mcp__fake__echo", {"to": "bob"}),
        ("mcp__fake__words", {}),
        ("mcp__fake__fail", {}),
        ("mcp__fake__none", {}),
        ("Nope", {}),
    ]
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.mkdir()
    ours = Runs(mine).script(*({"tool": n, "input": i} for n, i in calls), {"say": "Over."}).run()
    steps = [Step(tools=[ToolUse(name, input)]) for name, input in calls]
    with ScriptedApi([*steps, Step(text="Over.")]) as api:
        real = Runs(theirs, command=[str(claude_cli)], environment=real_environment(api)).run()
    assert [*map(kind, ours.events)] == [*map(kind, real.events)]
    for event, true in zip(ours.events, real.events, strict=True):
        assert members(event) == members(true), kind(true)
    assert [*map(told, ours.of("user"))] == [*map(told, real.of("user"))]
    for same in ("num_turns", "result", "is_error", "terminal_reason", "stop_reason"):
        assert ours.result[same] == real.result[same]
    assert {name: ours.result["usage"][name] for name in ("input_tokens", "output_tokens")} == {
        name: real.result["usage"][name] for name in ("input_tokens", "output_tokens")
    }


@pytest.mark.claude
def test_errors_side_by_side_with_the_real_cli(tmp_path: Path, claude_cli: Path) -> None:
    ours = Runs(tmp_path).script({"api_error": 429}).run("--session-id", SESSION)

    def reject(call: Call) -> Step:
        return Step(error=ApiError(429, "rate_limit_error"))

    theirs = tmp_path / "theirs"
    theirs.mkdir()
    with ScriptedApi(reject) as api:
        runs = Runs(theirs, command=[str(claude_cli)], environment=real_environment(api))
        real = runs.run("--session-id", SESSION)
    assert ours.code == real.code == 1
    assert [*map(kind, ours.events)] == [*map(kind, real.events)]
    for event, true in zip(ours.events, real.events, strict=True):
        assert members(event) == members(true), kind(true)


def real_environment(api: ScriptedApi) -> dict[str, str]:
    """Variables that keep the real CLI on loopback and to itself."""
    on = (
        "CLAUDE_CODE_DISABLE_ATTACHMENTS",
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "DISABLE_AUTOUPDATER",
        "DISABLE_ERROR_REPORTING",
        "DISABLE_TELEMETRY",
    )
    retries = {"CLAUDE_CODE_MAX_RETRIES": "0"}
    return {"ANTHROPIC_BASE_URL": api.url, **retries, **dict.fromkeys(on, "1")}


def kind(event: Event) -> str:
    """What an event is about, in a word or two."""
    message = event.get("message")
    inside = [block["type"] for block in message["content"]] if isinstance(message, dict) else []
    return " ".join([event["type"], event.get("subtype", ""), *inside])


def told(event: Event) -> tuple[Any, Any, Any]:
    """What a model is told of a tool result, and why; the CLI's advice is its own."""
    block = event["message"]["content"][0]
    text = block["content"]
    if isinstance(text, str):
        text = re.split(r" because Claude Code is running| \(file state is current", text)[0]
    meta = [
        {name: value for name, value in item.items() if name != "id"}
        for item in event.get("tool_result_meta", [])
    ]
    return text, block.get("is_error"), meta
