"""The real claude in a container: its rules hold, whatever the agent writes or asks for."""

import json
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from hyperhive.operator.models import Turn
from hyperhive.wire.harness import OutcomeKind
from tests.e2e.hive import Hive
from tests.e2e.obedient_api import told
from tests.e2e.workers import API, CLAUDE, Workers

pytestmark = pytest.mark.claude

DEAF: Final = """\
#!/bin/sh
[ -e started ] && exit
trap '' INT TERM HUP
setsid sh -c 'trap "" INT TERM HUP; sleep 601' &
touch started
sleep 602; sleep 603
"""
"""A tool that no polite signal ends, with a child in a session of its own; once."""

WORK: Final = "/state/work"
PLACES: Final = {
    "project": f"{WORK}/.claude/settings.json",
    "local": f"{WORK}/.claude/settings.local.json",
    "user": "/claude/settings.json",
    "home": "/state/.claude/settings.json",
}
"""Where claude looks for settings, or did."""
WITHOUT_MANAGED: Final = ("TemporaryFileSystem=/etc/claude-code",)
"""How claude runs where nothing is managed: shows that a test would see what it looks for."""


def widening(place: str) -> dict[str, Any]:
    """Settings that allow everything, and leave a file behind when a hook of theirs runs."""
    hook = [{"hooks": [{"type": "command", "command": f"touch {WORK}/hook-{place}"}]}]
    return {
        "permissions": {"allow": ["Bash", "Bash(touch *)"], "defaultMode": "bypassPermissions"},
        "hooks": {"SessionStart": hook, "UserPromptSubmit": hook, "PreToolUse": hook, "Stop": hook},
        "allowManagedPermissionRulesOnly": False,
        "allowManagedHooksOnly": False,
        "enableAllProjectMcpServers": True,
    }


@dataclass(frozen=True)
class Run:
    """A run of claude by hand.

    Attributes:
        mode: the permission mode that it says it is in.
        tools: those that the model has.
        left: the files in the work directory after it.
    """

    mode: str
    tools: set[str]
    left: set[str]


@pytest.fixture(scope="module")
def workers(_only_hive: Hive, claude_cli: Path) -> Workers:
    return Workers(_only_hive, claude_cli)


@pytest.fixture
def work(workers: Workers) -> Path:
    """The agent's work directory, as this machine sees it, which is empty."""
    workers.hive.inside("real", ["sh", "-c", f"rm -rf {WORK}/* {WORK}/.[!.]*"], user="agent")
    return workers.state("real") / "work"


@pytest.fixture
def widened(workers: Workers, work: Path) -> Iterator[None]:
    """The agent has written settings and MCP servers wherever it can."""
    files = {path: widening(place) for place, path in PLACES.items()}
    files[f"{WORK}/.mcp.json"] = {"mcpServers": {"project": leaves("mcp-project")}}
    for path, content in files.items():
        write(workers, path, json.dumps(content))
    own = json.loads((workers.config("real") / ".claude.json").read_text())
    write(
        workers,
        "/claude/.claude.json",
        json.dumps(
            {
                **own,
                "mcpServers": {"user": leaves("mcp-user")},
                "projects": {
                    WORK: {
                        "hasTrustDialogAccepted": True,
                        "allowedTools": ["Bash"],
                        "mcpServers": {"local": leaves("mcp-local")},
                    }
                },
            }
        ),
    )
    yield
    workers.hive.inside("real", ["rm", *files], user="agent")
    write(workers, "/claude/.claude.json", json.dumps(own))


def leaves(name: str) -> dict[str, Any]:
    """An MCP server that leaves a file behind when it is started."""
    return {"command": "touch", "args": [f"{WORK}/{name}"]}


def write(workers: Workers, path: str, content: str, mode: str = "644") -> None:
    """Write a file as the agent."""
    script = f"mkdir -p {Path(path).parent} && cat >{path} && chmod {mode} {path}"
    workers.hive.inside("real", ["sh", "-c", script], user="agent", input=content)


def bash(command: str) -> tuple[str, dict[str, Any]]:
    return ("Bash", {"command": command})


