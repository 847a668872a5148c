"""The declared hive: what an operator writes, and what is true where nothing is written.

Every field says what it means and gives examples: `hyperhive schema` prints this file as JSON
Schema. Values are checked one by one here (see `values`); what only shows when agents are looked
at together is checked by `checks`.
"""

from functools import cached_property
from typing import Literal

from pydantic import Field

from hyperhive.hive.names import AGENT_NAME_PATTERN, AgentName
from hyperhive.hive.notifications import Notify
from hyperhive.hive.tables import (
    BashRules,
    Bind,
    Conversation,
    Dashboard,
    Declared,
    Inputs,
    Limits,
    LoopGuard,
    McpServer,
    Network,
    Retention,
    Role,
    Spawn,
    ToolRules,
)
from hyperhive.hive.uids import UidRange, uid_range
from hyperhive.hive.values import (
    AgentKey,
    AgentVariable,
    CredentialPath,
    HiveName,
    Icon,
    Line,
    McpName,
    ModelName,
    NameServer,
    PackageName,
    ProgramPath,
    Recipient,
    StateVersion,
    Text,
    UidBase,
)

__all__ = [
    "AgentConfig",
    "BashRules",
    "Bind",
    "Conversation",
    "Dashboard",
    "Declared",
    "HiveConfig",
    "HiveSettings",
    "Inputs",
    "Limits",
    "LoopGuard",
    "McpServer",
    "Network",
    "Notify",
    "Retention",
    "Role",
    "Spawn",
    "ToolRules",
]


class AgentConfig(Declared):
    """One agent."""

    role: Role = Field(
        default=Role.AGENT,
        strict=False,
        description="`manager` proposes changes to other agents; at most one agent has this role.",
        examples=["manager"],
    )
    description: Line = Field(
        default="",
        description="What the agent is for, in one line; the other agents see it.",
        examples=["Writes and tests the parser"],
    )
    icon: Icon = Field(
        default="", description="An emoji or a few letters shown beside the name.", examples=["🐝"]
    )
    model: ModelName | None = Field(
        default=None,
        description="The model of this agent; none: the hive's.",
        examples=["opus", "claude-opus-5-5"],
    )
    bash: BashRules = Field(default=BashRules(), description="Rules for shell commands.")
    tools: ToolRules = Field(default=ToolRules(), description="Built-in tools and their rules.")
    packages: list[PackageName] = Field(
        default=[],
        description="Programs in the container, as attributes of nixpkgs.",
        examples=[["ripgrep", "python3Packages.requests"]],
    )
    mcp: dict[McpName, McpServer] = Field(
        default={},
        description="Further MCP servers by name.",
        examples=[{"github": {"command": "github-mcp-server", "args": ["stdio"]}}],
    )
    environment: dict[AgentVariable, Text] = Field(
        default={},
        description="Variables of claude and everything it starts. They are world-readable on"
        " the host: no secrets here.",
        examples=[{"LANG": "C.UTF-8"}],
    )
    credentials: dict[AgentVariable, CredentialPath] = Field(
        default={},
        description="Variables whose values are secrets: each names a file of the host that"
        " holds the value, outside of the Nix store.",
        examples=[{"ANTHROPIC_API_KEY": "/run/secrets/anthropic"}],
    )
    recipients: list[Recipient] = Field(
        default=[],
        description='Whom the agent may write to: agents, "manager", "operator". Empty: anyone.',
        examples=[["manager", "operator"]],
    )
    limits: Limits = Field(default=Limits(), description="What the agent may use at most.")
    conversation: Conversation = Field(
        default=Conversation(), description="When what the agent remembers is made shorter."
    )
    wake_for_operator: bool = Field(
        default=True,
        description="Whether a message from the operator ends a nap of the agent's.",
        examples=[False],
    )
    network: Network = Field(
        default=Network.PRIVATE,
        strict=False,
        description="`private`: out through the host's address translation; `none`: nothing,"
        " not even the model's API; `host`: the host's own interfaces, without isolation.",
        examples=["private"],
    )
    nix_daemon: bool = Field(
        default=False,
        description="Whether the agent may build with the host's Nix daemon. Builds run on the"
        " host: on its network, and beyond the container's limits.",
        examples=[True],
    )
    binds: list[Bind] = Field(
        default=[],
        description="Paths of the host that the container sees.",
        examples=[[{"source": "/srv/shared", "target": "/srv/shared"}]],
    )
    uid_base: UidBase | None = Field(
        default=None,
        description="First host uid of the agent's range of 65536; none: computed from its name.",
        examples=[1048576],
    )
    extra_nix: bool = Field(
        default=False,
        description="Whether an extra.nix of free-form NixOS configuration may stand beside the"
        " agent. It can undo any isolation that is configured inside the container.",
        examples=[True],
    )
    system_prompt: Text = Field(
        default="",
        description="Added to the agent's system prompt, after the hive's.",
        examples=["You own the parser. Ask alice before you change its grammar."],
    )
    autostart: bool = Field(
        default=True, description="Whether the agent starts with the hive.", examples=[False]
    )

    def uid_range(self, name: AgentName) -> UidRange:
        """The host uids of this agent's container."""
        return uid_range(name, self.uid_base)


