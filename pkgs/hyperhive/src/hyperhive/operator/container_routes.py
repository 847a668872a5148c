"""Containers: what is wanted of them, what was seen of them, what was done about them."""

from typing import Any

from fastapi import APIRouter

from hyperhive.broker.core import Core
from hyperhive.broker.crash_readers import crash_reader
from hyperhive.broker.lifecycle import BY_OPERATOR
from hyperhive.hive.names import MANAGER, AgentName
from hyperhive.operator import models
from hyperhive.operator.faults import NotFoundError
from hyperhive.operator.hosting_models import Container, ContainerReport, DeploymentReport
from hyperhive.store import containers, listing
from hyperhive.store.container_rows import should_run
from hyperhive.store.container_states import Crash, Wanted


def routes(core: Core) -> APIRouter:
    """Lists containers and takes reports of them; destroys and purges agents."""
    router = APIRouter()

    @router.get("/containers")
    async def list_containers() -> list[Container]:
        """Of every agent that the hive has or had."""
        return [_container(core, row) for row in await core.store.read(listing.agents)]

    @router.post("/containers/{agent}/report")
    async def report(agent: str, seen: ContainerReport) -> Container:
        """What became of a container's unit, as whoever watches systemd has seen it."""
        name = await _had(core, agent)
        reader = crash_reader(core.hive, name)
        await core.store.write(
            containers.report, name, _seen(seen), reader=reader, now=core.clock()
        )
        return await _shown(core, name)

    @router.post("/containers/{agent}/deployment")
    async def deployment(agent: str, done: DeploymentReport) -> Container:
        """What reconciling did for one agent."""
        name = await _had(core, agent)
        await core.store.write(
            containers.deployed,
            name,
            done.changes,
            done.error,
            former=done.former,
            now=core.clock(),
        )
        return await _shown(core, name)

    @router.post("/agents/{name}/destroy")
    async def destroy(name: str, why: models.Reason) -> Container:
        """Removes an agent's container and keeps its state; also of an agent that the hive had."""
        agent = await _had(core, name)
        await core.lifecycle.destroy(agent, why.reason or f"destroyed {BY_OPERATOR}")
        return await _shown(core, agent)

    @router.post("/agents/{name}/purge")
    async def purge(name: str, why: models.Reason) -> Container:
        """Removes the state of an agent that is destroyed, or that the hive has no more."""
        agent = await _had(core, name)
        await core.lifecycle.purge(agent, why.reason or f"purged {BY_OPERATOR}")
        return await _shown(core, agent)

    return router


async def _had(core: Core, name: str) -> AgentName:
    """The agent of that name, which the hive has or had; `manager` is the one with that role.

    Raises:
        NotFoundError: there is and was none.
    """
    if name == MANAGER and name not in core.hive.agents and core.hive.manager is not None:
        return core.hive.manager
    if await core.store.read(listing.agent, name) is None:
        raise NotFoundError(
            f"there is and was no agent {name[:40]!r}", "see hyperhive status for their names"
        )
    return AgentName(name)


async def _shown(core: Core, agent: AgentName) -> Container:
    row = await core.store.read(listing.agent, agent)
    assert row is not None, f"{agent} has no row"
    return _container(core, row)


def _seen(told: ContainerReport) -> containers.Report:
    crash = None
    if told.crash is not None:
        crash = Crash(told.crash.result, told.crash.status, tuple(told.crash.lines))
    return containers.Report(told.state, told.reason, told.at, told.invocation, crash)


def _container(core: Core, row: dict[str, Any]) -> Container:
    name = AgentName(row["name"])
    declared = core.hive.agents.get(name)
    wanted = None if row["wanted"] is None else Wanted(row["wanted"])
    autostart = declared is not None and declared.autostart
    return Container(
        agent=row["name"],
        declared=declared is not None,
        autostart=autostart,
        wanted=wanted,
        wanted_reason=row["wanted_reason"],
        should_run=should_run(wanted, declared=declared is not None, autostart=autostart),
        state=row["container"],
        reason=row["container_reason"],
        since=row["container_since"],
        invocation=row["container_invocation"],
        kept=(str(core.paths.agent(name).home), str(core.lifecycle.container_files(name) or "")),
    )
