"""The effective settings of an agent: three layers, of which the later wins.

What the hive declares, then what an approved proposal says (`agent.toml`), then what the operator
set at run time. A layer replaces the values it names: a list as a whole, tables key by key.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from hyperhive.hive.models import AgentConfig, HiveConfig, HiveSettings
from hyperhive.hive.names import AgentName
from hyperhive.hive.override import Override
from hyperhive.hive.problems import Location
from hyperhive.hive.tables import Declared

T = TypeVar("T", bound=Declared)


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
    return layered(name, hive.agents[name], hive.hive, approved, override)


def layered(
    name: AgentName,
    declared: AgentConfig,
    hive: HiveSettings,
    approved: Override | None = None,
    override: Override | None = None,
) -> Effective:
    """The settings of an agent that is declared so, with the later layers laid over it."""
    settings = {
        place: Setting(value, Layer.DECLARED if named else Layer.DEFAULT)
        for place, value, named in _values(declared)
    }
    if declared.model is None:
        named = "model" in hive.model_fields_set
        settings["model",] = Setting(hive.model, Layer.HIVE if named else Layer.DEFAULT)
    agent = declared
    for layer, partial in ((Layer.APPROVED, approved), (Layer.OVERRIDE, override)):
        if partial is not None:
            agent = laid_over(agent, partial)
            settings |= {
                place: Setting(value, layer) for place, value, named in _values(partial) if named
            }
    if agent.model is None:
        agent = agent.model_copy(update={"model": hive.model})
    return Effective(name, agent, settings)


def laid_over(agent: AgentConfig, partial: Override) -> AgentConfig:
    """An agent with the values that `partial` names in the place of its own.

    Both are of the same types, so nothing has to be checked again.
    """
    return _merged(agent, partial)


def _merged(table: T, partial: Declared) -> T:
    changed: dict[str, Any] = {}
    for field in partial.model_fields_set:
        value = getattr(partial, field)
        match value:
            case None:
                continue
            case Declared():
                changed[field] = _merged(getattr(table, field), value)
            case dict():
                changed[field] = getattr(table, field) | value
            case _:
                changed[field] = value
    return table.model_copy(update=changed) if changed else table


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
