"""A host with containers whose systemd only writes down what it is asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperhive.broker.container_lifecycle import UNIT_SECONDS, ContainerLifecycle
from hyperhive.broker.core import Core
from hyperhive.errors import HyperhiveError
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import HostPaths, StatePaths
from hyperhive.store import listing
from tests.integration.broker.plane import HIVE, until
from tests.integration.operator.serving import Operator, served


@dataclass
class FakeUnits:
    """systemd, as the broker asks it.

    Attributes:
        asked: verb and unit of each call, with what was wanted on disk at that moment.
        refusal: what to answer; "" to do as asked.
        called: set by the first call.
        open: cleared, calls wait.
        free: a unit about which calls never wait.
    """

    core: Core
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    refusal: str = ""
    called: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    free: str = ""

    async def start(self, unit: str, seconds: float = UNIT_SECONDS) -> None:
        await self._do("start", unit)

    async def stop(self, unit: str) -> None:
        await self._do("stop", unit)

    async def restart(self, unit: str) -> None:
        await self._do("restart", unit)

    async def _do(self, verb: str, unit: str) -> None:
        agent = unit.partition("@")[2].removeprefix("h-").removesuffix(".service")
        row = await self.core.store.read(listing.agent, agent)
        self.asked.append((verb, unit, None if row is None else row["wanted"]))
        self.called.set()
        if unit != self.free:
            await self.open.wait()
        if self.refusal:
            raise HyperhiveError(f"{unit}: {self.refusal}", f"see journalctl -u {unit}")


@dataclass
class ContainerHost:
    """The operator of a host with containers.

    Attributes:
        paths: where its containers are; alice and boss have one.
    """

    operator: Operator
    units: FakeUnits
    paths: HostPaths

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """What the broker answers; it must be with `status`."""
        return await self.operator.ask(method, path, body, status=status)

    async def container(self, agent: str) -> dict[str, Any]:
        """What the list says of an agent's container."""
        return next(one for one in await self.ask("GET", "containers") if one["agent"] == agent)

    async def wished(self, agent: str, reason: str) -> None:
        """Waits until something is wanted of an agent for that reason."""

        async def look() -> bool:
            return bool((await self.container(agent))["wanted_reason"] == reason)

        await until(self.operator.core, f"a wish of {agent}'s: {reason}", look)

    async def report(self, agent: str, state: str, **more: Any) -> dict[str, Any]:
        """What systemd does is reported; the container as it is known then."""
        seen = {"state": state, "at": self.operator.core.clock(), **more}
        answer: dict[str, Any] = await self.ask("POST", f"containers/{agent}/report", seen)
        return answer

    async def notices(self, reader: str) -> list[dict[str, Any]]:
        """Notices of the hive to somebody."""
        found = await self.ask("GET", f"messages?agent={reader}&limit=1000")
        return [one for one in found if one["kind"] == "notice" and one["to"] == reader]

    async def events(self, kind: str) -> list[dict[str, Any]]:
        """The data of all events of a kind."""
        found = await self.ask("GET", "events?after=0&limit=1000")
        return [one["data"] for one in found if one["kind"] == kind]


@asynccontextmanager
async def container_host(state: Path, hive: HiveConfig = HIVE) -> AsyncIterator[ContainerHost]:
    """A host whose broker manages containers."""
    paths = HostPaths(
        StatePaths.local(state),
        confs=state / "confs",
        units=state / "units",
        profiles=state / "profiles-of-containers",
    )
    for name in ("alice", "boss"):
        container = paths.container(AgentName(name))
        for part in (container.conf, container.drop_in, container.profile):
            part.parent.mkdir(parents=True, exist_ok=True)
            part.touch()
    made: list[FakeUnits] = []

    def lifecycle(core: Core) -> ContainerLifecycle:
        made.append(FakeUnits(core))
        made[0].open.set()
        return ContainerLifecycle(core, made[0], paths)

    async with served(state, hive, lifecycle) as operator:
        yield ContainerHost(operator, made[0], paths)


def on_host(state: Path, body: Callable[[ContainerHost], Awaitable[None]]) -> None:
    """Runs a coroutine function with the operator of a host with containers."""

    async def main() -> None:
        async with container_host(state) as host:
            await body(host)

    asyncio.run(main())