class HiveSettings(Declared):
    """What holds for the whole hive."""

    name: HiveName = Field(description="The hive's name.", examples=["lab"])
    description: Line = Field(
        default="", description="What the hive is for, in one line.", examples=["Our parser lab"]
    )
    model: ModelName = Field(
        default="sonnet",
        description="The model of agents that name none.",
        examples=["sonnet", "claude-sonnet-5-5"],
    )
    system_prompt: Text = Field(
        default="",
        description="Added to the system prompt of every agent.",
        examples=["Write in plain English."],
    )
    claude: ProgramPath | None = Field(
        default=None,
        description="The claude that agents run, by its path in their containers, usually in the"
        " Nix store, which they share with the host; none: the claude-code of the nixpkgs that"
        " agents are built from.",
        examples=["/nix/store/00000000000000000000000000000000-claude-code/bin/claude"],
    )
    nameservers: list[NameServer] = Field(
        default=[],
        description="Addresses of the name servers of agents with a private network; empty: the"
        " host's own, as far as a container can reach them.",
        examples=[["192.0.2.53"]],
    )
    dashboard: Dashboard = Field(
        default=Dashboard(), description="Where the operator's pages are served."
    )
    system: Literal["x86_64-linux", "aarch64-linux"] = Field(
        default="x86_64-linux",
        description="The platform that agents are built for.",
        examples=["aarch64-linux"],
    )
    state_version: StateVersion = Field(
        default="26.05",
        description="NixOS' system.stateVersion of the containers: the release they began with.",
        examples=["26.05"],
    )
    inputs: Inputs = Field(default=Inputs(), description="Inputs of the rendered flakes.")
    retention: Retention = Field(default=Retention(), description="When history is removed.")
    loop_guard: LoopGuard = Field(
        default=LoopGuard(),
        description="When two agents that only answer each other are paused, and the operator told."
        " A message of the operator's to either of them begins the count anew.",
    )
    notify: Notify = Field(
        default=Notify(), description="What is run when the hive needs the operator."
    )
    spawn: Spawn = Field(
        default=Spawn(),
        description="Agents that the manager asks for: how many, and what they may do.",
    )


class HiveConfig(Declared):
    """A hive of Claude Code agents."""

    hive: HiveSettings = Field(
        description="Settings of the hive itself, and defaults of its agents.",
        examples=[{"name": "lab"}],
    )
    agents: dict[AgentKey, AgentConfig] = Field(
        min_length=1,
        description="The agents by name: at most 9 characters, a lower-case letter first, then"
        " letters, digits and hyphens.",
        examples=[{"alice": {"model": "opus"}}],
        json_schema_extra={"propertyNames": {"pattern": AGENT_NAME_PATTERN}},
    )

    @cached_property
    def manager(self) -> AgentName | None:
        """The agent whose role is manager."""
        return next((n for n, agent in self.agents.items() if agent.role is Role.MANAGER), None)

    def model_of(self, name: AgentName) -> str:
        """The model that is declared for an agent, by itself or by the hive."""
        return self.agents[name].model or self.hive.model
