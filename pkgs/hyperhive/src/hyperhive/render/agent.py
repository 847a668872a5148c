"""The files of one agent: its NixOS configuration, its flake, its container and that one's unit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from hyperhive.errors import InputError
from hyperhive.hive.host_paths import NIX_DAEMON
from hyperhive.hive.models import AgentConfig, Bind, HiveConfig, Inputs, Network, Role
from hyperhive.hive.names import AgentName, container_name
from hyperhive.hive.paths import (
    CONTAINER_CLAUDE,
    CONTAINER_PROPOSALS,
    CONTAINER_PROPOSED,
    CONTAINER_SOCKETS,
    CONTAINER_STATE,
    RESOLVER,
    AgentPaths,
    HostPaths,
    StatePaths,
)
from hyperhive.render.conf import NspawnFlag
from hyperhive.render.network import link
from hyperhive.render.nix_literal import NixValue
from hyperhive.render.settings import credential_name, declared_agent
from hyperhive.render.system_prompt import system_prompt
from hyperhive.render.templates import fill

DEFAULT_FLAKE_ATTRIBUTE = "container"
"""What `nixos-container update` builds of the flake that a conf file names."""

PROFILES: Final = Path("/nix/var/nix/profiles")
"""Where a container sees its own profiles, and boots from."""
GC_ROOTS: Final = Path("/nix/var/nix/gcroots")


@dataclass(frozen=True, slots=True)
class Host:
    """Where things lie on the host that the tree is rendered for.

    Attributes:
        paths: the hive's directories.
        deploy: the directory that the rendered tree is deployed to.
    """

    paths: StatePaths
    deploy: Path

    @classmethod
    def default(cls) -> Self:
        """A NixOS host."""
        paths = StatePaths.host_default()
        return cls(paths, paths.deploy)


def agent_files(hive: HiveConfig, name: AgentName, host: Host) -> dict[str, bytes]:
    """Return the files of agent `name` by their paths in the tree.

    Raises:
        InputError: the hive has no such agent, or a value cannot stand where it belongs.
    """
    agent = declared_agent(hive, name)
    container = container_name(name)
    paths = host.paths.agent(name)
    try:
        texts = {
            f"agents/{name}/agent.nix": _agent_nix(hive, name, agent),
            f"agents/{name}/flake.nix": _flake_nix(hive, name),
            f"containers/{container}.conf": _container_conf(name, agent, host),
            f"containers/{container}.service.d/hyperhive.conf": _unit_conf(
                hive, name, agent, paths
            ),
        }
    except InputError as error:
        raise InputError(f"agents.{name}: {error.what}", error.todo) from error
    return {path: text.encode() for path, text in texts.items()}


def flake_inputs(inputs: Inputs) -> NixValue:
    """Return the `inputs` of a rendered flake; both stand on one nixpkgs."""
    return {
        "hyperhive": {"url": inputs.hyperhive, "inputs": {"nixpkgs": {"follows": "nixpkgs"}}},
        "nixpkgs": {"url": inputs.nixpkgs},
    }


def _agent_nix(hive: HiveConfig, name: AgentName, agent: AgentConfig) -> str:
    options: dict[str, NixValue] = {
        "enable": True,
        "name": name,
        "hive": hive.hive.name,
        "role": agent.role.value,
        "description": agent.description,
        "icon": agent.icon,
        "model": hive.model_of(name),
        "claude": hive.hive.claude,
        "bash": {"allow": agent.bash.allow, "deny": agent.bash.deny},
        "tools": {
            "available": agent.tools.available,
            "allow": agent.tools.allow,
            "deny": agent.tools.deny,
        },
        "packages": agent.packages,
        "mcp": {
            server: {
                "command": declared.command,
                "args": declared.args,
                "environment": declared.environment,
                "tools": declared.tools,
            }
            for server, declared in agent.mcp.items()
        },
        "environment": agent.environment,
        "credentials": sorted(agent.credentials),
        "systemPrompt": system_prompt(hive, name),
        "turnSeconds": agent.limits.turn_seconds,
        "network": agent.network.value,
        "nixDaemon": agent.nix_daemon,
        "uidBase": agent.uid_range(name).base,
        "stateVersion": hive.hive.state_version,
    }
    return fill("agent.nix.j2", {"agent": options, "extra_nix": agent.extra_nix})


def _flake_nix(hive: HiveConfig, name: AgentName) -> str:
    return fill(
        "agent-flake.nix.j2",
        {
            "description": f"Agent {name} of the hive {hive.hive.name}",
            "inputs": flake_inputs(hive.hive.inputs),
            "system": hive.hive.system,
            "names": sorted({name, DEFAULT_FLAKE_ATTRIBUTE}),
        },
    )


def _container_conf(name: AgentName, agent: AgentConfig, host: Host) -> str:
    uids = agent.uid_range(name)
    isolated = agent.network is not Network.HOST
    return fill(
        "container.conf.j2",
        {
            "container": container_name(name),
            # path: takes the directory as it is; a bare path would be read as the git repository
            # around it, of which Nix sees only what is tracked.
            "flake": f"path:{host.deploy}/agents/{name}",
            "auto_start": int(agent.autostart),
            "uid_base": uids.base,
            "private_network": int(isolated),
            "link": link(uids) if agent.network is Network.PRIVATE else None,
            # On a network of its own the container has the name servers that lead out of it.
            "copy_resolv_conf": int(agent.network is Network.HOST),
            "flags": _nspawn_flags(name, agent, host.paths),
        },
    )


def _nspawn_flags(name: AgentName, agent: AgentConfig, hive: StatePaths) -> list[NspawnFlag]:
    paths = hive.agent(name)
    own = [
        (paths.state, CONTAINER_STATE),
        (paths.claude, CONTAINER_CLAUDE),
        (paths.sockets, CONTAINER_SOCKETS),
    ]
    read = []
    if agent.role is Role.MANAGER:
        # With those of every agent in it, so that those of a new one are there without a restart.
        own.append((hive.proposed, CONTAINER_PROPOSED))
        read.append((hive.proposals, CONTAINER_PROPOSALS))
    resolver = [_shown(RESOLVER, RESOLVER)]
    # What is built with the host's daemon is built on the host: fixed-output derivations on its
    # network, all of them beyond the container's limits. Read-only, so that NixOS's own daemon is
    # not started there (ConditionPathIsReadWrite=) if an extra.nix enables it.
    no_daemon = NspawnFlag("--tmpfs", (str(NIX_DAEMON), "ro,mode=0755"), "the hive's directories")
    return [
        # For a number in PRIVATE_USERS nspawn leaves the tree's owners alone unless told.
        NspawnFlag("--private-users-ownership", ("chown",), "uid_base"),
        *(
            NspawnFlag("--bind", (str(source), str(target)), "the hive's directories")
            for source, target in own
        ),
        *(_shown(source, target) for source, target in read),
        *(resolver if agent.network is Network.PRIVATE else []),
        *(_bind(bind, index) for index, bind in enumerate(agent.binds)),
        *(
            NspawnFlag(
                "--load-credential", (credential_name(variable), path), f"credentials.{variable}"
            )
            for variable, path in sorted(agent.credentials.items())
        ),
        # The start script binds both for writing and with mapped owners: the container's root could
        # leave a program there that is setuid for the host's. Of mounts at one place nspawn makes a
        # tmpfs after a bind, and binds in the order of the flags: these cover the start script's.
        _shown(HostPaths(hive).container(name).profiles, PROFILES),
        NspawnFlag("--tmpfs", (str(GC_ROOTS),), "the hive's directories"),
        *([] if agent.nix_daemon else [no_daemon]),
    ]


def _shown(source: Path, target: Path) -> NspawnFlag:
    """A directory of the host that the container reads and does not write."""
    return NspawnFlag("--bind-ro", (str(source), str(target)), "the hive's directories")


def _bind(bind: Bind, index: int) -> NspawnFlag:
    option = "--bind" if bind.writable else "--bind-ro"
    return NspawnFlag(option, (bind.source, bind.target), f"binds[{index}]")


def _unit_conf(hive: HiveConfig, name: AgentName, agent: AgentConfig, paths: AgentPaths) -> str:
    return fill(
        "container-unit.conf.j2",
        {
            "container": container_name(name),
            "name": name,
            "hive": hive.hive.name,
            "home": str(paths.home),
            "limits": agent.limits,
            "isolated": agent.network is not Network.HOST,
            "connected": agent.network is Network.PRIVATE,
        },
    )
