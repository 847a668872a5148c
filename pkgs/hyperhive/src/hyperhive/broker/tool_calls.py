"""One call of a tool, which may wait for hours, may be given up, and runs beside other calls.

claude gives up a call from which it has heard nothing for half an hour, unless the server has
sent progress in the meantime.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hyperhive.broker.tools import ToolAnswer

logger: Final = logging.getLogger(__name__)

PROGRESS_SECONDS: Final = 15.0
"""How often a client is told that a call of its is still running. claude looks every 30 s."""

RunTool = Callable[[str, dict[str, Any]], Awaitable[ToolAnswer]]
"""Runs the tool of a name with arguments."""

Tell = Callable[[float, str], Awaitable[None]]
"""Tells the client of progress: seconds that its call has run, and a line for a reader."""


async def run_call(
    run: RunTool, name: str, arguments: dict[str, Any], tell: Tell, progress_seconds: float
) -> ToolAnswer:
    """Runs a call to its end, and tells its client every `progress_seconds` that it is running.

    The call is a task of its own: when this is cancelled, it is cancelled once, and what it does
    in `finally` is waited for. The SDK's own cancellation would break off every wait in there.
    """
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_answer(run, name, arguments), name=f"tool {name}")
        for count in itertools.count(1):
            done, _ = await asyncio.wait({task}, timeout=progress_seconds)
            if done:
                break
            ran = count * progress_seconds
            await tell(ran, f"{name} is still running after {ran:g} s")
    return task.result()


async def _answer(run: RunTool, name: str, arguments: dict[str, Any]) -> ToolAnswer:
    """The answer of a call; a bug in the tool is logged, and its turn can go on without it."""
    try:
        return await run(name, arguments)
    except Exception:
        logger.exception("the tool %s failed", name)
        what, todo = f"{name} failed inside the hive", "go on without it, and tell the operator"
        return ToolAnswer(f"{what}: {todo}", {"error": what, "todo": todo}, error=True)