def by_hand(workers: Workers, *flags: str, properties: Sequence[str] = ()) -> Run:
    """claude as the agent's user could run it, told to do what no rule allows."""
    done = workers.testbed.run(
        [CLAUDE, "--print", "--verbose", "--output-format", "stream-json", *flags],
        container="h-real",
        user="agent",
        input=told(bash("touch undeclared")),
        environment={
            "ANTHROPIC_API_KEY": "dummy",
            "ANTHROPIC_BASE_URL": API,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CONFIG_DIR": "/claude",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "HOME": "/state",
        },
        properties=[f"WorkingDirectory={WORK}", "PrivateTmp=yes", *properties],
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (init,) = [event for event in events if event.get("subtype") == "init"]
    left = {path.name for path in (workers.state("real") / "work").iterdir() if path.is_file()}
    return Run(init["permissionMode"], set(init["tools"]), left)


def run(workers: Workers, *calls: tuple[str, dict[str, Any]]) -> Turn:
    return workers.run("real", told(*calls))


def test_the_rules_hold_and_the_hives_tools_work(workers: Workers, work: Path) -> None:
    turn = run(
        workers,
        bash("touch allowed"),
        bash("touch allowed-not"),
        bash("touch undeclared"),
        ("Write", {"file_path": f"{WORK}/own", "content": "mine"}),
        ("Write", {"file_path": "/state/other", "content": "not mine"}),
        ("SendMessage", {"to": "work", "message": "past the hive", "summary": "hello"}),
        ("mcp__hyperhive__send", {"to": "operator", "body": "all done"}),
    )
    assert (turn.outcome, turn.exit_code, turn.mcp_failed) == (OutcomeKind.OK, 0, [])
    assert {path.name for path in work.iterdir()} == {"allowed", "own"}
    assert not (workers.state("real") / "other").exists()
    denied = [denial["input"].get("command", denial["tool"]) for denial in turn.denials]
    assert denied == ["touch allowed-not", "touch undeclared", "Write"]
    assert "No such tool available: SendMessage" in workers.results(turn)[5]
    assert workers.hive.wait_mail("all done").sender == "real"


def test_what_the_agent_writes_changes_nothing(workers: Workers, work: Path, widened: None) -> None:
    turn = run(workers, bash("touch undeclared"), bash("touch allowed"))
    assert turn.outcome is OutcomeKind.OK
    assert [denial["input"] for denial in turn.denials] == [{"command": "touch undeclared"}]
    assert {path.name for path in work.iterdir() if path.is_file()} == {".mcp.json", "allowed"}


def test_managed_settings_alone_keep_rules_and_hooks_out(
    workers: Workers, work: Path, widened: None
) -> None:
    """Also in a claude that gets none of the harness's flags."""
    done = by_hand(workers)
    assert done.mode == "dontAsk"
    assert not {name for name in done.left if name.startswith(("hook-", "undeclared"))}


def test_without_managed_settings_they_would_come_in(
    workers: Workers, work: Path, widened: None
) -> None:
    """So that the other tests see what they look for."""
    done = by_hand(workers, properties=WITHOUT_MANAGED)
    assert done.mode == "bypassPermissions"
    assert {"undeclared", "hook-project", "hook-local", "hook-user"} <= done.left
    assert {"mcp-project", "mcp-user", "mcp-local"} <= done.left
    assert {"SendMessage", "ListAgents"} <= done.tools


@pytest.mark.parametrize(
    "flags",
    [
        ["--dangerously-skip-permissions"],
        ["--permission-mode", "bypassPermissions"],
        ["--allowedTools", "Bash", "--settings", json.dumps(widening("flag"))],
    ],
    ids=["skip permissions", "bypass mode", "rules and hooks by flags"],
)
def test_no_flag_of_the_agents_own_widens_its_rules(
    workers: Workers, work: Path, flags: list[str]
) -> None:
    done = by_hand(workers, *flags)
    assert (done.mode, done.left) == ("dontAsk", set())
    assert not done.tools & {"SendMessage", "ListAgents", "ListPeers"}


def test_a_tool_of_a_killed_claude_is_gone_with_the_unit(workers: Workers, work: Path) -> None:
    write(workers, f"{WORK}/deaf.sh", DEAF, mode="755")
    turn = workers.begin("real", told(bash("./deaf.sh")))
    workers.testbed.wait_for("its tool", (work / "started").exists)
    assert any("sleep 601" in line for line in workers.processes("real"))
    pid = workers.unit("real", f"hyperhive-turn-{turn.id}.service", "MainPID")
    workers.hive.inside("real", ["kill", "-9", pid])
    ended = workers.ended(turn)
    assert (ended.outcome, ended.exit_code) == (OutcomeKind.FAILED, -signal.SIGKILL)
    assert workers.processes("real") == []
    workers.cancel("real")
    again = workers.repeated(turn)
    assert (again.outcome, again.session) == (OutcomeKind.OK, turn.session)
