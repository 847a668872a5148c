"""whoami, list_agents and set_status."""

from typing import Any, Final

from pydantic import Field

from hyperhive.broker.core import Core
from hyperhive.broker.mail import recipients_of
from hyperhive.broker.tools.tool import Arguments, NoArguments, Tool, ToolAnswer, told, turn_of
from hyperhive.broker.wake_prompt import span
from hyperhive.hive.names import AgentName
from hyperhive.store import agents, listing
from hyperhive.store.transaction import Transaction

MAX_STATUS: Final = 200
"""Longest status in characters."""


async def _whoami(core: Core, agent: AgentName, _args: NoArguments) -> ToolAnswer:
    declared = core.hive.agents[agent]
    row = await core.store.write(agents.read_agent, agent)
    data = {
        "name": agent,
        "role": declared.role,
        "hive": core.hive.hive.name,
        "description": declared.description,
        "model": row.model,
        "recipients": recipients_of(core.hive, agent),
    }
    names = ", ".join(data["recipients"])
    return ToolAnswer(
        f"You are {agent}, {declared.role} in the hive {core.hive.hive.name}, of the model"
        f" {row.model}. You may send to: {names}.",
        data,
    )


async def _list_agents(core: Core, _agent: AgentName, _args: NoArguments) -> ToolAnswer:
    rows = {row["name"]: row for row in await core.store.read(listing.agents)}
    now = core.clock()
    data = [
        {
            "name": name,
            "role": declared.role,
            "description": declared.description,
            "state": rows[name]["state"],
            "state_ends_in": _left(rows[name]["until"], now),
            "status": rows[name]["status"],
            "unread": rows[name]["unread"],
        }
        for name, declared in sorted(core.hive.agents.items())
    ]
    return ToolAnswer("\n".join(map(_as_line, data)), {"agents": data})


def _left(until: float | None, now: float) -> int | None:
    return None if until is None else max(0, round(until - now))


def _as_line(agent: dict[str, Any]) -> str:
    left = agent["state_ends_in"]
    state = agent["state"] if left is None else f"{agent['state']} for {span(left)}"
    return f"{agent['name']} ({agent['role']}, {state}): {agent['status'] or agent['description']}"


class _SetStatus(Arguments):
    text: str = Field(
        max_length=MAX_STATUS, description="What you are doing, in one line; empty to clear it."
    )


async def _set_status(core: Core, agent: AgentName, args: _SetStatus) -> ToolAnswer:
    await core.store.write(_status, agent, " ".join(args.text.split()), now=core.clock())
    return told("Everyone in the hive sees it.", {})


def _status(tx: Transaction, agent: AgentName, text: str, *, now: float) -> None:
    turn_of(tx, agent)
    agents.set_status(tx, agent, text, now=now)


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        "whoami",
        "Your name, your role, your model, and whom you may write to.",
        NoArguments,
        _whoami,
    ),
    Tool(
        "list_agents",
        "Every agent of the hive: name, role, state (and in how many seconds it ends, if that is"
        " known), and what it says it is doing.",
        NoArguments,
        _list_agents,
    ),
    Tool(
        "set_status",
        "Say in one line what you are doing. The operator and the other agents see it.",
        _SetStatus,
        _set_status,
    ),
)
