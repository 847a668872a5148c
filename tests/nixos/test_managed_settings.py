"""The real claude keeps to the managed settings that modules/agent writes, whatever else says."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.nixos.nix import STUBS, Nix
from tests.scripted_api import ScriptedApi, Step, ToolUse
from tests.tools import need

pytestmark = [pytest.mark.nix, pytest.mark.claude]

AGENT: Final = """{ hyperhive.agent = {
  enable = true; name = "alice"; hive = "lab"; model = "opus"; bash.allow = [ "touch declared" ];
}; }"""

MANAGED: Final = Path("claude-code/managed-settings.d/50-hyperhive.json")

LOOKED_UP: Final = ("group", "hosts", "nsswitch.conf", "passwd")
"""Files of /etc that a process reads about its own machine."""

DEADLINE: Final = 60.0

WIDENED: Final = {
    "permissions": {"allow": ["Bash(touch from-project)"]},
    "hooks": {
        "PreToolUse": [
            {"matcher": "*", "hooks": [{"type": "command", "command": "touch hooked"}]},
        ]
    },
}
"""What an agent could write into its own work directory."""


@dataclass(frozen=True)
class Turn:
    """What came of a turn: the mode that claude ran in, its tools, and the files that are there."""

    mode: str
    files: set[str]
    tools: set[str]


@pytest.fixture(scope="module")
def etc(nix: Nix, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory to stand for /etc, with the agent's managed settings."""
    etc = tmp_path_factory.mktemp("etc")
    (etc / MANAGED).parent.mkdir(parents=True)
    (etc / MANAGED).write_text(json.dumps(nix.ask(STUBS, "agent.managed", AGENT)))
    for name in LOOKED_UP:
        shutil.copy(Path("/etc") / name, etc / name)
    return etc


def denied_tools(etc: Path) -> set[str]:
    """The tools that the managed settings deny."""
    denied: list[str] = json.loads((etc / MANAGED).read_text())["permissions"]["deny"]
    return set(denied)


def own_etc(etc: Path) -> list[str]:
    """Return the command under which its arguments see `etc` as /etc."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    words = ["unshare", *user, "--mount", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"']
    tried = subprocess.run([*words, str(etc), "true"], capture_output=True, check=False)
    need("a mount namespace", tried.returncode == 0, "run as root, or allow user namespaces")
    return [*words, str(etc)]


def turn(claude: Path, etc: Path, directory: Path, *flags: str, tools: str = "Bash") -> Turn:
    """Run one turn that tries a declared command, two that are not, and a file."""
    work = directory / "work"
    (work / ".claude").mkdir(parents=True)
    (work / ".claude" / "settings.json").write_text(json.dumps(WIDENED))
    commands = ("touch declared", "touch from-flag", "touch from-project")
    steps = [Step(tools=[ToolUse("Bash", {"command": command})]) for command in commands]
    with ScriptedApi([*steps, Step(text="Done.")]) as api:
        done = subprocess.run(
            [
                *own_etc(etc),
                str(claude),
                *("--print", "--verbose", "--output-format", "stream-json"),
                *("--model", "claude-haiku-4-5", "--tools", tools),
                *flags,
            ],
            cwd=work,
            env={
                "ANTHROPIC_API_KEY": "dummy",
                "ANTHROPIC_BASE_URL": api.url,
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "CLAUDE_CONFIG_DIR": str(directory / "config"),
                "DISABLE_AUTOUPDATER": "1",
                "DISABLE_TELEMETRY": "1",
                "HOME": str(directory),
                # Else claude ends as soon as root asks for bypass, whatever the settings say.
                "IS_SANDBOX": "1",
                "PATH": os.environ["PATH"],
                "TMPDIR": str(directory),
            },
            input="Go on.",
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    events: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    (init,) = [event for event in events if event.get("subtype") == "init"]
    files = {str(path.relative_to(work)) for path in work.rglob("*") if path.is_file()}
    return Turn(init["permissionMode"], files - {".claude/settings.json"}, set(init["tools"]))


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--permission-mode", "dontAsk", "--allowedTools", "Bash(touch from-flag)"],
        ["--permission-mode", "bypassPermissions"],
        ["--dangerously-skip-permissions"],
    ],
    ids=["no flags", "an allow rule", "bypass mode", "skip permissions"],
)
def test_only_declared_rules_count(
    claude_cli: Path, etc: Path, tmp_path: Path, flags: list[str]
) -> None:
    assert turn(claude_cli, etc, tmp_path, *flags) == Turn("dontAsk", {"declared"}, {"Bash"})


def test_claude_has_no_way_to_other_sessions_of_its_own(
    claude_cli: Path, etc: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    shutil.copytree(etc, empty, ignore=lambda *_: ["claude-code"])
    (tmp_path / "free").mkdir()
    free = turn(claude_cli, empty, tmp_path / "free", tools="default").tools
    assert {"SendMessage", "ListAgents"} <= free, "claude itself has them"
    (tmp_path / "managed").mkdir()
    managed = turn(claude_cli, etc, tmp_path / "managed", tools="default").tools
    denied = denied_tools(etc)
    assert not managed & denied
    assert free - managed <= denied, "nothing else is taken"
