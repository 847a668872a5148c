"""A turn that a harness of the test's runs, and the calls of its tools."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from hyperhive.broker.core import Core
from hyperhive.hive.names import OPERATOR
from hyperhive.store import listing, questions
from hyperhive.wire.harness import OutcomeKind
from tests.integration.broker.plane import FakeHarness, McpClient, harness, mcp, until
from tests.integration.broker.test_turns import mail, send


@dataclass
class Calling:
    """An agent in a turn."""

    core: Core
    name: str
    turn: int
    harness: FakeHarness
    tools: McpClient

    async def tool(self, name: str, /, **arguments: Any) -> Any:
        """Calls a tool, as `McpClient.tool` does."""
        return await self.tools.tool(name, **arguments)

    async def finish(self, kind: OutcomeKind = OutcomeKind.OK) -> None:
        """Ends the turn."""
        await self.harness.finish(self.turn, kind)


@asynccontextmanager
async def calling(core: Core, name: str) -> AsyncIterator[Calling]:
    """A turn that a message of the operator's began; it runs on when the block ends."""
    async with harness(core, name) as own, mcp(core, name) as tools:
        await send(core, name, "go")
        turn = await own.turn()
        yield Calling(core, name, turn.turn, own, tools)


async def open_question(core: Core, asker: str) -> int:
    """Waits until an agent has asked; the question's id."""
    found: list[int] = []

    async def look() -> bool:
        rows = await core.store.read(listing.events, agent=asker, after=0, limit=1000)
        found[:] = [row["data"]["id"] for row in rows if row["kind"] == "question"]
        return bool(found)

    await until(core, f"a question of {asker}'s", look)
    return found[-1]


async def operator_answers(core: Core, id: int, *texts: str) -> None:
    """The operator answers a question."""
    await core.store.write(questions.answer, id, OPERATOR, texts, now=core.clock())


async def answers(core: Core, agent: str) -> list[str]:
    """What messages have told an agent of its questions."""
    return [row["body"] for row in await mail(core, agent) if row["kind"] == "answer"]


async def told(core: Core, agent: str, body: str) -> None:
    """Waits until a message has told an agent what became of its question."""

    async def look() -> bool:
        return await answers(core, agent) == [body]

    await until(core, f"a message with {body!r} to {agent}", look)
