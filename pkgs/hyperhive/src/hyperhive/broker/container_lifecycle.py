"""Agents in containers: the broker writes down what is wanted, and has systemd do it."""

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Final, Protocol

from hyperhive.broker.core import Core
from hyperhive.broker.lifecycle import by_whom
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import OPERATOR, AgentName
from hyperhive.hive.paths import HostPaths
from hyperhive.store import containers
from hyperhive.store.container_rows import GONE, ContainerRow
from hyperhive.store.container_states import Wanted

UNIT_SECONDS: Final = 300.0
"""How long a unit may take to start or stop."""

DEPLOY_SECONDS: Final = 6 * 3600.0
"""How long root's unit may take with an approval. It builds, and before that it may have to wait
for a reconciliation that builds others; whoever waited for less would take it for one that failed.
"""


class Units(Protocol):
    """Does what systemd does with a unit, and waits for its end.

    Every method raises HyperhiveError, which names the unit, if that fails or takes too long.
    """

    async def start(self, unit: str, seconds: float = UNIT_SECONDS) -> None:
        """Starts a unit; of a oneshot, until it has ended. Waits at most `seconds` for it."""

    async def stop(self, unit: str) -> None:
        """Stops a unit."""

    async def restart(self, unit: str) -> None:
        """Stops a unit, if it runs, and starts it."""


class ContainerLifecycle:
    """A `Lifecycle`. What is wanted is on disk before systemd is asked.

    Containers are made, changed and removed by root, in a oneshot unit for one agent or for one
    approval; it reads from the broker what is wanted.
    """

    def __init__(self, core: Core, units: Units, host: HostPaths | None = None) -> None:
        """Args: host: where containers are; None: where a NixOS host has them."""
        self._core = core
        self._units = units
        self._host = HostPaths.default() if host is None else host
        self._deploying: defaultdict[AgentName, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._approvals: set[int] = set()
        """Those that root's unit is at. Root does one thing at a time, and a build takes long."""

    def container_files(self, agent: AgentName) -> Path:
        """Where an agent's container keeps its own files."""
        return self._host.container(agent).root

    async def start(self, agent: AgentName, by: str) -> None:
        """Starts an agent's container; makes it first, if it is not whole."""
        before = await self._want(agent, Wanted.RUNNING, f"started {by_whom(by)}", by)
        if self._is_to_be_made(agent, before):
            await self._deploy(agent)
        else:
            await self._units.start(self._unit(agent))

    async def stop(self, agent: AgentName, reason: str, by: str) -> None:
        """Stops an agent's container."""
        await self._want(agent, Wanted.STOPPED, reason, by)
        await self._units.stop(self._unit(agent))

    async def restart(self, agent: AgentName, reason: str, by: str) -> None:
        """Restarts an agent's container; makes it first, if it is not whole."""
        before = await self._want(agent, Wanted.RUNNING, reason, by)
        if self._is_to_be_made(agent, before):
            await self._deploy(agent)
        else:
            await self._units.restart(self._unit(agent))

    async def destroy(self, agent: AgentName, reason: str) -> None:
        """Has root remove an agent's container."""
        await self._want(agent, Wanted.DESTROYED, reason, OPERATOR)
        await self._deploy(agent)

    async def purge(self, agent: AgentName, reason: str) -> None:
        """Has root remove what a destroyed or former agent has left."""
        # One that was spawned is no member of the hive from here on.
        await self._core.approvals.purge(agent, reason)
        await self._deploy(agent)

    async def deploy(self, approval: int, agent: AgentName) -> None:
        """Has root's unit do an approval, and waits for the unit's end."""
        self._approvals.add(approval)
        try:
            await self._units.start(f"hyperhive-deploy@{approval}.service", DEPLOY_SECONDS)
        finally:
            self._approvals.discard(approval)

    async def _want(self, agent: AgentName, wanted: Wanted, reason: str, by: str) -> ContainerRow:
        core = self._core
        return await core.store.write(
            containers.want,
            agent,
            wanted,
            reason,
            by=by,
            manager=core.hive.manager,
            now=core.clock(),
        )

    def _is_to_be_made(self, agent: AgentName, before: ContainerRow) -> bool:
        """Whether there is no whole container, or will be none in a moment.

        systemd would start what there is: without the settings of its unit, which a boot takes
        away, one without limits; without a profile, one that has no system.
        """
        container = self._host.container(agent)
        parts = (container.conf, container.drop_in, container.profile)
        return (
            before.wanted in GONE
            or self._deploying[agent].locked()
            or not all(part.exists() for part in parts)
        )

    async def _deploy(self, agent: AgentName) -> None:
        # To start a unit that is starting is to wait for that start, which may have read an older
        # wish: so one after the other.
        async with self._deploying[agent]:
            try:
                await self._units.start(f"hyperhive-deploy@{agent}.service")
            except HyperhiveError as error:
                if not self._approvals:
                    raise
                ids = ", ".join(map(str, sorted(self._approvals)))
                raise HyperhiveError(
                    f"{agent}: not done yet, since root is at approval {ids}: {error.what}",
                    "what you want is written down and is done after that; see hyperhive status",
                ) from error

    def _unit(self, agent: AgentName) -> str:
        return self._host.container(agent).unit
