"""Runs of claude, the real one or its stand-in, in a directory of their own; and their events.

Both get the same flags and the same MCP server (fake_mcp_server.py), so that a test can compare
what they print.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.tools import ROOT

Event = dict[str, Any]

SESSION: Final = "11111111-1111-4111-8111-111111111111"
ALLOW: Final = ("Bash(echo *)", "Bash(sleep *)", "Bash(false)", "Edit(./**)", "mcp__fake")
STAND_IN: Final = (sys.executable, "-I", "-m", "hyperhive.testing.scripted_claude")

WAKE: Final = """\
You have a message in the hive.
id: 42
from: bob
sent: 2026-11-22T06:37:00Z (3 s ago)
unread after this: 0

Between the two marks with ab12 is the message, word for word.
<message ab12>
What is new?
</message ab12>
Nobody reads what you write here: answer with the send tool."""

# Names of members that hold what a script, a tool or a model chose: their inside is no shape.
_FREE: Final = {
    "_meta",
    "input",
    "modelUsage",
    "model_usage_since_last_result",
    "structuredContent",
    "tool_input",
}


@dataclass(frozen=True)
class Finished:
    """A run that is over."""

    code: int
    events: list[Event]
    stderr: str

    def of(self, type: str, subtype: str | None = None) -> list[Event]:
        """The events of a type."""
        return [e for e in self.events if (e["type"], e.get("subtype")) == (type, subtype)]

    @property
    def result(self) -> Event:
        """The result event, which must be the last event and the only one of its type."""
        assert [e["type"] for e in self.events].count("result") == 1
        assert self.events[-1]["type"] == "result"
        return self.events[-1]


@dataclass
class Runs:
    """Runs of one executable with one configuration directory.

    Attributes:
        allow, deny: rules.
        server: the name that the MCP server is given.
        environment: further variables.
    """

    directory: Path
    command: Sequence[str] = STAND_IN
    allow: Sequence[str] = ALLOW
    deny: Sequence[str] = ("Bash(git push *)",)
    server: str = "fake"
    environment: dict[str, str] = field(default_factory=dict)

    def argv(self, *flags: str) -> list[str]:
        """The command line; flags that begin a session unless others are given."""
        mcp = self.directory / "mcp.json"
        server = {
            "type": "stdio",
            "command": sys.executable,
            "args": [str(ROOT / "tests/fake_mcp_server.py"), str(self.directory / "mcp.log")],
        }
        mcp.write_text(json.dumps({"mcpServers": {self.server: server}}))
        return [
            *self.command,
            *("--print", "--verbose", "--output-format", "stream-json"),
            *("--model", "claude-sonnet-5-5", "--setting-sources", ""),
            *("--mcp-config", str(mcp), "--strict-mcp-config"),
            *("--tools", "Bash,Write", "--permission-mode", "dontAsk"),
            *("--allowedTools", ",".join(self.allow), "--disallowedTools", ",".join(self.deny)),
            *(flags or ("--session-id", SESSION)),
        ]

    def start(self, *flags: str) -> subprocess.Popen[str]:
        """Begin a run; its stdin is still to be written and closed."""
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "CLAUDE_CONFIG_DIR": str(home / "claude"),
            "TMPDIR": str(home),
            "HYPERHIVE_TURN": "alice:3",
            "ANTHROPIC_API_KEY": "dummy",
            **self.environment,
        }
        return subprocess.Popen(
            self.argv(*flags),
            cwd=home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *flags: str, prompt: str = WAKE) -> Finished:
        """A run from beginning to end."""
        return finish(self.start(*flags), prompt)

    def script(self, *steps: Mapping[str, Any]) -> "Runs":
        """Let the stand-in do these steps for every message."""
        path = self.directory / "script.json"
        path.write_text(json.dumps([{"do": steps}]))
        self.environment["SCRIPTED_CLAUDE_SCRIPT"] = str(path)
        return self


def finish(process: subprocess.Popen[str], prompt: str | None = None) -> Finished:
    """Wait for the end of a run; its prompt is written if it was not yet."""
    try:
        output, errors = process.communicate(prompt, timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError("the run did not end in 30 s") from None
    return Finished(process.returncode, [json.loads(line) for line in output.splitlines()], errors)


def shape(value: object, inside: str = "") -> set[str]:
    """The members of a JSON value as paths, `message.content[].type`."""
    match value:
        case dict(members):
            paths = set()
            for name, member in members.items():
                path = f"{inside}.{name}".lstrip(".")
                paths |= {path} if name in _FREE else {path} | shape(member, path)
            return paths
        case list(items):
            return {path for item in items for path in shape(item, f"{inside}[]")}
        case _:
            return set()


def alive(pid: int) -> bool:
    """Whether a process of that id lives."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
