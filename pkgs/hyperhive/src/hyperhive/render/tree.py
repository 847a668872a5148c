"""The rendered tree in memory: what `hyperhive render` emits, bytes by path.

Pure: the same hive and host give the same bytes.
"""

import json

from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.render.agent import Host, agent_files, flake_inputs
from hyperhive.render.templates import fill


def render_hive(hive: HiveConfig, host: Host) -> dict[str, bytes]:
    """Return the whole tree of a hive.

    Raises:
        InputError: a value cannot stand where it belongs.
    """
    files = render_top(hive)
    for name in hive.agents:
        files |= agent_files(hive, name, host)
    return dict(sorted(files.items()))


def render_top(hive: HiveConfig) -> dict[str, bytes]:
    """Return the files of the tree that are of no one agent.

    Raises:
        InputError: a value cannot stand where it belongs.
    """
    return {"flake.nix": _flake_nix(hive).encode(), "hive.json": _hive_json(hive).encode()}


def render_agent(hive: HiveConfig, name: AgentName, host: Host) -> dict[str, bytes]:
    """Return the part of the tree that belongs to agent `name` alone.

    Raises:
        InputError: the hive has no such agent, or a value cannot stand where it belongs.
    """
    return dict(sorted(agent_files(hive, name, host).items()))


def effective_hive(hive: HiveConfig) -> HiveConfig:
    """Return `hive` with what follows from it written out: each agent's model and uid range.

    Rendering it gives the same tree.
    """
    agents = {
        name: agent.model_copy(
            update={"model": hive.model_of(name), "uid_base": agent.uid_range(name).base}
        )
        for name, agent in hive.agents.items()
    }
    return hive.model_copy(update={"agents": agents})


def _hive_json(hive: HiveConfig) -> str:
    values = effective_hive(hive).model_dump(mode="json")
    return json.dumps(values, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _flake_nix(hive: HiveConfig) -> str:
    return fill(
        "flake.nix.j2",
        {
            "description": f"Agents of the hive {hive.hive.name}",
            "inputs": flake_inputs(hive.hive.inputs),
            "system": hive.hive.system,
            "names": sorted(hive.agents),
        },
    )
