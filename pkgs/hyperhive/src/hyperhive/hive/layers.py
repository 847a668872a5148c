"""The effective settings of an agent: three layers, of which the later wins.

What the hive declares, then what an approved proposal says (`agent.toml`), then what the operator
set at run time. A layer replaces the values it names: a list as a whole, tables key by key.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import Field

from hyperhive.hive.models import AgentConfig, HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.problems import Location
from hyperhive.hive.tables import BashRules, Declared, McpServer
from hyperhive.hive.values import AgentVariable, McpName, ModelName, PackageName, Text


class Layer(StrEnum):
    """Where a value comes from, the weakest first."""

    DEFAULT = "default"
    """Nobody set it."""
    HIVE = "hive"
    """The declared hive sets it for every agent."""
    DECLARED = "declared"
    """The declared hive sets it for this agent."""
    APPROVED = "approved"
    """A proposal that the operator approved."""
    OVERRIDE = "override"
    """The operator, at run time."""


class Override(Declared):
    """A partial agent: all that a proposal may change, because it can name nothing else."""

    model: ModelName | None = Field(default=None, description="The model.")
    bash: BashRules = Field(default=BashRules(), description="Rules for shell commands.")
    packages: list[PackageName] | None = Field(default=None, description="Programs.")
    mcp: dict[McpName, McpServer] = Field(default={}, description="MCP servers to set.")
    environment: dict[AgentVariable, Text] = Field(default={}, description="Variables to set.")
    system_prompt: Text | None = Field(default=None, description="The agent's own part of it.")


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective value and the layer that it comes from."""

    value: Any
    layer: Layer


@dataclass(frozen=True, slots=True)
class Effective:
    """An agent as it runs.

    Attributes:
        agent: its settings; the model is always named.
        settings: each single value by its place in the agent's table: ("bash", "allow").
    """

    name: AgentName
    agent: AgentConfig
    settings: Mapping[Location, Setting]


def effective(
    hive: HiveConfig,
    name: AgentName,
    approved: Override | None = None,
    override: Override | None = None,
) -> Effective:
    """The settings of a declared agent with the later layers laid over it."""
    settings = {
        place: Setting(value, Layer.DECLARED if named else Layer.DEFAULT)
        for place, value, named in _values(hive.agents[name])
    }
    if hive.agents[name].model is None:
        named = "model" in hive.hive.model_fields_set
        settings["model",] = Setting(hive.hive.model, Layer.HIVE if named else Layer.DEFAULT)
    for layer, partial in ((Layer.APPROVED, approved), (Layer.OVERRIDE, override)):
        if partial is not None:
            settings |= {
                place: Setting(value, layer) for place, value, named in _values(partial) if named
            }
    return Effective(name, AgentConfig.model_validate(_tree(settings)), settings)


def _values(table: Declared, at: Location = ()) -> Iterator[tuple[Location, Any, bool]]:
    """Every single value of a table, its place, and whether the table's author named it."""
    for field in type(table).model_fields:
        value, place = getattr(table, field), (*at, field)
        match value:
            case Declared():
                yield from _values(value, place)
            case dict():
                yield from (((*place, key), item, True) for key, item in value.items())
            case _:
                yield place, value, field in table.model_fields_set and value is not None


def _tree(settings: Mapping[Location, Setting]) -> dict[str | int, Any]:
    tree: dict[str | int, Any] = {}
    for place, setting in settings.items():
        table = tree
        for key in place[:-1]:
            table = table.setdefault(key, {})
        table[place[-1]] = setting.value
    return tree
