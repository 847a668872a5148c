"""What a proposal may change of an agent: the schema of its `agent.toml`."""

from pydantic import Field

from hyperhive.hive.tables import BashRules, Declared, McpServer
from hyperhive.hive.values import (
    AgentVariable,
    McpName,
    ModelName,
    NotesKib,
    PackageName,
    Text,
)


class ProposedConversation(Declared):
    """Of what an agent remembers, the part that is the agent's own."""

    notes_kib: NotesKib | None = Field(
        default=None,
        description="Size of notes.md, in KiB, from which a short second session rewrites it"
        " shorter. 0: never.",
        examples=[32],
    )


class Override(Declared):
    """A partial agent: all that a proposal may change, because it can name nothing else.

    A list takes the place of the declared one as a whole; tables are merged key by key.
    """

    model: ModelName | None = Field(
        default=None, description="The model of this agent.", examples=["opus", "claude-opus-5-5"]
    )
    system_prompt: Text | None = Field(
        default=None,
        description="The agent's own part of its system prompt, after the hive's.",
        examples=["You own the parser. Ask alice before you change its grammar."],
    )
    packages: list[PackageName] | None = Field(
        default=None,
        description="Programs in the container, as attributes of nixpkgs.",
        examples=[["ripgrep", "python3Packages.requests"]],
    )
    bash: BashRules = Field(default=BashRules(), description="Rules for shell commands.")
    conversation: ProposedConversation = Field(
        default=ProposedConversation(),
        description="When what the agent remembers is made shorter.",
    )
    environment: dict[AgentVariable, Text] = Field(
        default={},
        description="Variables of claude and everything it starts, besides the declared ones. No"
        " secrets here.",
        examples=[{"LANG": "C.UTF-8"}],
    )
    mcp: dict[McpName, McpServer] = Field(
        default={},
        description="MCP servers by name, besides the declared ones. One of the same name takes"
        " the declared one's place as a whole.",
        examples=[{"github": {"command": "github-mcp-server", "args": ["stdio"]}}],
    )
