"""The MCP tools that agents have: every agent some, the manager more. Their texts are written for a
model to read.

Who calls is known from the socket, never from an argument. What a tool does to messages, questions
and times belongs to the turn that is running; outside of a turn none does anything.
"""

import logging
from typing import Any, Final

from pydantic import ValidationError

from hyperhive.broker.core import Core
from hyperhive.broker.texts import one_line
from hyperhive.broker.tools import (
    about,
    approvals,
    journal,
    lifecycle,
    mail,
    pending,
    questions,
    times,
)
from hyperhive.broker.tools.tool import NoTurnError, Tool, ToolAnswer
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields

__all__ = ["MANAGER_TOOLS", "TOOLS", "Tool", "ToolAnswer", "call_tool", "tools_of"]

logger: Final = logging.getLogger(__name__)

TOOLS: Final[tuple[Tool[Any], ...]] = (
    *mail.TOOLS,
    *questions.TOOLS,
    *times.TOOLS,
    *about.TOOLS,
    *pending.TOOLS,
)
"""Of every agent."""

MANAGER_TOOLS: Final[tuple[Tool[Any], ...]] = (
    *approvals.TOOLS,
    *journal.TOOLS,
    *lifecycle.TOOLS,
)
"""Of the manager alone; for any other agent there are none of these names."""


def tools_of(core: Core, agent: AgentName) -> tuple[Tool[Any], ...]:
    """The tools of an agent, by its role in the hive as it is now."""
    return (*TOOLS, *MANAGER_TOOLS) if core.hive.manager == agent else TOOLS


async def call_tool(
    core: Core, agent: AgentName, name: str, arguments: dict[str, Any]
) -> ToolAnswer:
    """Runs a tool for an agent. What it refuses is an answer that the model can act on."""
    tools = {tool.name: tool for tool in tools_of(core, agent)}
    tool = tools.get(name)
    if tool is None:
        if any(name == other.name for other in MANAGER_TOOLS):
            logger.warning(
                "%s: called %s, which only the manager has", agent, name,
                extra=fields(LogEvent.TOOL_REFUSED, agent=agent, HYPERHIVE_TOOL=name),
            )  # fmt: skip
        return _refusal(f"there is no tool {name[:40]!r}", f"use one of: {', '.join(tools)}")
    try:
        return await tool.run(core, agent, tool.arguments.model_validate(arguments))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = one_line(".".join(map(str, first["loc"])), 80) or "arguments"
        return _refusal(f"{place}: {first['msg']}", f"see the schema of {name}")
    except NoTurnError:
        return _refusal("no turn of yours is running", "nothing was done")
    except HyperhiveError as error:
        return _refusal(error.what, error.todo)


def _refusal(what: str, todo: str) -> ToolAnswer:
    text = f"{what}: {todo}" if todo else what
    return ToolAnswer(text, {"error": what, "todo": todo}, error=True)
