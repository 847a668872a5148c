"""Agents: what is known of each, and whether they run."""

from typing import Any

from fastapi import APIRouter

from hyperhive.broker.core import Core
from hyperhive.broker.lifecycle import BY_OPERATOR
from hyperhive.hive.names import MANAGER, OPERATOR, AgentName
from hyperhive.operator import models
from hyperhive.operator.faults import NotFoundError
from hyperhive.store import agents, listing


def routes(core: Core) -> APIRouter:
    """Lists agents; starts, stops, restarts, pauses and resumes them."""
    router = APIRouter()

    @router.get("/agents")
    async def list_agents() -> list[models.Agent]:
        return [
            _agent(core, row)
            for row in await core.store.read(listing.agents)
            if row["name"] in core.hive.agents
        ]

    @router.get("/agents/{name}")
    async def get_agent(name: str) -> models.Agent:
        return await shown(core, known(core, name))

    @router.post("/agents/{name}/pause")
    async def pause(name: str, why: models.Reason) -> models.Agent:
        reason = why.reason or BY_OPERATOR
        agent = known(core, name)
        await core.store.write(agents.set_paused, agent, True, reason, now=core.clock())
        return await shown(core, agent)

    @router.post("/agents/{name}/resume")
    async def resume(name: str) -> models.Agent:
        agent = known(core, name)
        await core.store.write(agents.set_paused, agent, False, "", now=core.clock())
        return await shown(core, agent)

    @router.post("/agents/{name}/start")
    async def start(name: str) -> models.Agent:
        agent = known(core, name)
        await core.lifecycle.start(agent, OPERATOR)
        return await shown(core, agent)

    @router.post("/agents/{name}/stop")
    async def stop(name: str, why: models.Reason) -> models.Agent:
        agent = known(core, name)
        await core.lifecycle.stop(agent, why.reason or f"stopped {BY_OPERATOR}", OPERATOR)
        return await shown(core, agent)

    @router.post("/agents/{name}/restart")
    async def restart(name: str, why: models.Reason) -> models.Agent:
        agent = known(core, name)
        await core.lifecycle.restart(agent, why.reason or f"restarted {BY_OPERATOR}", OPERATOR)
        return await shown(core, agent)

    return router


def known(core: Core, name: str) -> AgentName:
    """The declared agent of that name; `manager` is the one with that role.

    Raises:
        NotFoundError: there is none.
    """
    for agent in core.hive.agents:
        if agent == name:
            return agent
    if name == MANAGER and core.hive.manager is not None:
        return core.hive.manager
    names = ", ".join(sorted(core.hive.agents))
    raise NotFoundError(f"there is no agent {name[:40]!r}", f"use one of: {names}")


async def shown(core: Core, name: AgentName) -> models.Agent:
    """A declared agent as it is now."""
    row = await core.store.read(listing.agent, name)
    assert row is not None, f"{name} has no row"
    return _agent(core, row)


def _agent(core: Core, row: dict[str, Any]) -> models.Agent:
    name = AgentName(row["name"])
    declared = core.hive.agents[name]
    problem = core.members.problems.get(name)
    used = row["model_active"] in (None, row["model"])
    return models.Agent.model_validate(
        row
        | {
            "role": declared.role,
            "description": declared.description,
            "icon": declared.icon,
            "model_queued": None if used else row["model"],
            "settings": row["harness_settings"],
            "approval": row["approved_id"],
            "spawned": name not in core.members.declared.agents,
            "problem": "" if problem is None else f"{problem.what}; {problem.todo}",
            "network": declared.network,
            "uid_base": declared.uid_range(name).base,
        }
    )
