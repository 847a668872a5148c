"""Which agent `hyperhive logs NAME` means: one that this host has or had."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from hyperhive.errors import InputError
from hyperhive.hive.names import AgentName, container_name
from hyperhive.hive.paths import HostPaths
from hyperhive.hive.problems import InvalidHive
from hyperhive.systemd.journal_reader import can_read_journal, of_agent, open_journal

_CONTAINER: Final = container_name(AgentName(""))
"""How the names of containers begin."""


def agent_of_host(
    name: AgentName, host: HostPaths, declared: Path, note: Callable[[str], None]
) -> AgentName:
    """The agent of that name; `manager` is the one with that role.

    What this user may not look into proves nothing: the agent may be there.

    Args:
        declared: the declaration of the host's hive.
        note: is told, in a line, why it is not known whether there is such an agent.

    Raises:
        InputError: there is none, and nothing is left of a former one, not even in the journal.
        HyperhiveError, OSError: the journal cannot be read.
    """
    container = host.container(name)
    left = [container.conf, container.record, container.root, host.hive.agent(name).home]
    there = [_is_there(path) for path in left]
    if any(there):
        return name
    # Not at the start: most names are found without it, and it takes a quarter of a second.
    from hyperhive.hive.explain import find_agent
    from hyperhive.hive.load import load_hive

    agents: set[str] = set()
    try:
        if _is_there(declared) is not False:
            hive = load_hive(declared)
            agents.update(hive.agents)
            return find_agent(hive, name)
    except InvalidHive as error:
        note(f"whether there is an agent {name} is not known: {error.what}")
        return name
    except InputError:
        pass  # None is declared.
    if None in there:
        note(f"no agent {name} is declared; whether there was one you may not see: use sudo")
    elif not _in_journal(name, container.unit):
        names = ", ".join(sorted(agents | _left(host)))
        todo = f"use one of: {names}" if names else f"a host's agents are declared in {declared}"
        raise InputError(f"there is and was no agent {name!a} on this host", todo)
    return name


def _is_there(path: Path) -> bool | None:
    """Whether there is something; None: it cannot be seen."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None
    return True


def _in_journal(name: AgentName, unit: str) -> bool:
    """Whether the host's journal has something of an agent: it may be purged."""
    if not can_read_journal():
        return False
    with open_journal(of_agent(name, unit, None)) as reader:
        reader.seek_tail()
        return bool(reader.get_previous())


def _left(host: HostPaths) -> set[str]:
    """The agents that have left something."""
    names: set[str] = set()
    for directory, before in ((host.hive.agents, ""), (host.roots, _CONTAINER)):
        with suppress(OSError):
            found = [entry.name for entry in directory.iterdir()]
            names.update(one.removeprefix(before) for one in found if one.startswith(before))
    return names
