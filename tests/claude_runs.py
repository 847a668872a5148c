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
        server: the name that the MCP server is given; None: there is none.
        tools: the built-in tools that exist.
        environment: further variables.
    """

    directory: Path
    command: Sequence[str] = STAND_IN
    allow: Sequence[str] = ALLOW
    deny: Sequence[str] = ("Bash(git push *)",)
    server: str | None = "fake"
    tools: str = "Bash,Write"
    environment: dict[str, str] = field(default_factory=dict)

    def argv(self, *flags: str) -> list[str]:
        """The command line; flags that begin a session unless others are given."""
        return [
            *self.command,
            *("--print", "--verbose", "--output-format", "stream-json"),
            *("--model", "claude-sonnet-5-5", "--setting-sources", ""),
            *self._mcp_config(),
            *("--tools", self.tools, "--permission-mode", "dontAsk"),
            *("--allowedTools", ",".join(self.allow), "--disallowedTools", ",".join(self.deny)),
            *(flags or ("--session-id", SESSION)),
        ]

    def _mcp_config(self) -> list[str]:
        if self.server is None:
            return ["--strict-mcp-config"]
        config = self.directory / "mcp.json"
        server = {
            "type": "stdio",
            "command": sys.executable,
            "args": [str(ROOT / "tests/fake_mcp_server.py"), str(self.directory / "mcp.log")],
        }
        config.write_text(json.dumps({"mcpServers": {self.server: server}}))
        return ["--mcp-config", str(config), "--strict-mcp-config"]

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
        return self.rules({"do": steps})

    def rules(self, *rules: Mapping[str, Any]) -> "Runs":
        """Let the stand-in follow these rules."""
        path = self.directory / "script.json"
        path.write_text(json.dumps(rules))
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


def real_environment(url: str) -> dict[str, str]:
    """Variables that keep the real CLI to the API at that address, and to itself."""
    on = (
        "CLAUDE_CODE_DISABLE_ATTACHMENTS",
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "DISABLE_AUTOUPDATER",
        "DISABLE_ERROR_REPORTING",
        "DISABLE_TELEMETRY",
    )
    retries = {"CLAUDE_CODE_MAX_RETRIES": "0"}
    return {"ANTHROPIC_BASE_URL": url, **retries, **dict.fromkeys(on, "1")}


def alive(pid: int) -> bool:
    """Whether a process of that id lives."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
