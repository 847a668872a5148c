"""What runs of a hive: what its broker says, and what systemd says of the units on this host."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.systems import System, system_of
from hyperhive.doctor.units import HOST_UNITS, IN_MEMORY, Unit, in_order, units
from hyperhive.errors import HyperhiveError
from hyperhive.hive.load import load_hive
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import HostPaths
from hyperhive.hive.tables import Network
from hyperhive.hive.uids import UidRange
from hyperhive.operator.broker_model import Broker
from hyperhive.operator.client import connect
from hyperhive.operator.hosting_models import Container
from hyperhive.operator.models import Agent
from hyperhive.store.container_states import ContainerState, Wanted

SECONDS: Final = 5.0
"""How long the broker may take for an answer: systemd may hold its socket and have none running."""

CONTAINER_UNITS: Final = "container@h-*.service"


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """One declared agent.

    Attributes:
        state: of the agent; None: no broker tells.
        container: what the broker was told of its container; None: nothing.
        unit: ActiveState of its container's unit; None: it is not in memory, so it does not run.
        system: what its container boots; None: there is nothing, or it cannot be seen.
        harness, claude: versions; None: no harness has told.
    """

    name: str
    state: str | None
    container: ContainerState | None
    wanted: Wanted | None
    unit: str | None
    first_uid: int
    last_uid: int
    network: Network
    system: System | None
    harness: str | None
    claude: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """An agent without a container, whose state is kept."""

    name: str
    declared: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """A hive.

    Attributes:
        trouble: why the broker does not answer; None: it does.
        units: those of the host, in order; None: a hive without containers has none.
    """

    broker: Broker | None
    trouble: HyperhiveError | None
    units: tuple[Unit, ...] | Unknown | None
    agents: tuple[AgentStatus, ...]
    kept: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    """What the broker tells."""

    broker: Broker
    agents: list[Agent]
    containers: list[Container]


def status_of(socket: Path, host: HostPaths, declared: Path) -> Status:
    """The hive behind an operator socket.

    Args:
        host: where this host has its one hive in containers.
        declared: the declaration of that hive, for when no broker tells.
    """
    told = _ask(socket)
    on_host = socket == host.hive.operator_socket
    known = units([*HOST_UNITS, IN_MEMORY, CONTAINER_UNITS]) if on_host else None
    running = known if isinstance(known, dict) else {}
    if isinstance(told, _Told):
        agents = tuple(_one(agent, running, host if on_host else None) for agent in told.agents)
    else:
        hive = _declared(declared) if on_host else None
        agents = () if hive is None else tuple(_declared_agents(hive, running, host))
    return Status(
        broker=told.broker if isinstance(told, _Told) else None,
        trouble=None if isinstance(told, _Told) else told,
        units=in_order(known, HOST_UNITS) if isinstance(known, dict) else known,
        agents=agents,
        kept=kept(told.containers) if isinstance(told, _Told) else (),
    )


def kept(containers: Iterable[Container]) -> tuple[Kept, ...]:
    """Agents without a container whose state is still there: destroyed, or declared no more."""
    return tuple(
        Kept(one.agent, one.declared, "destroyed" if one.declared else "no longer declared")
        for one in containers
        if one.wanted is not Wanted.PURGED and (not one.declared or one.wanted is Wanted.DESTROYED)
    )


def _ask(socket: Path) -> _Told | HyperhiveError:
    try:
        with connect(socket, SECONDS, patience=0) as client:
            return _Told(client.broker(), client.agents(), client.containers())
    except HyperhiveError as error:
        return error


def _declared(file: Path) -> HiveConfig | None:
    try:
        return load_hive(file)
    except (HyperhiveError, OSError):
        return None  # The broker's absence is what the reader is told of.


def _one(agent: Agent, running: Mapping[str, Unit], host: HostPaths | None) -> AgentStatus:
    uids = UidRange(agent.uid_base)
    name = AgentName(agent.name)
    return AgentStatus(
        name=name,
        state=agent.state,
        container=agent.container,
        wanted=agent.wanted,
        unit=None if host is None else _active(running, host, name),
        first_uid=uids.base,
        last_uid=uids.last,
        network=agent.network,
        system=None if host is None else system_of(host, name),
        harness=agent.harness,
        claude=agent.claude,
    )


def _declared_agents(
    hive: HiveConfig, running: Mapping[str, Unit], host: HostPaths
) -> Iterable[AgentStatus]:
    for name, agent in hive.agents.items():
        uids = agent.uid_range(name)
        yield AgentStatus(
            name=name,
            state=None,
            container=None,
            wanted=None,
            unit=_active(running, host, name),
            first_uid=uids.base,
            last_uid=uids.last,
            network=agent.network,
            system=system_of(host, name),
            harness=None,
            claude=None,
        )


def _active(running: Mapping[str, Unit], host: HostPaths, name: AgentName) -> str | None:
    unit = running.get(host.container(name).unit)
    return None if unit is None else unit.active
