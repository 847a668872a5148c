"""A turn of the manager's, and what it is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hyperhive.broker.core import Core
from tests.integration.broker.calling import Calling, calling
from tests.integration.broker.plane import ToolError, broker
from tests.integration.broker.proposing import (
    Proposed,
)


def in_a_turn(tmp_path: Path, body: Callable[[Core, Calling, Proposed], Awaitable[None]]) -> None:
    """Runs a test in a turn of the manager's, with alice's proposed repository."""

    async def main() -> None:
        proposed = Proposed(tmp_path / "agents" / "alice" / "config")
        async with broker(tmp_path / "state") as core, calling(core, "boss") as boss:
            await body(core, boss, proposed)

    asyncio.run(main())


async def refusal(asked: Awaitable[object]) -> str:
    """Return the text with which a tool refuses."""
    with pytest.raises(ToolError) as error:
        await asked
    return str(error.value)
