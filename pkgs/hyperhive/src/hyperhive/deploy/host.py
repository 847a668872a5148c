"""A host, and the right to change it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

from hyperhive.deploy.host_lock import locked
from hyperhive.deploy.ownership import trusted_directory
from hyperhive.deploy.plan import Place
from hyperhive.deploy.starting import Units
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import HostPaths

CONTAINERS: Final = "container@h-*.service"

ConnectUnits: TypeAlias = Callable[[], AbstractContextManager[Units]]
"""Opens a connection to systemd: `systemd.units.UnitBus`."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host that can be reconciled.

    Attributes:
        paths: where everything is.
        broker: uid of the broker, which listens on the agents' sockets.
        units: systemd.
        progress: told in a line what takes long.
    """

    paths: HostPaths
    broker: int
    units: ConnectUnits
    progress: Callable[[str], None]

    def place(self, name: AgentName) -> Place:
        """Where an agent lies."""
        paths = self.paths
        return Place(
            paths.hive.agent(name),
            paths.container(name),
            paths.hive.approved / name,
            self.broker,
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else changes the host meanwhile; waits for whoever does.

        Raises:
            HyperhiveError: a directory is not root's alone.
            OSError: one cannot be made.
        """
        hive = self.paths.hive
        for directory in (
            hive.deploy,
            hive.approved,
            hive.agents,
            hive.proposed,
            self.paths.records,
        ):
            trusted_directory(directory)
        with locked(self.paths.records / "lock"):
            # What nobody is writing any more.
            for half in self.paths.records.glob(".*.new"):
                half.unlink()
            yield
