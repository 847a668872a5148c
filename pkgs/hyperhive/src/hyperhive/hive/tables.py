"""The tables of which an agent's declaration is made."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hyperhive.hive.values import (
    BashRule,
    BindSource,
    BindTarget,
    Command,
    Cpu,
    McpTool,
    Memory,
    Text,
    ToolName,
    ToolRule,
    Variable,
)


class Role(StrEnum):
    """What an agent is for."""

    AGENT = "agent"
    MANAGER = "manager"
    """Proposes changes to other agents; at most one in a hive."""


class Network(StrEnum):
    """What an agent's container can reach."""

    PRIVATE = "private"
    """An interface of its own; the host translates addresses outwards."""
    NONE = "none"
    """The loopback interface alone."""
    HOST = "host"
    """Every interface of the host, with all that listens on it."""


class Declared(BaseModel):
    """A table of the declared hive: unknown fields are errors, values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BashRules(Declared):
    """Commands that an agent may run without asking, and may never run."""

    allow: list[BashRule] = Field(
        default=[],
        description="Commands that may run: the text inside `Bash(...)` of Claude Code's rules."
        " A trailing ` *` stands for any arguments.",
        examples=[["git status", "git diff *"]],
    )
    deny: list[BashRule] = Field(
        default=[],
        description="Commands that may not run, whatever else allows them. Rules steer;"
        " the container is the boundary.",
        examples=[["git push *"]],
    )


class ToolRules(Declared):
    """Claude Code's built-in tools."""

    available: list[ToolName] = Field(
        default=["Bash", "Read", "Edit", "Write", "Glob", "Grep"],
        description="Built-in tools that exist for the agent at all.",
        examples=[["Bash", "Read"]],
    )
    allow: list[ToolRule] = Field(
        default=[],
        description="Full rules of what may be done without asking."
        " `./` is the directory that claude runs in, `//` the root of the container.",
        examples=[["Edit(./**)", "WebFetch(domain:docs.rs)"]],
    )
    deny: list[ToolRule] = Field(
        default=[],
        description="Full rules of what may not be done, whatever else allows it.",
        examples=[["Read(.env)"]],
    )


class McpServer(Declared):
    """A program that serves MCP tools to the agent on its standard input and output."""

    command: Command = Field(
        description="The program: a name found through packages, or an absolute path.",
        examples=["github-mcp-server"],
    )
    args: list[Text] = Field(
        default=[], description="Its arguments.", examples=[["stdio", "--read-only"]]
    )
    environment: dict[Variable, Text] = Field(
        default={},
        description="Variables of this program alone. Secrets go to the agent's credentials.",
        examples=[{"GITHUB_HOST": "https://git.example.org"}],
    )
    tools: list[McpTool] = Field(
        default=["*"],
        description='Its tools that the agent may call; "*" stands for all of them.',
        examples=[["get_issue", "list_issues"]],
    )


class Limits(Declared):
    """What an agent may use at most."""

    memory: Memory | None = Field(
        default=None,
        description="Memory of the whole container (systemd's MemoryMax=); none: no limit.",
        examples=["4G", "50%"],
    )
    cpu: Cpu | None = Field(
        default=None,
        description="Processor time of the whole container (systemd's CPUQuota=); 100% is one"
        " processor; none: no limit.",
        examples=["200%"],
    )
    tasks: Annotated[int, Field(ge=64, le=4194304)] | None = Field(
        default=512,
        description="Processes and threads of the whole container (systemd's TasksMax=).",
        examples=[512],
    )
    turn_seconds: int = Field(
        default=3600,
        ge=1,
        le=604800,
        description="Seconds after which a turn is ended.",
        examples=[1800],
    )


class Bind(Declared):
    """A directory or file of the host that the container sees."""

    source: BindSource = Field(
        description="Path on the host. What the agent may write must belong to its uid range.",
        examples=["/srv/shared"],
    )
    target: BindTarget = Field(description="Path in the container.", examples=["/srv/shared"])
    writable: bool = Field(
        default=False, description="Whether the agent may write there.", examples=[True]
    )
