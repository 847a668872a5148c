"""The manager proposes a change with the real claude CLI: no call that it needs is denied."""

from pathlib import Path
from typing import Any

import pytest

from hyperhive.wire import proposed_repositories
from hyperhive.wire.git_objects import read_objects, verified
from hyperhive.wire.harness import OutcomeKind
from tests.integration.harness.claude_hive import bash, hive
from tests.integration.wire.proposing import git, head
from tests.scripted_api import ScriptedApi, Step, ToolUse
from tests.tools import program

pytestmark = pytest.mark.claude

TOOLS = ["Bash", "Read", "Edit", "Write", "Glob", "Grep"]


def use(tool: str, **given: Any) -> Step:
    """The model uses a tool."""
    return Step(tools=[ToolUse(tool, given)])


def manages(directory: Path) -> dict[str, Any]:
    """What the settings of a manager say; its directories are there."""
    program("git", "apt-get install git")
    proposed, proposals = directory / "agents", directory / "applied"
    (proposed / "alice").mkdir(parents=True)
    assert proposed_repositories.main(str(proposed), str(proposals), "lab") == 0
    (proposals / "alice").mkdir(parents=True)
    git(proposals / "alice", "init", "-q", "--bare", "-b", "main")
    return {"proposed": str(proposed), "proposals": str(proposals), "available": TOOLS}


def test_the_manager_edits_commits_and_proposes(tmp_path: Path, claude_cli: Path) -> None:
    settings = manages(tmp_path)
    config = tmp_path / "agents" / "alice" / "config"
    bare = tmp_path / "applied" / "alice"
    script = [
        bash(f"ls {config}"),
        use("Read", file_path=f"{config}/agent.toml"),
        use("Edit", file_path=f"{config}/agent.toml", old_string='#model = "opus"',
            new_string='model = "haiku"'),
        use("Write", file_path=f"{config}/extra.nix", content="{ }\n"),
        bash(f"cd {config}"),
        bash("git status && git diff"),
        bash("git add agent.toml extra.nix && git commit -m 'Use haiku' && git rev-parse HEAD"),
        bash("git commit --amend -F - <<'END'\nUse haiku\n\nIt (really) is enough.\nEND"),
        bash("git rev-parse HEAD"),
        use("mcp__hyperhive__request_apply_commit", agent="alice", commit="HEAD"),
        bash(f"cd {bare}"),
        bash("git tag -l -n99 && git log --oneline || true"),
        Step(text="Done."),
    ]  # fmt: skip
    steps = iter(script)
    with (
        ScriptedApi(lambda _: next(steps)) as api,
        hive(tmp_path, claude_cli, api.url, **settings, allow=["mcp__hyperhive"]) as boss,
    ):
        outcome = boss.turn()
        assert (outcome.kind, outcome.denials) == (OutcomeKind.OK, [])
        assert [text for text, failed in boss.results()[:9] if failed] == []
        sha = head(config)
        assert boss.results()[8] == (sha, False)
        assert "git rev-parse HEAD" in boss.mcp.sent[-1]["objects"]["error"]
        assert git(config, "log", "-1", "--format=%an %ae %cn") == (
            "alice alice@lab.hive.internal alice"
        )
        assert git(config, "log", "--format=%s", "--reverse").splitlines() == [
            "Begin with what the operator declared",
            "Use haiku",
        ]

        call = use("mcp__hyperhive__request_apply_commit", agent="alice", commit=sha, objects={})
        steps = iter([call, Step(text="Done.")])
        assert boss.turn(2, resume=True).denials == []
        commit = verified(sha, read_objects(boss.mcp.sent[-1]["objects"]))
        assert b'\nmodel = "haiku"\n' in commit.files["agent.toml"]
        assert commit.message == "Use haiku\n\nIt (really) is enough."


def test_what_the_manager_is_not_given(tmp_path: Path, claude_cli: Path) -> None:
    """What would run a program of the caller's choice, or write elsewhere; and what is others'."""
    settings = manages(tmp_path)
    config = tmp_path / "agents" / "alice" / "config"
    ran = tmp_path / "ran"
    script = [
        use("Read", file_path=f"{config}/.git/config"),
        use("Edit", file_path=f"{config}/.git/config", old_string="[core]",
            new_string=f"[core]\nfsmonitor = touch {ran}"),
        use("Write", file_path=f"{config}/.git/hooks/pre-commit", content=f"touch {ran}"),
        use("Write", file_path=f"{tmp_path}/applied/alice/x", content="x"),
        bash(f"cd {config}"),
        bash(f"git -c alias.x='!touch {ran}' x"),
        bash(f"git diff --output={ran}"),
        bash(f"git config alias.x '!touch {ran}'"),
        bash(f"git -C {config} -c alias.x='!touch {ran}' x"),
        Step(text="Done."),
    ]  # fmt: skip
    with (
        ScriptedApi(script) as api,
        hive(tmp_path, claude_cli, api.url, **settings) as boss,
    ):
        outcome = boss.turn()
        assert outcome.kind is OutcomeKind.OK
        assert len(outcome.denials) == len(script) - 3
        assert not ran.exists()
        assert not (tmp_path / "applied" / "alice" / "x").exists()
