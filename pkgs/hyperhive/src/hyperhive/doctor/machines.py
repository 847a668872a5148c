"""Containers that run now, as systemd-machined knows them (machinectl(1))."""

from pathlib import Path

from hyperhive.doctor.ask import Unknown, not_seen, said
from hyperhive.doctor.facts import Taken
from hyperhive.doctor.ids import parse_id_map
from hyperhive.doctor.mounts import Mount, parse_mounts
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import container_name


def leaders() -> dict[str, int] | Unknown:
    """Running machines, each with the process id of its init on the host."""
    match said("machinectl", "list", "--no-legend", "--no-pager"):
        case Unknown() as unknown:
            return unknown
        case text:
            names = [line.split()[0] for line in text.splitlines() if line.split()]
    found = {}
    for name in names:
        match said("machinectl", "show", "--property=Leader", "--value", "--", name):
            case str() as leader if leader.strip().isdecimal():
                found[name] = int(leader)
            case _:
                pass  # it has ended meanwhile
    return found


def machine_ids(machines: dict[str, int] | Unknown) -> tuple[Taken, ...] | Unknown:
    """The ids of the host that running containers have."""
    if isinstance(machines, Unknown):
        return machines
    taken: list[Taken] = []
    for name, leader in machines.items():
        try:
            taken += parse_id_map(Path(f"/proc/{leader}/uid_map").read_text(), "uid", name)
            taken += parse_id_map(Path(f"/proc/{leader}/gid_map").read_text(), "gid", name)
        except FileNotFoundError:
            continue  # it has ended meanwhile
        except OSError as error:
            return not_seen(error)
    return tuple(taken)


def machine_mounts(
    hive: HiveConfig, machines: dict[str, int] | Unknown
) -> dict[str, tuple[Mount, ...] | Unknown] | Unknown:
    """What is mounted in each running container of the hive, by the agent's name."""
    if isinstance(machines, Unknown):
        return machines
    found: dict[str, tuple[Mount, ...] | Unknown] = {}
    for agent in hive.agents:
        leader = machines.get(container_name(agent))
        if leader is None:
            continue
        try:
            found[agent] = parse_mounts(Path(f"/proc/{leader}/mountinfo").read_text())
        except FileNotFoundError:
            continue  # it has ended meanwhile
        except OSError as error:
            found[agent] = not_seen(error)
    return found
