"""Checks that look at agents together, or at more than one value of an agent."""

from collections import defaultdict
from collections.abc import Iterator

from hyperhive.hive.host_paths import shows_nix_daemon
from hyperhive.hive.limits import USEFUL_MEMORY, memory_bytes
from hyperhive.hive.models import HiveConfig, Spawn
from hyperhive.hive.names import MANAGER, OPERATOR, RESERVED, AgentName
from hyperhive.hive.problems import NOTHING, Level, Location, Problem, problem
from hyperhive.hive.rule_checks import rule_problems
from hyperhive.hive.shape import Declaration
from hyperhive.hive.spelling import did_you_mean
from hyperhive.hive.tables import Network, Role
from hyperhive.hive.uids import SLOTS, UidRange, slot_range, uid_range


def declaration_problems(declaration: Declaration) -> Iterator[Problem]:
    """Every problem that a validated value alone does not show."""
    yield from _managers(declaration)
    yield from _uid_ranges(declaration)
    known = _known_recipients(declaration)
    for name, agent in declaration.agents.items():
        yield from _recipients(declaration, name, known)
        yield from agent_problems(declaration, name)
        yield from rule_problems(declaration, name, agent)


def hive_problems(hive: HiveConfig) -> Iterator[Problem]:
    """What the settings of the hive and its agents say against each other."""
    spawn = hive.hive.spawn
    # Its default says nothing, and the NixOS module writes that out too.
    if spawn.most and spawn != Spawn() and hive.manager is None:
        yield problem(
            Level.WARNING,
            ("hive", "spawn"),
            NOTHING,
            "no agent has the role manager, so none will be asked for",
            'set role = "manager" for one agent',
        )


def agent_problems(declaration: Declaration, name: AgentName) -> Iterator[Problem]:
    """What is wrong with one agent, whoever else there is, apart from its rules."""
    yield from _environment(declaration, name)
    yield from _binds(declaration, name)
    yield from _isolation(declaration, name)


def _managers(declaration: Declaration) -> Iterator[Problem]:
    managers = [n for n, agent in declaration.agents.items() if agent.role is Role.MANAGER]
    for name in managers[1:]:
        yield problem(
            Level.ERROR,
            ("agents", name, "role"),
            MANAGER,
            f"{managers[0]} is the manager already, and a hive has one",
            f'set role = "agent" for {managers[0]} or for {name}',
        )
    alias = declaration.agents.get(AgentName(MANAGER))
    if alias and alias.role is not Role.MANAGER and not _role_is_broken(declaration, MANAGER):
        yield problem(
            Level.ERROR,
            ("agents", MANAGER),
            NOTHING,
            "the name stands for the agent whose role is manager",
            'set role = "manager", or name the agent otherwise',
        )


def _role_is_broken(declaration: Declaration, name: str) -> bool:
    return ("agents", name, "role") in declaration.broken


def _uid_ranges(declaration: Declaration) -> Iterator[Problem]:
    owners: dict[UidRange, list[AgentName]] = defaultdict(list)
    for name, agent in declaration.agents.items():
        if ("agents", name, "uid_base") not in declaration.broken:
            owners[agent.uid_range(name)].append(name)
    # Where every range is taken there is nothing to suggest; no host runs 28,664 containers.
    free = (slot_range(slot) for slot in range(SLOTS) if slot_range(slot) not in owners)
    for shared, names in owners.items():
        for name in names[1:]:
            explicit = declaration.agents[name].uid_base
            suggestion = next(free, uid_range(name))
            yield problem(
                Level.ERROR,
                ("agents", name, "uid_base"),
                NOTHING if explicit is None else explicit,
                f"{names[0]} and {name} share the host uids {shared.base} to {shared.last}",
                f"set uid_base of agents.{name}, for example {suggestion.base}",
            )


def _known_recipients(declaration: Declaration) -> frozenset[str]:
    managed = any(
        agent.role is Role.MANAGER or _role_is_broken(declaration, name)
        for name, agent in declaration.agents.items()
    )
    return declaration.names | {OPERATOR} | ({MANAGER} if managed else set())


def _recipients(
    declaration: Declaration, sender: AgentName, known: frozenset[str]
) -> Iterator[Problem]:
    for index, recipient in enumerate(declaration.agents[sender].recipients):
        if recipient in known:
            continue
        if recipient == MANAGER:
            message, todo = "no agent has the role manager", 'set role = "manager" for one agent'
        elif recipient in RESERVED:
            message, todo = "not a recipient", "leave recipients empty to allow everyone"
        else:
            message = "there is no such agent"
            todo = did_you_mean(recipient, known, f"declare [agents.{recipient}] too")
        yield _error(declaration, ("agents", sender, "recipients", index), recipient, message, todo)


def _environment(declaration: Declaration, name: AgentName) -> Iterator[Problem]:
    agent = declaration.agents[name]
    for variable in sorted(agent.environment.keys() & agent.credentials.keys()):
        yield problem(
            Level.ERROR,
            ("agents", name, "environment", variable),
            NOTHING,
            "declared under credentials too",
            f"keep {variable} in one of the two",
        )


def _binds(declaration: Declaration, name: AgentName) -> Iterator[Problem]:
    agent = declaration.agents[name]
    targets: set[str] = set()
    for index, bind in enumerate(agent.binds):
        if shows_nix_daemon(bind.source) and not agent.nix_daemon:
            yield _error(
                declaration,
                ("agents", name, "binds", index, "source"),
                bind.source,
                "would show the agent the host's Nix daemon",
                "bind something else, or set nix_daemon = true",
            )
        if bind.target in targets:
            yield _error(
                declaration,
                ("agents", name, "binds", index, "target"),
                bind.target,
                "something else is bound there already",
                "choose another target",
            )
        targets.add(bind.target)


def _isolation(declaration: Declaration, name: AgentName) -> Iterator[Problem]:
    agent = declaration.agents[name]
    here: Location = ("agents", name)
    if agent.network is Network.HOST:
        yield problem(
            Level.WARNING,
            (*here, "network"),
            agent.network.value,
            "the agent reaches everything that listens on the host",
            'use "private" unless it must',
        )
    if agent.network is Network.NONE:
        yield problem(
            Level.WARNING,
            (*here, "network"),
            agent.network.value,
            "the agent cannot reach the model's API either",
            'use "private", or bind a socket that leads to the API',
        )
    if agent.nix_daemon and agent.network is Network.NONE:
        yield problem(
            Level.ERROR,
            (*here, "nix_daemon"),
            NOTHING,
            "builds have the host's network, and the agent is to have none",
            'leave it out, or set network = "private"',
        )
    elif agent.nix_daemon:
        yield problem(
            Level.WARNING,
            (*here, "nix_daemon"),
            NOTHING,
            "builds run on the host, on its network and beyond the container's limits",
            "leave it out unless the agent must build",
        )
    memory = memory_bytes(agent.limits.memory) if agent.limits.memory else None
    if memory is not None and memory < USEFUL_MEMORY:
        yield problem(
            Level.WARNING,
            (*here, "limits", "memory"),
            agent.limits.memory,
            "claude alone takes about 230 MB, so turns may be killed",
            "use 1G or more",
        )


def _error(
    declaration: Declaration, location: Location, value: object, message: str, todo: str
) -> Problem:
    return problem(Level.ERROR, declaration.original(location), value, message, todo)
