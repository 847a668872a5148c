"""The stand-in as a process: tools, sessions, denials and errors."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hyperhive.testing.scripted_claude import launcher
from hyperhive.testing.scripted_claude.flags import VERSION
from tests.claude_runs import SESSION, Runs


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def calls(runs: Runs) -> list[dict[str, Any]]:
    """What the MCP server was asked for."""
    lines = (runs.directory / "mcp.log").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_calls_real_tools_with_the_message(runs: Runs) -> None:
    runs.script(
        {"tool": "mcp__fake__echo", "input": {"to": "{from}", "in_reply_to": "{id}"}},
        {"say": "{agent} got {output} for {body}"},
    )
    done = runs.run()
    assert done.code == 0
    [init] = done.of("system", "init")
    assert init["mcp_servers"] == [{"name": "fake", "status": "connected", "source": "dynamic"}]
    mcp_tools = [f"mcp__fake__{name}" for name in ("echo", "fail", "hang", "recv", "wait", "words")]
    assert init["tools"] == ["Bash", "Write", *mcp_tools]
    assert init["permissionMode"] == "dontAsk"
    [answer] = done.of("user")
    given = {"to": "bob", "in_reply_to": 42}
    assert answer["tool_use_result"]["structuredContent"] == given
    spaced = json.dumps(given, separators=(",", ":"))
    assert done.result["result"] == f"alice got {spaced} for What is new?"
    assert done.result["is_error"] is False
    assert done.result["num_turns"] == 2
    assert [call["method"] for call in calls(runs)] == [
        "initialize",
        "notifications/initialized",
        "tools/list",
        "tools/list",
        "tools/call",
    ]


def test_takes_each_message_that_it_receives(runs: Runs) -> None:
    runs.server, runs.allow = "hyperhive", ["mcp__hyperhive"]
    runs.script(
        {
            "recv": {"wait_seconds": 5},
            "each": [{"tool": "mcp__hyperhive__echo", "input": {"to": "{from}", "re": "{id}"}}],
        },
        {"say": "Back to {from}."},
    )
    done = runs.run()
    _, first, second = (event["tool_use_result"] for event in done.of("user"))
    assert first["structuredContent"] == {"to": "bob", "re": 1}
    assert second["structuredContent"] == {"to": "eve", "re": 2}
    assert done.result["result"] == "Back to bob."


def test_a_turn_without_a_last_word_says_done(runs: Runs) -> None:
    done = runs.script({"tool": "mcp__fake__words"}).run()
    assert done.result["result"] == "Done."


def test_failing_tools_do_not_fail_the_turn(runs: Runs) -> None:
    runs.script({"tool": "mcp__fake__fail"}, {"tool": "mcp__fake__none"}, {"tool": "Nope"})
    done = runs.run()
    results = [event["message"]["content"][0] for event in done.of("user")]
    assert [r["content"] for r in results] == [
        "it failed",
        "<tool_use_error>Error: No such tool available: mcp__fake__none</tool_use_error>",
        "<tool_use_error>Error: No such tool available: Nope</tool_use_error>",
    ]
    assert all(r["is_error"] for r in results)
    assert (done.code, done.result["is_error"]) == (0, False)


def test_bash_runs_what_the_rules_allow(runs: Runs) -> None:
    runs.script({"bash": "echo a b"}, {"bash": "false"}, {"say": "{output}"})
    done = runs.run()
    first, second = (event["message"]["content"][0] for event in done.of("user"))
    assert (first["content"], first["is_error"]) == ("a b", False)
    assert (second["content"], second["is_error"]) == ("Exit code 1", True)
    assert done.result["permission_denials"] == []


def test_denied_commands_are_told_and_not_run(runs: Runs) -> None:
    runs.script({"bash": "touch made"}, {"bash": "git push origin main"})
    done = runs.run()
    assert not (runs.directory / "home/made").exists()
    denials = done.of("system", "permission_denied")
    assert [d["decision_reason_type"] for d in denials] == ["mode", "subcommandResults"]
    assert [d["tool_input"] for d in done.result["permission_denials"]] == [
        {"command": "touch made"},
        {"command": "git push origin main"},
    ]
    assert (done.code, done.result["is_error"]) == (0, False)


def test_its_shell_stays_where_it_went(runs: Runs) -> None:
    proposed = runs.directory / "proposed"
    (proposed / "alice").mkdir(parents=True)
    runs.allow = ["Bash(pwd)"]
    runs.script(
        {"bash": "cd {proposed}/alice"},
        {"bash": "pwd", "as": "there"},
        {"bash": "cd {proposed}/none"},
        {"bash": "cd /"},
        {"say": "{there}"},
    )
    done = runs.run("--add-dir", str(proposed), "/nowhere", "--session-id", SESSION)
    assert done.result["result"] == str(proposed / "alice")
    results = [event["message"]["content"][0]["content"] for event in done.of("user")]
    assert "No such file" in results[2]
    assert [d["tool_input"] for d in done.result["permission_denials"]] == [{"command": "cd /"}]


def test_writes_files_where_the_rules_allow_it(runs: Runs) -> None:
    outside = str(runs.directory / "outside.txt")
    runs.script(
        {"tool": "Write", "input": {"file_path": "a/new.txt", "content": "x"}, "as": "first"},
        {"tool": "Write", "input": {"file_path": outside, "content": "x"}},
        {"say": "{first}"},
    )
    done = runs.run()
    assert (runs.directory / "home/a/new.txt").read_text() == "x"
    assert not Path(outside).exists()
    assert done.result["result"] == "File created successfully at: a/new.txt"
    assert [d["tool_name"] for d in done.result["permission_denials"]] == ["Write"]


def test_rules_of_the_settings_file_count(runs: Runs) -> None:
    settings = runs.directory / "settings.json"
    settings.write_text(json.dumps({"permissions": {"deny": ["Bash(echo *)"]}}))
    runs.script({"bash": "echo a"})
    done = runs.run("--settings", str(settings))
    assert len(done.result["permission_denials"]) == 1
    settings.write_text("{")
    done = runs.run("--settings", str(settings))
    assert done.result["permission_denials"] == []


@pytest.mark.parametrize("behaviour", ["silent", "gone"])
def test_a_broken_server_does_not_fail_the_turn(runs: Runs, behaviour: str) -> None:
    runs.environment |= {"FAKE_MCP": behaviour, "MCP_TIMEOUT": "200"}
    done = runs.script({"tool": "mcp__fake__echo"}).run()
    [init] = done.of("system", "init")
    assert init["mcp_servers"][0]["status"] == "failed"
    assert init["tools"] == ["Bash", "Write"]
    assert done.code == 0


def test_usage_adds_up_over_the_session(runs: Runs) -> None:
    runs.script({"usage": {"input_tokens": 100, "output_tokens": 10, "cost_usd": 0.25}})
    first = runs.run("--session-id", SESSION).result
    second = runs.run("--resume", SESSION).result
    for result, times in ((first, 1), (second, 2)):
        assert result["session_id"] == SESSION
        assert result["usage"]["input_tokens"] == 100
        assert result["total_cost_usd"] == 0.25 * times
        assert result["modelUsage"]["claude-sonnet-5-5"]["inputTokens"] == 100 * times
        assert result["model_usage_since_last_result"]["claude-sonnet-5-5"]["outputTokens"] == 10


def test_a_session_id_is_used_once(runs: Runs) -> None:
    runs.script({"say": "x"}).run("--session-id", SESSION)
    again = runs.run("--session-id", SESSION)
    assert (again.code, again.events) == (1, [])
    assert again.stderr == f"Error: Session ID {SESSION} is already in use.\n"


def test_resuming_an_unknown_session(runs: Runs) -> None:
    done = runs.script({"say": "x"}).run("--resume", SESSION)
    assert done.code == 1
    assert done.stderr == f"No conversation found with session ID: {SESSION}\n"
    assert done.result["errors"] == [f"No conversation found with session ID: {SESSION}"]


@pytest.mark.parametrize(
    ("flags", "stderr"),
    [
        (["--bogus-flag"], "error: unknown option '--bogus-flag'\n"),
        (["--settings", "/none.json"], "Error: Settings file not found: /none.json\n"),
        (["--system-prompt-file", "/none"], "Error: System prompt file not found: /none\n"),
        (
            ["--mcp-config", "/none.json"],
            "Error: Invalid MCP configuration:\nMCP config file not found: /none.json\n",
        ),
    ],
)
def test_bad_invocations(runs: Runs, flags: list[str], stderr: str) -> None:
    done = runs.run(*flags)
    assert (done.code, done.events, done.stderr) == (1, [], stderr)


def test_an_empty_prompt(runs: Runs) -> None:
    done = runs.run(prompt="")
    assert (done.code, done.events) == (1, [])
    assert done.stderr.startswith("Error: Input must be provided either through stdin")


@pytest.mark.parametrize(
    ("error", "status", "word", "reason"),
    [
        (429, 429, "rate_limit", "api_error"),
        (529, 529, "server_error", "api_error"),
        (401, 401, "authentication_failed", "api_error"),
        (404, 404, "model_not_found", "api_error"),
        ("not_logged_in", None, "authentication_failed", "api_error"),
        ("prompt_too_long", 400, "invalid_request", "prompt_too_long"),
    ],
)
def test_api_errors(
    runs: Runs, error: int | str, status: int | None, word: str, reason: str
) -> None:
    done = runs.script({"api_error": error}).run()
    assert done.code == 1
    assert done.of("assistant")[-1]["error"] == word
    assert done.result["is_error"] is True
    assert done.result["api_error_status"] == status
    assert done.result["terminal_reason"] == reason


def test_an_unknown_model(runs: Runs) -> None:
    runs.rules(
        {"when": {"prompt": "", "model": "opsu"}, "do": [{"api_error": 404}]},
        {"do": [{"say": "Here."}]},
    )
    wrong = runs.run("--session-id", SESSION, "--model", "opsu")
    assert wrong.code == 1
    assert "the selected model (opsu)" in wrong.result["result"]
    assert wrong.stderr.startswith('[claude-code:unrecognized_model] {"model":"opsu"')
    right = runs.run("--resume", SESSION, "--model", "opus")
    assert right.result["result"] == "Here."


def test_a_rule_for_some_runs(runs: Runs) -> None:
    runs.rules({"times": 2, "do": [{"api_error": 529}]}, {"do": [{"say": "Up again."}]})
    codes = [runs.run("--session-id", SESSION).code]
    codes += [runs.run("--resume", SESSION).code for _ in range(3)]
    assert codes == [1, 1, 0, 0]


def test_an_answer_without_tools_and_servers(runs: Runs) -> None:
    """How notes are made shorter."""
    runs.server, runs.tools = None, ""
    runs.rules(
        {
            "when": {"prompt": "shorter", "matches": r"(?P<key>key .*)\."},
            "do": [{"say": "# Notes\n{key}"}],
        }
    )
    flags = ("--session-id", SESSION, "--no-session-persistence")
    done = runs.run(*flags, prompt="Make it shorter:\nThe key is under the mat.")
    [init] = done.of("system", "init")
    assert (init["tools"], init["mcp_servers"]) == ([], [])
    assert (done.code, done.result["result"]) == (0, "# Notes\nkey is under the mat")
    assert runs.run("--resume", SESSION).code == 1  # nothing was kept of it
    unknown = runs.run(*flags, prompt="Make it longer.")
    assert (unknown.code, unknown.result["result"]) == (0, "")


def test_waits_for_a_tool_that_tells_of_its_progress(runs: Runs) -> None:
    runs.script({"tool": "mcp__fake__wait", "input": {"times": 3}}, {"say": "{output}"})
    done = runs.run()
    assert json.loads(done.result["result"]) == {"times": 3}
    [call] = [c for c in calls(runs) if c["method"] == "tools/call"]
    use = done.of("assistant")[0]["message"]["content"][0]["id"]
    meta = {"claudecode/toolUseId": use, "progressToken": call["id"]}
    assert call["params"]["_meta"] == meta


def test_a_crash_leaves_no_result(runs: Runs) -> None:
    done = runs.script({"say": "soon"}, {"exit": 3}).run()
    assert (done.code, done.of("result", "success")) == (3, [])


def test_a_script_that_cannot_be_followed(runs: Runs) -> None:
    done = runs.script({"shout": "x"}).run()
    assert (done.code, done.events) == (1, [])
    assert "rule 0: not a step" in done.stderr


def test_the_launcher_is_an_executable(tmp_path: Path) -> None:
    directory = tmp_path / "a 'quoted' directory"
    directory.mkdir()
    path = launcher(directory)
    assert os.access(path, os.X_OK)
    shown = subprocess.run([path, "--version"], check=True, capture_output=True, text=True, env={})
    assert shown.stdout == f"{VERSION} (Claude Code)\n"
    text = subprocess.run([path, "--help"], check=True, capture_output=True, text=True, env={})
    assert "--session-id <uuid>" in text.stdout


def test_it_starts_with_the_standard_library_alone() -> None:
    """What else it imported would be waited for in every turn of a hive."""
    code = (
        "import sys, hyperhive.testing.scripted_claude.__main__ as m;"
        "print(*(n for n, l in sys.modules.items() if 'site-packages' in str(l)"
        " or n.startswith(('asyncio', 'hyperhive.'))))"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True
    )
    allowed = ("hyperhive.testing", "hyperhive.wire")
    others = [name for name in loaded.stdout.split() if not name.startswith(allowed)]
    # What a .pth file of the environment imports is not ours.
    assert [name for name in others if not name.startswith("_")] == []
