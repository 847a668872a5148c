"""Every path of a hive on disk. Nothing else joins paths from names.

All of them are made from a validated `AgentName`, so no path can leave its directory.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from hyperhive.hive.names import AgentName, container_name

DECLARED_HIVE: Final = Path("/etc/hyperhive/hive.json")
"""The declared hive of a NixOS host, written by its module."""
HOST_STATE: Final = Path("/var/lib/hyperhive")
HOST_RUN: Final = Path("/run/hyperhive")

RESOLVER: Final = Path("/run/hyperhive-resolver")
"""Directory of the resolv.conf of private networks, at the same place on the host and inside."""

CONTAINER_STATE: Final = Path("/state")
"""Where a container sees `AgentPaths.state`."""
CONTAINER_CLAUDE: Final = Path("/claude")
"""Where a container sees `AgentPaths.claude`."""
CONTAINER_SOCKETS: Final = Path("/run/hyperhive")
"""Where a container sees `AgentPaths.sockets`."""
CONTAINER_PROPOSED: Final = Path("/agents")
"""Where the manager's container sees `StatePaths.proposed`."""
CONTAINER_PROPOSALS: Final = Path("/applied")
"""Where the manager's container sees `StatePaths.proposals`."""


@dataclass(frozen=True, slots=True)
class AgentPaths:
    """What belongs to one agent.

    Attributes:
        home: everything of the agent that is kept.
        state: the agent's own directory: notes.md and work/.
        claude: claude's configuration directory (sessions, credentials).
        settings: agent.json of a harness that runs outside a container.
        proposed: what the manager's container sees of the agent.
        config: the repository in which the manager proposes changes to the agent.
        proposals: the broker's bare repository of pinned proposals.
        sockets: the directory that its container sees.
    """

    home: Path
    state: Path
    claude: Path
    settings: Path
    proposed: Path
    config: Path
    proposals: Path
    sockets: Path

    @property
    def harness_socket(self) -> Path:
        """The harness's connection to the broker."""
        return self.sockets / "harness.sock"

    @property
    def mcp_socket(self) -> Path:
        """The agent's MCP tools."""
        return self.sockets / "mcp.sock"

    @property
    def pty_socket(self) -> Path:
        """The agent's terminals."""
        return self.sockets / "pty.sock"

    @property
    def notes(self) -> Path:
        """The notes that the agent keeps from turn to turn."""
        return self.state / "notes.md"

    @property
    def work(self) -> Path:
        """The directory that claude runs in."""
        return self.state / "work"


@dataclass(frozen=True, slots=True)
class StatePaths:
    """The directories of one hive: `state` outlives a boot, `run` does not."""

    state: Path
    run: Path

    @classmethod
    def host_default(cls) -> Self:
        """The directories of a NixOS host."""
        return cls(HOST_STATE, HOST_RUN)

    @classmethod
    def local(cls, state: Path) -> Self:
        """The directories of a hive that runs without containers, all inside `state`."""
        return cls(state, state / "run")

    @property
    def store(self) -> Path:
        """The broker's SQLite file."""
        return self.state / "hive.sqlite"

    @property
    def operator_token(self) -> Path:
        """The secret that a browser shows to the operator plane (mode 0600)."""
        return self.state / "operator.token"

    @property
    def deploy(self) -> Path:
        """The rendered tree as a git repository, root's."""
        return self.state / "deploy"

    @property
    def approved(self) -> Path:
        """What was approved and deployed, one directory per agent, in the deploy repository."""
        return self.deploy / "approved"

    @property
    def agents(self) -> Path:
        """The directory with one directory per agent."""
        return self.state / "agents"

    @property
    def proposed(self) -> Path:
        """Where changes are proposed, one directory per agent; the manager writes below each."""
        return self.state / "proposed"

    @property
    def proposals(self) -> Path:
        """The broker's repositories, one per agent; the manager reads them."""
        return self.state / "proposals"

    @property
    def operator_socket(self) -> Path:
        """The operator plane: HTTP on a Unix socket."""
        return self.run / "operator.sock"

    def agent(self, name: AgentName) -> AgentPaths:
        """The paths of one agent."""
        home = self.agents / name
        return AgentPaths(
            home=home,
            state=home / "state",
            claude=home / "claude",
            settings=home / "agent.json",
            proposed=self.proposed / name,
            config=self.proposed / name / "config",
            proposals=self.proposals / name,
            sockets=self.run / "agents" / name,
        )


@dataclass(frozen=True, slots=True)
class ContainerPaths:
    """What belongs to an agent's container on a NixOS host, all of it root's.

    Attributes:
        name: `h-NAME`, the container's name.
        unit: its unit.
        conf: what nixos-containers reads of it.
        drop_in: settings of its unit.
        root: its file system.
        profiles: the directory that it sees as /nix/var/nix/profiles.
        gcroots: what keeps its programs from being collected.
        record: what was built for it and what it runs with.
    """

    name: str
    unit: str
    conf: Path
    drop_in: Path
    root: Path
    profiles: Path
    gcroots: Path
    record: Path

    @property
    def profile(self) -> Path:
        """The profile whose newest generation the container boots."""
        return self.profiles / "system"


@dataclass(frozen=True, slots=True)
class HostPaths:
    """Where a NixOS host keeps containers.

    Attributes:
        hive: the hive's own directories.
        confs: one `NAME.conf` for each container.
        units: drop-ins of units. On NixOS /etc/systemd/system is in the store.
        roots, profiles, gcroots: one directory for each container.
    """

    hive: StatePaths
    confs: Path = Path("/etc/nixos-containers")
    units: Path = Path("/run/systemd/system")
    roots: Path = Path("/var/lib/nixos-containers")
    profiles: Path = Path("/nix/var/nix/profiles/per-container")
    gcroots: Path = Path("/nix/var/nix/gcroots/per-container")

    @classmethod
    def default(cls) -> Self:
        """A NixOS host."""
        return cls(StatePaths.host_default())

    @property
    def records(self) -> Path:
        """What reconciling remembers of each agent."""
        return self.hive.deploy / ".reconciled"

    @property
    def transaction(self) -> Path:
        """The deploy that is under way, or was cut short."""
        return self.records / "transaction.json"

    def agent_source(self, name: AgentName) -> Path:
        """The directory of the flake that an agent's system is built from."""
        return self.hive.deploy / "agents" / name

    def container(self, name: AgentName) -> ContainerPaths:
        """The paths of one agent's container."""
        container = container_name(name)
        unit = f"container@{container}.service"
        return ContainerPaths(
            name=container,
            unit=unit,
            conf=self.confs / f"{container}.conf",
            drop_in=self.units / f"{unit}.d" / "hyperhive.conf",
            root=self.roots / container,
            profiles=self.profiles / container,
            gcroots=self.gcroots / container,
            record=self.records / f"{name}.json",
        )
