"""The stand-in's events have the members of the real CLI's: as recorded, and side by side."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.claude_events import assert_alike, members, recorded, shape
from tests.claude_runs import SESSION, Event, Finished, Runs, real_environment
from tests.scripted_api import ApiError, Call, ScriptedApi, Step, ToolUse


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
        ("err_unknown_model", "assistant", None, [{"api_error": 404}]),
        ("err_unknown_model", "result", "success", [{"api_error": 404}]),
        ("err_no_key", "assistant", None, [{"api_error": "not_logged_in"}]),
        ("err_no_key", "result", "success", [{"api_error": "not_logged_in"}]),
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
        ("mcp__fake__wait", {"times": 3}),
        ("mcp__fake__none", {}),
        ("Nope", {}),
    ]
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.mkdir()
    ours = Runs(mine).script(*({"tool": n, "input": i} for n, i in calls), {"say": "Over."}).run()
    steps = [Step(tools=[ToolUse(name, input)]) for name, input in calls]
    with ScriptedApi([*steps, Step(text="Over.")]) as api:
        real = Runs(theirs, command=[str(claude_cli)], environment=real_environment(api.url)).run()
    assert_alike(ours.events, real.events)
    assert [*map(told, ours.of("user"))] == [*map(told, real.of("user"))]
    for same in ("num_turns", "result", "is_error", "terminal_reason", "stop_reason"):
        assert ours.result[same] == real.result[same]
    assert {name: ours.result["usage"][name] for name in ("input_tokens", "output_tokens")} == {
        name: real.result["usage"][name] for name in ("input_tokens", "output_tokens")
    }


@pytest.mark.claude
@pytest.mark.parametrize("type", ["rate_limit_error", "overloaded_error", "not_found_error"])
def test_errors_side_by_side(tmp_path: Path, claude_cli: Path, type: str) -> None:
    status = {"rate_limit_error": 429, "overloaded_error": 529, "not_found_error": 404}[type]
    ours = Runs(tmp_path).script({"api_error": status}).run("--session-id", SESSION)
    real = refused(tmp_path / "theirs", claude_cli, ApiError(status, type))
    assert ours.code == real.code == 1
    assert_alike(ours.events, real.events)


@pytest.mark.claude
def test_a_limit_side_by_side(tmp_path: Path, claude_cli: Path) -> None:
    """Only who is logged in with a subscription is told when its limit ends."""
    ours = Runs(tmp_path).script({"api_error": 429, "resets_in": 3600}).run()
    resets_at = ours.of("rate_limit_event")[0]["rate_limit_info"]["resetsAt"]
    unified = {
        "status": "rejected",
        "reset": str(resets_at),
        "representative-claim": "five_hour",
        "5h-status": "rejected",
        "5h-reset": str(resets_at),
        "5h-utilization": "1.0",
    }
    headers = {f"anthropic-ratelimit-unified-{name}": value for name, value in unified.items()}
    error = ApiError(429, "rate_limit_error", headers=headers)
    login = {"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "dummy"}
    real = refused(tmp_path / "theirs", claude_cli, error, login)
    assert_alike(ours.events, real.events)
    assert ours.result["result"] == real.result["result"]
    for event, true in zip(ours.of("rate_limit_event"), real.of("rate_limit_event"), strict=True):
        assert event["rate_limit_info"] == true["rate_limit_info"]


def refused(
    directory: Path, claude: Path, error: ApiError, login: dict[str, str] | None = None
) -> Finished:
    """A run of the real CLI that the API refuses."""

    def refuse(call: Call) -> Step:
        return Step(error=error)

    directory.mkdir()
    with ScriptedApi(refuse) as api:
        environment = real_environment(api.url) | (login or {})
        return Runs(directory, command=[str(claude)], environment=environment).run()


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
