"""What a harness is told when it starts: one JSON file, made from the declared hive.

In a container modules/agent writes it (/etc/hyperhive/agent.json); `hyperhive up` writes the same
for a harness outside one. What changes from turn to turn (model, session) is not in it.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class TurnLauncher(StrEnum):
    """What a turn's processes live in."""

    PROCESS = "process"
    """A child of the harness, whose descendants are found and killed."""
    UNIT = "unit"
    """A transient systemd unit of user `agent`, which systemd ends as a whole."""


@dataclass(frozen=True, slots=True)
class McpServer:
    """A stdio MCP server that claude starts besides hyperhive's own."""

    command: str
    args: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HarnessSettings:
    """One agent's settings.

    Attributes:
        name: the agent's name.
        hive: the name of its hive.
        claude: path of the claude executable; None: look for it (PATH, the Python package).
        sockets: directory of harness.sock and mcp.sock.
        state: the agent's own directory: notes.md, and work/, where claude runs.
        config: claude's configuration directory (sessions, credentials).
        proposed: the manager's: directory with NAME/config for every agent, a repository each, in
            which it proposes changes. None: the agent may propose none.
        proposals: the manager's: directory with the broker's repository for every agent.
        launcher: what a turn's processes live in.
        turn_seconds: a longer turn is ended with outcome timeout.
        system_prompt: text appended to claude's own system prompt.
        available: built-in tools that exist for the agent at all (--tools).
        allow, deny: full rules in Claude Code's grammar, `Bash(git status)`.
        mcp: further MCP servers by name.
        environment: variables of claude and everything it starts.
        credentials: variable name to the file its value is read from at each turn. In a container
            relative paths are looked up in $CREDENTIALS_DIRECTORY.
    """

    name: str
    hive: str
    sockets: str
    state: str
    config: str
    claude: str | None = None
    launcher: TurnLauncher = TurnLauncher.PROCESS
    turn_seconds: int = 3600
    system_prompt: str = ""
    available: list[str] = field(default_factory=list)
    allow: list[str] = field(default_factory=list)
    deny: list[str] = field(default_factory=list)
    mcp: dict[str, McpServer] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=dict)
    proposed: str | None = None
    proposals: str | None = None
