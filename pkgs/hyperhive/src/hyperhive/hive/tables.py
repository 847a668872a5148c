"""The tables of which the declarations of an agent and of the hive are made."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from hyperhive.hive.addresses import is_loopback
from hyperhive.hive.values import (
    DECLARED_ERROR,
    BashRule,
    BindSource,
    BindTarget,
    Command,
    CompactPercent,
    Cpu,
    CredentialPath,
    FlakeReference,
    ListeningAddress,
    McpTool,
    Memory,
    NotesKib,
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
        examples=[["git status", "make test"]],
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
    question_seconds: int = Field(
        default=86400,
        ge=10,
        le=2592000,
        description="Seconds that a question of the agent's stays open at most; then the agent is"
        " told that it expired.",
        examples=[3600],
    )


class Spawn(Declared):
    """What agents are like that the manager asks for and the operator approves.

    They have the role agent, no binds, no credentials and no extra.nix, and may write to anyone.
    """

    most: int = Field(
        default=8,
        ge=0,
        le=1000,
        description="How many such agents there may be at a time. 0: none may be asked for.",
        examples=[3],
    )
    limits: Limits = Field(default=Limits(), description="What each of them may use at most.")
    network: Literal["private", "none"] = Field(
        default="private",
        description="`private`: out through the host's address translation; `none`: nothing,"
        " not even the model's API.",
        examples=["none"],
    )


class Conversation(Declared):
    """When what an agent remembers is made shorter."""

    compact_percent: CompactPercent = Field(
        default=75,
        description="Share of the model's context window, in percent, from which the conversation"
        " is compacted after a turn; the agent saves its notes first. 0: only when a prompt no"
        " longer fits.",
        examples=[60],
    )
    notes_kib: NotesKib = Field(
        default=64,
        description="Size of notes.md, in KiB, from which a short second session rewrites it"
        " shorter; the file before stays as notes.md.1. 0: never.",
        examples=[32],
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


class Inputs(Declared):
    """Where the rendered flakes take their inputs from, as flake references."""

    nixpkgs: FlakeReference = Field(
        default="flake:nixpkgs",
        description="The nixpkgs that agents are built from.",
        examples=["github:NixOS/nixpkgs/nixos-26.05"],
    )
    hyperhive: FlakeReference = Field(
        default="flake:hyperhive",
        description="The hyperhive that agents are built with.",
        examples=["path:/etc/nixos/hyperhive"],
    )


class Dashboard(Declared):
    """Where the operator's pages and the HTTP API are served, besides the operator's socket."""

    bind: ListeningAddress = Field(
        default="127.0.0.1",
        description="Address to listen on. Any other than the host's loopback needs token_file.",
        examples=["192.0.2.10"],
    )
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="Port to listen on; none: there is no dashboard.", examples=[8710]
    )
    token_file: CredentialPath | None = Field(
        default=None,
        description="File of the host that holds the secret a browser must show, outside of the Nix"
        " store; none: the broker makes one in its state directory.",
        examples=["/run/secrets/hyperhive-token"],
    )

    @model_validator(mode="after")
    def _open_only_with_a_known_token(self) -> Self:
        if self.port is not None and self.token_file is None and not is_loopback(self.bind):
            raise PydanticCustomError(
                DECLARED_ERROR,
                "{what}; {todo}",
                {
                    "what": f"other machines can connect to {self.bind}, and no token_file is set",
                    "todo": 'set token_file, or bind = "127.0.0.1" and a proxy in front of it',
                },
            )
        return self


class Retention(Declared):
    """How long history is kept."""

    messages: int = Field(
        default=30,
        ge=1,
        le=36500,
        description="Days after which an acknowledged message is removed; one that is not"
        " acknowledged never is.",
        examples=[30],
    )
    events: int = Field(
        default=90,
        ge=1,
        le=36500,
        description="Days after which an event is removed: what changed in the hive, and why.",
        examples=[90],
    )
    stream_events: int = Field(
        default=7,
        ge=1,
        le=36500,
        description="Days after which the stream of a turn is removed: what claude said and did"
        " there, word by word.",
        examples=[7],
    )
    stream_events_per_agent: int = Field(
        default=20000,
        ge=1000,
        le=10000000,
        description="Events of that stream kept for each agent, the newest ones, however young"
        " the others are.",
        examples=[20000],
    )
    turns: int = Field(
        default=365,
        ge=1,
        le=36500,
        description="Days after which the record of a turn is removed: when it ran, how it ended"
        " and what it used.",
        examples=[365],
    )


class LoopGuard(Declared):
    """When two agents that only answer each other are stopped.

    Both are paused and the operator is told. A message of the operator's to either of them begins
    the count anew.
    """

    answers: int = Field(
        default=40,
        ge=0,
        le=1000,
        description="How often two agents may answer each other within `minutes`. 0: no guard.",
        examples=[40],
    )
    minutes: int = Field(
        default=10,
        ge=1,
        le=1440,
        description="The minutes within which their answers are counted.",
        examples=[10],
    )
