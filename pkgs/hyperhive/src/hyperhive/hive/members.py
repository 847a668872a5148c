"""Who is in the hive, and with which settings: the declared hive and all that was approved.

The broker has what was approved from its store, root from its own directory; both find out here
what the hive is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import ValidationError

from hyperhive.errors import InputError
from hyperhive.hive.checks import agent_problems
from hyperhive.hive.layers import Effective, Layer, Setting, laid_over, layered
from hyperhive.hive.models import AgentConfig, HiveConfig, HiveSettings
from hyperhive.hive.names import MANAGER, AgentName, parse_agent_name
from hyperhive.hive.override import Override
from hyperhive.hive.problems import Level, Location
from hyperhive.hive.proposal import EXTRA_NIX, Proposal, extra_nix_refused, parse_proposal
from hyperhive.hive.shape import Declaration, shape_problems
from hyperhive.hive.tables import Network


@dataclass(frozen=True, slots=True)
class Spawned:
    """An agent that an approval made.

    Attributes:
        description: what the agent is for, in one line.
        approval: the id of that approval.
    """

    description: str
    approval: int


@dataclass(frozen=True, slots=True)
class Approved:
    """What was approved of an agent.

    Attributes:
        files: the texts of the proposal's files by their names; none: nothing was.
        spawned: how the agent came to be, if it is not declared.
    """

    files: Mapping[str, str]
    spawned: Spawned | None = None


@dataclass(frozen=True, slots=True)
class Members:
    """The hive as it is declared and approved.

    Attributes:
        declared: the hive as it is declared.
        approved: what was approved, of agents that are not in the hive any more too.
        hive: all agents that there are, with the approved settings laid over the declared ones.
        layers: the approved settings that hold.
        problems: the agents whose approved settings do not fit the declaration (any more), and
            why. These settings are left out; so is a spawned agent that cannot be. Of a declared
            agent whose extra.nix alone does not fit, only that file is left out: its other
            approved settings may be restrictions, and hold.
    """

    declared: HiveConfig
    approved: Mapping[AgentName, Approved]
    hive: HiveConfig
    layers: Mapping[AgentName, Proposal]
    problems: Mapping[AgentName, InputError]

    @property
    def spawned(self) -> list[AgentName]:
        """The agents that the declaration does not have."""
        return [name for name in self.hive.agents if name not in self.declared.agents]

    def effective(self, name: AgentName, override: Override | None = None) -> Effective:
        """An agent's settings and where each comes from.

        Args:
            override: what the operator set at run time.

        Raises:
            KeyError: the hive has no such agent.
        """
        layer = self.layers.get(name)
        approved = None if layer is None else layer.override
        declared = self.declared.agents.get(name)
        if declared is not None:
            return layered(name, declared, self.declared.hive, approved, override)
        spawned = self.approved[name].spawned
        if name not in self.hive.agents or spawned is None:
            raise KeyError(name)
        base = spawned_agent(self.declared.hive, spawned)
        found = layered(name, base, self.declared.hive, approved, override)
        settings = {
            place: Setting(setting.value, _spawned_layer(self.declared.hive, place, setting.layer))
            for place, setting in found.settings.items()
        }
        return replace(found, settings=settings)

    def replaced(self, name: AgentName, approved: Approved | None) -> "Members":
        """The same after something else was approved of one agent; None: nothing is."""
        others = {other: layer for other, layer in self.approved.items() if other != name}
        return _members(
            self.declared, others if approved is None else others | {name: approved}, self
        )


def with_approved(declared: HiveConfig, approved: Mapping[AgentName, Approved]) -> Members:
    """The declared hive with what was approved laid over it, and with the spawned agents.

    A declared agent takes the place of a spawned one of the same name. What does not fit is left
    out and named in `problems`; it concerns no other agent.
    """
    return _members(declared, approved, None)


def spawned_agent(hive: HiveSettings, spawned: Spawned) -> AgentConfig:
    """What the hive's `spawn` table makes of a spawned agent, before its own settings.

    Raises:
        InputError: its description cannot be one.
    """
    try:
        return AgentConfig(
            description=spawned.description,
            limits=hive.spawn.limits,
            network=Network(hive.spawn.network),
        )
    except ValidationError as error:
        (found,) = shape_problems(error, AgentConfig)
        raise InputError(found.what, found.todo) from None


def _members(
    declared: HiveConfig, approved: Mapping[AgentName, Approved], before: Members | None
) -> Members:
    agents = dict(declared.agents)
    layers: dict[AgentName, Proposal] = {}
    problems: dict[AgentName, InputError] = {}
    for name, found in sorted(approved.items(), key=_age):
        if name not in agents and found.spawned is None:
            continue  # it was declared once
        withdrawn: InputError | None = None
        try:
            agent = agents.get(name) or _newcomer(declared.hive, name, found, agents)
            files = found.files
            if name in declared.agents and EXTRA_NIX in files and not agent.extra_nix:
                withdrawn = _misfit(name, extra_nix_refused())
                files = {each: text for each, text in files.items() if each != EXTRA_NIX}
            proposal = _known(before, name, found) or _proposal(files, agent)
            if proposal is not None:
                agent = laid_over(agent, proposal.override)
                _check(name, agent)
        except InputError as error:
            problems[name] = _misfit(name, error)
            continue
        if withdrawn is not None:
            problems[name] = withdrawn
        agents[name] = agent
        if proposal is not None:
            layers[name] = proposal
    hive = declared.model_copy(update={"agents": agents}) if approved else declared
    return Members(declared, approved, hive, layers, problems)


def _misfit(name: AgentName, error: InputError) -> InputError:
    return InputError(
        f"{name}: what was approved does not fit the declaration: {error.what}", error.todo
    )


def _age(item: tuple[AgentName, Approved]) -> tuple[int, str]:
    """Of two spawned agents that cannot both be, the older one is."""
    name, found = item
    return (found.spawned.approval if found.spawned else 0, name)


def _known(before: Members | None, name: AgentName, found: Approved) -> Proposal | None:
    """The proposal as it was read before, if it is the same."""
    if before is None or before.approved.get(name) is not found:
        return None
    return before.layers.get(name)


def _proposal(files: Mapping[str, str], agent: AgentConfig) -> Proposal | None:
    if not files:
        return None
    content = {name: text.encode(errors="surrogatepass") for name, text in files.items()}
    return parse_proposal(content, extra_nix=agent.extra_nix)


def _newcomer(
    hive: HiveSettings, name: AgentName, found: Approved, agents: Mapping[AgentName, AgentConfig]
) -> AgentConfig:
    """A spawned agent, if there can be one of that name."""
    parse_agent_name(name)
    if name == MANAGER:
        raise InputError(
            f'"{MANAGER}" stands for the agent with that role', "name the agent otherwise"
        )
    agent = spawned_agent(hive, found.spawned or Spawned("", 0))
    uids = agent.uid_range(name)
    for other, settings in agents.items():
        if settings.uid_range(other) == uids:
            raise InputError(
                f"{name} would have the host uids {uids.base} to {uids.last}, which are {other}'s",
                "name the agent otherwise",
            )
    return agent


def _check(name: AgentName, agent: AgentConfig) -> None:
    alone = Declaration({name: agent}, frozenset({name}))
    for found in agent_problems(alone, name):
        if found.level is Level.ERROR:
            raise InputError(found.what, found.todo)


def _spawned_layer(hive: HiveSettings, place: Location, layer: Layer) -> Layer:
    """Of a spawned agent's own settings nothing is declared: they are the hive's or approved."""
    match place:
        case ("description",):
            return Layer.APPROVED
        case ("limits", field):
            return Layer.HIVE if field in hive.spawn.limits.model_fields_set else Layer.DEFAULT
        case ("network",):
            return Layer.HIVE if "network" in hive.spawn.model_fields_set else Layer.DEFAULT
        case _:
            return layer
