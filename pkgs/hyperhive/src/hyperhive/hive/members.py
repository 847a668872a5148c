"""Who is in the hive: those that are declared, those that were spawned, and what was approved."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pydantic import ValidationError

from hyperhive.errors import InputError
from hyperhive.hive.layers import Effective, Override, effective
from hyperhive.hive.models import AgentConfig, HiveConfig
from hyperhive.hive.names import AgentName

AGENT_TOML: Final = "agent.toml"


@dataclass(frozen=True, slots=True)
class Spawned:
    """An agent that no declaration has, but an approval made.

    Attributes:
        approval: which one.
    """

    description: str
    approval: int


@dataclass(frozen=True, slots=True)
class Approved:
    """What was approved of one agent: the files of a commit, by name."""

    files: Mapping[str, str]
    spawned: Spawned | None = None


@dataclass(frozen=True)
class Members:
    """A hive as it is declared, and as it is with what was approved."""

    declared: HiveConfig
    approved: Mapping[AgentName, Approved]

    @cached_property
    def hive(self) -> HiveConfig:
        """Those declared and those spawned, with the approved layer laid over."""
        return self._laid[0]

    @cached_property
    def problems(self) -> Mapping[AgentName, InputError]:
        """Layers that no longer fit, which are left out."""
        return self._laid[1]

    def effective(self, name: AgentName, override: Override | None = None) -> Effective:
        """An agent's settings, each with the layer that it comes from."""
        layer = None if name in self.problems else self._layer(name)
        return effective(self._with_spawned, name, layer, override)

    def replaced(self, name: AgentName, approved: Approved | None) -> "Members":
        """The same with another approved layer of one agent; None: without one."""
        layers = {other: layer for other, layer in self.approved.items() if other != name}
        return Members(self.declared, layers if approved is None else layers | {name: approved})

    @cached_property
    def _with_spawned(self) -> HiveConfig:
        spawned = {
            name: AgentConfig(description=layer.spawned.description)
            for name, layer in self.approved.items()
            if layer.spawned is not None and name not in self.declared.agents
        }
        agents = self.declared.agents | spawned
        return HiveConfig(hive=self.declared.hive, agents=agents) if spawned else self.declared

    @cached_property
    def _laid(self) -> tuple[HiveConfig, Mapping[AgentName, InputError]]:
        hive = self._with_spawned
        agents, problems = dict(hive.agents), {}
        for name in self.approved:
            if name not in agents:
                continue
            try:
                agents[name] = effective(hive, name, self._layer(name)).agent
            except (ValueError, ValidationError) as error:
                problems[name] = InputError(f"{name}: {error}", "propose other settings for it")
        return HiveConfig(hive=hive.hive, agents=agents), problems

    def _layer(self, name: AgentName) -> Override | None:
        approved = self.approved.get(name)
        if approved is None or AGENT_TOML not in approved.files:
            return None
        return Override.model_validate(tomllib.loads(approved.files[AGENT_TOML]))


def with_approved(declared: HiveConfig, approved: Mapping[AgentName, Approved]) -> Members:
    """A declared hive with what was approved."""
    return Members(declared, approved)
