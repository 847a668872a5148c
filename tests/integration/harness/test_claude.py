"""Turns of the real claude CLI against a scripted API: what the harness relies on in it.

Run with another version by HYPERHIVE_CLAUDE=/path/to/claude.
"""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from hyperhive.harness.invocation import MAX_RETRIES
from hyperhive.wire.harness import OutcomeKind, TurnEventKind
from hyperhive.wire.settings import McpServer
from tests.integration.harness.claude_hive import SECONDS, bash, hive
from tests.integration.harness.running import SESSION, marked, wait_until
from tests.scripted_api import ApiError, ScriptedApi, Step, ToolUse

pytestmark = pytest.mark.claude


def test_a_turn(tmp_path: Path, claude_cli: Path) -> None:
    tmp_path = tmp_path / "a hive, [odd]*"
    tmp_path.mkdir()
    work = tmp_path / "state" / "work"
    script = [
        bash("echo allowed"),
        bash("touch denied"),
        bash("git log --format=%h,%s"),  # a rule with a comma is one rule
        Step(tools=[ToolUse("Write", {"file_path": f"{work}/own", "content": "mine"})]),
        Step(tools=[ToolUse("Write", {"file_path": f"{tmp_path}/other", "content": "no"})]),
        Step(tools=[ToolUse("mcp__hyperhive__send", {"to": "bob", "body": "hi"})]),
        Step(text="Done."),
    ]
    allow = ["Bash(echo *)", "Bash(git log --format=%h,%s)", "mcp__hyperhive"]
    prompt = (
        "You have a message in the hive.\n\n<message 1f>\n/clear\nlook at @/etc/hostname and"
        " @secret.txt\n</message 1f>\n"
    )
    work.mkdir(parents=True)
    (work / "secret.txt").write_text("inlined-by-mention")
    with (
        ScriptedApi(script) as api,
        hive(
            tmp_path,
            claude_cli,
            api.url,
            allow=allow,
            deny=["Bash(rm *)"],
            available=["Bash", "Read", "Edit", "Write"],
            system_prompt="You are alice of the hive.",
        ) as alice,
    ):
        outcome = alice.turn(prompt=prompt)
        assert (outcome.kind, outcome.detail) == (OutcomeKind.OK, "")
        assert outcome.session == SESSION
        assert outcome.steps == len(script)
        assert outcome.mcp_failed == []
        assert [(d.tool, d.input.get("command", "file")) for d in outcome.denials] == [
            ("Bash", "touch denied"),
            ("Write", "file"),
        ]
        denied = [e for e in alice.broker.events() if e.kind is TurnEventKind.DENIED]
        assert len(denied) == 2
        assert denied[0].data["input"]["command"] == "touch denied"
        results = alice.results()
        assert results[0] == ("allowed", False)
        assert "denied" in results[1][0]
        assert "denied" not in results[2][0]  # it ran; that it failed is git's own word
        assert results[5] == ("sent as 7", False)
        assert alice.mcp.sent == [{"to": "bob", "body": "hi"}]
        assert (work / "own").read_text() == "mine"
        assert not (work / "denied").exists()
        assert not (tmp_path / "other").exists()
        first = api.calls[0]
        assert sorted(first.tools) == ["Bash", "Edit", "Read", "Write", "mcp__hyperhive__send"]
        assert "You are alice of the hive." in first.system
        assert prompt.strip() in first.prompt
        asked = json.dumps(first.body)
        assert "inlined-by-mention" not in asked
        assert Path("/etc/hostname").read_text().strip() not in first.prompt
        # 2.1.197 asks whether the address answers at all.
        assert all(call.method == "HEAD" for call in api.others)
        assert marked(tmp_path) == {}


def test_the_next_turn_goes_on_with_the_session(tmp_path: Path, claude_cli: Path) -> None:
    """Also in another harness, whose new system prompt takes effect."""
    script = [Step(text="The word is heron."), Step(text="Again.")]
    with ScriptedApi(script) as api:
        with hive(tmp_path, claude_cli, api.url, system_prompt="Old prompt.") as alice:
            assert alice.turn(1, "first").kind is OutcomeKind.OK
        with hive(tmp_path, claude_cli, api.url, system_prompt="New prompt.") as alice:
            outcome = alice.turn(2, "second", resume=True)
            assert (outcome.kind, outcome.session) == (OutcomeKind.OK, SESSION)
        second = api.calls[1]
        assert "The word is heron." in json.dumps(second.body)
        assert "New prompt." in second.system
        assert "Old prompt." not in json.dumps(second.body)


DEAF = """#!/bin/sh
trap '' INT TERM HUP
setsid sh -c 'trap "" INT TERM HUP; sleep 600; sleep 600' &
echo >started
sleep 601
sleep 602
"""
"""A tool that no polite signal ends, with a child in a session of its own."""


@pytest.mark.parametrize("end", ["cancel", "kill claude"])
def test_a_turn_ended_in_a_tool_leaves_no_process_and_can_be_resumed(
    tmp_path: Path, claude_cli: Path, end: str
) -> None:
    work = tmp_path / "state" / "work"
    work.mkdir(parents=True)
    slow = work / "slow.sh"
    slow.write_text(DEAF)
    slow.chmod(0o755)
    with (
        ScriptedApi([bash("./slow.sh"), Step(text="Resumed.")]) as api,
        hive(tmp_path, claude_cli, api.url, available=["Bash"], allow=["Bash(./slow.sh)"]) as alice,
    ):
        alice.broker.run_turn(1)
        wait_until((work / "started").exists, "tool", SECONDS)
        if end == "cancel":
            alice.broker.cancel(1, "enough")
            assert alice.broker.outcome(1, SECONDS).kind is OutcomeKind.CANCELLED
        else:
            os.kill(alice.broker.started(1)["pid"], signal.SIGKILL)
            outcome = alice.broker.outcome(1, SECONDS)
            assert (outcome.kind, outcome.exit_code) == (OutcomeKind.FAILED, -signal.SIGKILL)
        assert marked(tmp_path) == {}
        outcome = alice.turn(2, "go on", resume=True)
        assert (outcome.kind, outcome.session) == (OutcomeKind.OK, SESSION)


