"""Looks at what the host has of an agent. Reads only."""

import os
from collections.abc import Mapping
from pathlib import Path

from hyperhive.deploy.marked_files import names_between, read_marked
from hyperhive.deploy.ownership import owner_of
from hyperhive.deploy.plan import Observed, Place
from hyperhive.deploy.record import Record
from hyperhive.deploy.sockets import groups_of_sockets
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.names import AgentName, parse_agent_name
from hyperhive.hive.paths import HostPaths
from hyperhive.systemd.unit_status import UnitStatus


def observe(place: Place, units: Mapping[str, UnitStatus]) -> Observed:
    """What the host has of an agent.

    Args:
        place: where.
        units: the units of containers that systemd has in memory, by name.

    Raises:
        HyperhiveError: something in the way was not made by hyperhive.
        OSError: something cannot be read.
    """
    agent, container = place.agent, place.container
    unit = units.get(container.unit)
    return Observed(
        home=owner_of(agent.home),
        state=owner_of(agent.state),
        claude=owner_of(agent.claude),
        proposed=owner_of(agent.proposed),
        config=owner_of(agent.config),
        sockets=owner_of(agent.sockets),
        socket_groups=groups_of_sockets(agent.sockets, place.broker),
        conf=read_marked(container.conf),
        drop_in=read_marked(container.drop_in),
        record=Record.read(container.record),
        system=_system(container.profile),
        active=unit.active if unit else "inactive",
        invocation=unit.invocation if unit else "",
        profiles=os.path.lexists(container.profiles) or os.path.lexists(container.gcroots),
        root=os.path.lexists(container.root),
        proposals=os.path.lexists(agent.proposals),
        approved=os.path.lexists(place.approved),
    )


def observe_former(place: Place, units: Mapping[str, UnitStatus]) -> Observed:
    """What the host has of a former agent: nothing of a container of its name that is not ours.

    Raises:
        HyperhiveError: something in the way was not made by hyperhive.
        OSError: something cannot be read.
    """
    try:
        read_marked(place.container.conf)
        read_marked(place.container.drop_in)
    except HyperhiveError:
        return Observed(
            home=owner_of(place.agent.home),
            proposed=owner_of(place.agent.proposed),
            sockets=owner_of(place.agent.sockets),
            proposals=os.path.lexists(place.agent.proposals),
            approved=os.path.lexists(place.approved),
        )
    return observe(place, units)


def agents_with_containers(host: HostPaths) -> set[AgentName]:
    """The agents of which there are definitions or records of containers, declared or not."""
    found = set()
    for directory, before, after in (
        (host.confs, "h-", ".conf"),
        (host.units, "container@h-", ".service.d"),
        (host.records, "", ".json"),
    ):
        for name in names_between(directory, before, after):
            try:
                found.add(parse_agent_name(name))
            except InputError:
                continue  # Somebody else's.
    return found


def _system(profile: Path) -> str:
    """The store path that a profile leads to; "" where it leads nowhere."""
    try:
        return os.fspath(profile.resolve(strict=True))
    except FileNotFoundError:
        return ""
