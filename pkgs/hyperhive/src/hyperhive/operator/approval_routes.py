"""Approvals: lists, all that there is to decide by, the operator's decision; and root's part."""

import asyncio
from typing import Literal

from fastapi import APIRouter

from hyperhive.broker.core import Core
from hyperhive.hive.names import OPERATOR
from hyperhive.operator import approval_views
from hyperhive.operator.agent_routes import known
from hyperhive.operator.approval_models import (
    Approval,
    ApprovalDetail,
    Approve,
    Base,
    Deny,
    Deployable,
    DeployOutcome,
    NewRule,
)
from hyperhive.operator.approval_views import Standing
from hyperhive.operator.pages import After, Limit, PathId
from hyperhive.render.agent import Host
from hyperhive.store import approval_rows, listing
from hyperhive.store.approval_states import ApprovalState
from hyperhive.store.container_states import Wanted


def routes(core: Core) -> APIRouter:
    """Lists, shows and decides approvals; says how far root is with one."""
    router = APIRouter()

    @router.get("/approvals")
    async def list_approvals(
        agent: str | None = None,
        state: Literal["open", "all"] = "open",
        after: After = None,
        limit: Limit = 100,
    ) -> list[Approval]:
        rows = await core.store.read(
            approval_rows.listed, open_only=state == "open", agent=agent, after=after, limit=limit
        )
        return [_shown(row) for row in rows]

    @router.get("/approvals/{id}")
    async def get_approval(id: PathId, base: Base = Base.RUNNING) -> ApprovalDetail:
        return await _detail(core, await core.store.read(approval_rows.get, id), base)

    @router.post("/approvals/{id}/approve")
    async def approve(id: PathId, what: Approve) -> Approval:
        return _shown(await core.approvals.approve(id, OPERATOR, what.commit))

    @router.post("/approvals/{id}/deny")
    async def deny(id: PathId, why: Deny) -> Approval:
        return _shown(await core.approvals.deny(id, OPERATOR, why.reason))

    @router.post("/agents/{name}/allow-rule")
    async def allow_rule(name: str, new: NewRule) -> Approval:
        agent = known(core, name)
        return _shown(await core.approvals.allow_rule(agent, new.rule, new.supersede))

    @router.get("/approvals/{id}/deployable")
    async def get_deployable(id: PathId) -> Deployable:
        """What it takes to do it, in whatever state it is: whoever does it looks at that."""
        row = await core.store.read(approval_rows.get, id)
        return Deployable.model_validate(row, from_attributes=True)

    @router.post("/approvals/{id}/begin")
    async def begin_deploy(id: PathId) -> Approval:
        """It is being done; saying so twice changes nothing the second time."""
        return _shown(await core.approvals.begin(id))

    @router.post("/approvals/{id}/outcome")
    async def end_deploy(id: PathId, how: DeployOutcome) -> Approval:
        """It is done, or could not be."""
        done = await core.approvals.finish(id, error=how.error, log=how.log, changes=how.changes)
        return _shown(done)

    return router


async def _detail(core: Core, approval: approval_rows.Approval, base: Base) -> ApprovalDetail:
    find = approval_rows.last_deployed if base is Base.RUNNING else approval_rows.last_approved
    earlier = await core.store.read(find, approval.agent, approval.id)
    members = core.members
    against = approval_views.compared(approval, base, members, earlier)
    host = Host(core.paths, core.paths.deploy)
    standing = await _standing(core, approval)
    # Files can be made that take a while to compare.
    return await asyncio.to_thread(
        approval_views.detail, approval, against, members, standing, host
    )


async def _standing(core: Core, approval: approval_rows.Approval) -> Standing:
    problem = ""
    if approval.state is ApprovalState.PENDING:
        problem = await core.approvals.problem(approval)
    row = await core.store.read(listing.agent, approval.agent)
    if row is None:
        return Standing(problem)
    return Standing(
        problem,
        model=row["model_override"],
        turn=row["turn"] is not None,
        stopped=row["wanted"] == Wanted.STOPPED,
    )


def _shown(row: approval_rows.Approval) -> Approval:
    return Approval.model_validate(row, from_attributes=True)
