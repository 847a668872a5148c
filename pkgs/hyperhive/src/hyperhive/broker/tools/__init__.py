"""The MCP tools that every agent has. Their texts are written for a model to read.

Who calls is known from the socket, never from an argument. What a tool does to messages, questions
and times belongs to the turn that is running; outside of a turn none does anything.
"""

from typing import Any, Final

from pydantic import ValidationError

from hyperhive.broker.core import Core
from hyperhive.broker.texts import one_line
from hyperhive.broker.tools import about, mail, pending, questions, times
from hyperhive.broker.tools.tool import NoTurnError, Tool, ToolAnswer
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName

__all__ = ["TOOLS", "Tool", "ToolAnswer", "call_tool"]

TOOLS: Final[tuple[Tool[Any], ...]] = (
    *mail.TOOLS,
    *questions.TOOLS,
    *times.TOOLS,
    *about.TOOLS,
    *pending.TOOLS,
)

_BY_NAME: Final = {tool.name: tool for tool in TOOLS}


async def call_tool(
    core: Core, agent: AgentName, name: str, arguments: dict[str, Any]
) -> ToolAnswer:
    """Runs a tool for an agent. What it refuses is an answer that the model can act on."""
    tool = _BY_NAME.get(name)
    if tool is None:
        return _refusal(f"there is no tool {name[:40]!r}", f"use one of: {', '.join(_BY_NAME)}")
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
    return ToolAnswer(f"{what}: {todo}", {"error": what, "todo": todo}, error=True)
