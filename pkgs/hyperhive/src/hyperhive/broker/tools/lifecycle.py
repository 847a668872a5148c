"""start, stop and restart: what the manager may do with the other agents' containers."""

from typing import Any, Final

from pydantic import Field

from hyperhive.broker.core import Core
from hyperhive.broker.texts import one_line
from hyperhive.broker.tools.tool import Arguments, Tool, ToolAnswer, told, turn_of
from hyperhive.errors import InputError
from hyperhive.hive.names import AgentName

MAX_REASON: Final = 200
"""Longest reason in characters."""


class _Start(Arguments):
    agent: str = Field(description="Name of another agent.")


class _Stop(_Start):
    reason: str = Field(
        default="", max_length=MAX_REASON, description="Why, in one line; everyone sees it."
    )


async def _start(core: Core, caller: AgentName, args: _Start) -> ToolAnswer:
    agent = await _other(core, caller, args.agent)
    await core.lifecycle.start(agent, caller)
    return told(f"{agent} is started.", {"agent": agent})


async def _stop(core: Core, caller: AgentName, args: _Stop) -> ToolAnswer:
    agent = await _other(core, caller, args.agent)
    await core.lifecycle.stop(agent, _why("stopped", caller, args.reason), caller)
    return told(f"{agent} is stopped. Its messages wait for it.", {"agent": agent})


async def _restart(core: Core, caller: AgentName, args: _Stop) -> ToolAnswer:
    agent = await _other(core, caller, args.agent)
    await core.lifecycle.restart(agent, _why("restarted", caller, args.reason), caller)
    return told(f"{agent} is restarted.", {"agent": agent})


async def _other(core: Core, caller: AgentName, name: str) -> AgentName:
    """The agent of this name, which is not the caller.

    Raises:
        InputError: there is none, or it is.
        NoTurnError: no turn of the caller's is running.
    """
    await core.store.write(turn_of, caller)
    others = sorted(core.hive.agents.keys() - {caller})
    if name == caller:
        raise InputError("that is you: only the operator starts and stops you", "ask the operator")
    if name not in others:
        raise InputError(
            f"there is no agent {name[:40]!r} in this hive", f"use one of: {', '.join(others)}"
        )
    return AgentName(name)


def _why(what: str, caller: AgentName, reason: str) -> str:
    words = one_line(reason, MAX_REASON)
    return f"{what} by {caller}{f': {words}' if words else ''}"


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        "start",
        "Start another agent that is offline. One that the operator stopped is the operator's to"
        " start.",
        _Start,
        _start,
    ),
    Tool(
        "stop",
        "Stop another agent: its turn ends, and its messages wait until it is started.",
        _Stop,
        _stop,
    ),
    Tool(
        "restart",
        "Stop another agent and start it again. A turn that runs ends, and its message comes"
        " again.",
        _Stop,
        _restart,
    ),
)