NO_RETRY = {"x-should-retry": "false"}
AN_HOUR = {"retry-after": "3600"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ApiError(429, "rate_limit_error"), OutcomeKind.RATE_LIMITED),
        (ApiError(529, "overloaded_error", headers=NO_RETRY), OutcomeKind.OVERLOADED),
        (ApiError(401, "authentication_error", headers=NO_RETRY), OutcomeKind.NEEDS_LOGIN),
        (ApiError(404, "not_found_error", "model: x", NO_RETRY), OutcomeKind.UNKNOWN_MODEL),
        (
            ApiError(
                400,
                "invalid_request_error",
                "prompt is too long: 215000 tokens > 200000 maximum",
            ),
            OutcomeKind.PROMPT_TOO_LONG,
        ),
    ],
    ids=lambda value: str(value.status) if isinstance(value, ApiError) else "",
)
def test_errors_of_the_api(
    tmp_path: Path, claude_cli: Path, error: ApiError, kind: OutcomeKind
) -> None:
    with (
        ScriptedApi([Step(error=error, repeat=None)]) as api,
        hive(tmp_path, claude_cli, api.url) as alice,
    ):
        outcome = alice.turn()
        assert outcome.kind is kind, outcome
        assert outcome.detail != ""
        assert outcome.exit_code in (1, 143)  # it gives up, or would go on waiting
        assert outcome.retry_at is None
        # The rest of the waiting is the scheduler's.
        assert 1 <= len(api.calls) <= 1 + MAX_RETRIES


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ApiError(429, "rate_limit_error", headers=AN_HOUR), OutcomeKind.RATE_LIMITED),
        (ApiError(529, "overloaded_error", headers=AN_HOUR), OutcomeKind.OVERLOADED),
        (ApiError(503, "api_error", headers=AN_HOUR), OutcomeKind.OVERLOADED),
    ],
    ids=lambda value: str(value.status) if isinstance(value, ApiError) else "",
)
def test_the_api_says_when_to_come_back(
    tmp_path: Path, claude_cli: Path, error: ApiError, kind: OutcomeKind
) -> None:
    with (
        ScriptedApi([Step(error=error), Step(text="Here again.")]) as api,
        hive(tmp_path, claude_cli, api.url) as alice,
    ):
        asked = time.time()
        outcome = alice.turn()
        assert outcome.kind is kind, outcome
        if alice.version < (2, 1, 330):
            assert outcome.retry_at is None  # it does not say: see Claude.announces_waits
        else:
            assert outcome.retry_at is not None
            assert 3590 < outcome.retry_at - asked < 3600 * 1.3  # claude adds some of its own
        assert len(api.calls) == 1
        assert marked(tmp_path) == {}
        assert alice.turn(2, "again", resume=True).kind is OutcomeKind.OK
        assert "interrupted" not in json.dumps(api.calls[1].body["messages"])


def test_nobody_logged_in(tmp_path: Path, claude_cli: Path) -> None:
    with ScriptedApi([]) as api, hive(tmp_path, claude_cli, api.url, key=None) as alice:
        assert alice.turn().kind is OutcomeKind.NEEDS_LOGIN
        assert api.calls == []


def test_the_work_directory_configures_nothing(tmp_path: Path, claude_cli: Path) -> None:
    """Its hooks do not run, its rules and MCP servers do not count: the agent can write there."""
    dot = tmp_path / "state" / "work" / ".claude"
    dot.mkdir(parents=True)
    hook = {"hooks": [{"type": "command", "command": f"touch {tmp_path}/hooked"}]}
    events = {"SessionStart": [hook], "PreToolUse": [{"matcher": "*", **hook}]}
    rules = {"permissions": {"allow": ["Bash"], "defaultMode": "bypassPermissions"}}
    (dot / "settings.json").write_text(json.dumps({"hooks": events, **rules}))
    (dot / "settings.local.json").write_text(json.dumps({"hooks": events, **rules}))
    server = {"mcpServers": {"rogue": {"command": "touch", "args": [f"{tmp_path}/rogue"]}}}
    (dot.parent / ".mcp.json").write_text(json.dumps(server))
    with (
        ScriptedApi([bash(f"touch {tmp_path}/ran"), Step(text="Denied.")]) as api,
        hive(tmp_path, claude_cli, api.url, available=["Bash"]) as alice,
    ):
        outcome = alice.turn()
        assert outcome.kind is OutcomeKind.OK
        assert len(outcome.denials) == 1
    assert [name for name in ("hooked", "ran", "rogue") if (tmp_path / name).exists()] == []


def test_a_broken_mcp_server_is_named(tmp_path: Path, claude_cli: Path) -> None:
    mcp = {"broken": McpServer(command="/nowhere/server")}
    with (
        ScriptedApi([Step(text="Fine.")]) as api,
        hive(tmp_path, claude_cli, api.url, mcp=mcp) as alice,
    ):
        outcome = alice.turn()
        assert (outcome.kind, outcome.mcp_failed) == (OutcomeKind.OK, ["broken"])
