"""request_apply_commit, request_spawn, list_approvals and cancel_approval: the manager's wishes,
which the operator decides on."""

from typing import Annotated, Any, Final

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from hyperhive.broker.core import Core
from hyperhive.broker.texts import one_line, utc
from hyperhive.broker.tools.tool import Arguments, NoArguments, Tool, ToolAnswer, told, turn_of
from hyperhive.errors import InputError
from hyperhive.hive.names import AgentName
from hyperhive.store import approval_rows
from hyperhive.store.approval_rows import Approval, UnknownApprovalError
from hyperhive.store.approval_states import ApprovalKind

LISTED: Final = 100
"""Most approvals that a list has: the newest."""

_QUOTED: Final = 200
"""How much of a description is repeated, in characters."""

Supersede = Annotated[
    int | None,
    Field(
        default=None,
        description="Id of the pending approval about the same agent that this one takes the place"
        " of. Of each agent one at a time can be pending.",
    ),
]


class _RequestApplyCommit(Arguments):
    agent: str = Field(description="Name of the agent that is to run with the commit.")
    commit: str = Field(
        description="The commit's full id, 40 hexadecimal digits as `git rev-parse HEAD` prints"
        " them. A branch or a short id is refused."
    )
    description: str = Field(
        default="",
        description="What it is good for, in a few sentences: the operator decides by it.",
    )
    supersede: Supersede
    # The bridge reads these from the repository, in the manager's own container.
    objects: SkipJsonSchema[Any] = None


async def _request_apply_commit(
    core: Core, agent: AgentName, args: _RequestApplyCommit
) -> ToolAnswer:
    await core.store.write(turn_of, agent)
    approval = await core.approvals.submit_commit(
        agent, args.agent, args.commit, args.description, args.objects, args.supersede
    )
    return await _submitted(core, approval)


class _RequestSpawn(Arguments):
    name: str = Field(
        description="Name of the new agent: at most 9 characters, a lower-case letter first, then"
        " letters, digits and hyphens."
    )
    description: str = Field(
        default="",
        description="What the agent is for, in one line: the operator decides by it, and the other"
        " agents see it.",
    )
    agent_toml: str | None = Field(
        default=None,
        description="Its settings, as agent.toml has them; none: those of an agent that declares"
        " nothing.",
    )
    supersede: Supersede


async def _request_spawn(core: Core, agent: AgentName, args: _RequestSpawn) -> ToolAnswer:
    await core.store.write(turn_of, agent)
    approval = await core.approvals.submit_spawn(
        agent, args.name, args.description, args.agent_toml, args.supersede
    )
    return await _submitted(core, approval)


async def _submitted(core: Core, approval: Approval) -> ToolAnswer:
    warnings = await core.approvals.warnings(approval)
    lines = [
        f"Approval {approval.id} about {approval.agent} is pending. The operator decides; do not"
        " wait for it. What becomes of it comes as a message from system.",
        f"What you change from now on is not part of it. The hive's own record of {approval.agent}"
        f" has it as refs/hyperhive/proposal/{approval.id}.",
    ]
    if approval.supersedes is not None:
        lines.append(f"It takes the place of approval {approval.supersedes}.")
    if warnings:
        spawn = approval.kind is ApprovalKind.SPAWN
        again = "call request_spawn again" if spawn else "commit again"
        lines += [
            f"The operator sees these warnings too. If you can mend one, {again} and pass"
            f" supersede={approval.id}:",
            *(f"- {warning}" for warning in warnings),
        ]
    data = {
        "id": approval.id,
        "agent": approval.agent,
        "commit": approval.commit,
        "state": approval.state,
        "supersedes": approval.supersedes,
        "warnings": warnings,
    }
    return told("\n".join(lines), data)


async def _list_approvals(core: Core, _agent: AgentName, _args: NoArguments) -> ToolAnswer:
    found = await core.store.read(
        approval_rows.listed, open_only=True, agent=None, after=None, limit=LISTED
    )
    text = "\n".join(map(_as_line, found)) or "Nothing is pending or being deployed."
    return told(text, {"approvals": [_as_data(approval) for approval in found]})


def _as_data(approval: Approval) -> dict[str, Any]:
    return {
        "id": approval.id,
        "kind": approval.kind,
        "agent": approval.agent,
        "commit": approval.commit,
        "state": approval.state,
        "description": one_line(approval.description, _QUOTED),
        "submitted_by": approval.submitted_by,
        "submitted_at": utc(approval.created_at),
    }


def _as_line(approval: Approval) -> str:
    words = one_line(approval.description, _QUOTED)
    return (
        f"{approval.id} ({approval.state}): {approval.kind} of {approval.agent},"
        f" commit {approval.commit}, by {approval.submitted_by}{f': {words}' if words else ''}"
    )


class _CancelApproval(Arguments):
    id: int = Field(description="Id of the approval, one that you asked for and that is pending.")


async def _cancel_approval(core: Core, agent: AgentName, args: _CancelApproval) -> ToolAnswer:
    await core.store.write(turn_of, agent)
    try:
        approval = await core.approvals.cancel(args.id, agent)
    except UnknownApprovalError as error:
        raise InputError(str(error), "list_approvals names those that are open") from None
    text = f"Approval {approval.id} about {approval.agent} is cancelled."
    return told(text, {"id": approval.id, "state": approval.state})


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        "request_apply_commit",
        "Ask the operator that an agent runs with a commit of yours. Edit agent.toml (or README.md)"
        " in the agent's repository, `cd` there in a call of its own (`git -C`, and what is joined"
        " to `cd`, are denied), commit, and give the commit's full id. What cannot be is refused"
        " at once, with the reason. Nothing changes until the operator approves; what"
        " becomes of it comes as messages from system: approval_resolved, then deployed or failed.",
        _RequestApplyCommit,
        _request_apply_commit,
    ),
    Tool(
        "request_spawn",
        "Ask the operator for a new agent. It is made once the operator approves, and you are told"
        " by messages from system: approval_resolved, then spawned or failed.",
        _RequestSpawn,
        _request_spawn,
    ),
    Tool(
        "list_approvals",
        "What you asked for and the operator has not decided, and what is being deployed.",
        NoArguments,
        _list_approvals,
    ),
    Tool(
        "cancel_approval",
        "Withdraw an approval that you asked for, while the operator has not decided.",
        _CancelApproval,
        _cancel_approval,
    ),
)
