"""A broker in the test's own loop, and the other ends of its sockets."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hyperhive.broker.core import Core
from hyperhive.broker.daemon import running_broker
from hyperhive.broker.peers import one_user
from hyperhive.hive.load import parse_hive
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.store import listing
from hyperhive.wire.harness import (
    PROTOCOL,
    ClaudeInfo,
    Hello,
    Outcome,
    OutcomeKind,
    TurnFinished,
    TurnRun,
)
from hyperhive.wire.jsonrpc import (
    MAX_LINE,
    Failure,
    Notification,
    Request,
    Result,
    RpcError,
    decode,
    encode,
)
from hyperhive.wire.records import from_json, to_json
from hyperhive.wire.sockets import address

DEADLINE = 10.0
"""Seconds after which a test says what it waited for in vain."""

HIVE = parse_hive(
    {
        "hive": {"name": "lab", "model": "haiku"},
        "agents": {
            "boss": {"role": "manager"},
            "alice": {"recipients": ["manager", "operator"]},
            "bob": {},
        },
    },
    "test",
)


@asynccontextmanager
async def broker(state: Path, hive: HiveConfig = HIVE) -> AsyncIterator[Core]:
    """A broker on a state directory, for agents that run as this user."""
    paths = StatePaths.local(state)
    async with running_broker(hive, paths, one_user(os.getuid()), time.time) as core:
        yield core


async def until(core: Core, what: str, look: Callable[[], Awaitable[bool]]) -> None:
    """Waits until `look` is true, which an event tells; `what` names it if it never is."""
    try:
        async with asyncio.timeout(DEADLINE):
            with core.bus.event_bell() as bell:
                while not await look():
                    await bell.wait()
    except TimeoutError:
        raise AssertionError(f"waited {DEADLINE:g} s for {what}") from None


async def agent_row(core: Core, name: str) -> dict[str, Any]:
    """The stored row of an agent."""
    return next(row for row in await core.store.read(listing.agents) if row["name"] == name)


async def in_state(core: Core, name: str, state: str) -> None:
    """Waits until an agent is in a state."""

    async def look() -> bool:
        return bool((await agent_row(core, name))["state"] == state)

    await until(core, f"{name} to be {state}", look)


@dataclass
class FakeHarness:
    """The harness's end of harness.sock, driven by the test."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    turns: asyncio.Queue[TurnRun] = field(default_factory=asyncio.Queue)
    cancelled: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    accepts: bool = True
    _answers: dict[Any, "asyncio.Future[Any]"] = field(default_factory=dict)
    _task: "asyncio.Task[None] | None" = None
    _next: int = 0

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        """Calls the broker; an error answer raises RpcError."""
        self._next += 1
        future = asyncio.get_running_loop().create_future()
        self._answers[self._next] = future
        self.writer.write(encode(Request(self._next, method, params)))
        async with asyncio.timeout(DEADLINE):
            return await future

    async def hello(self, agent: str, **more: Any) -> dict[str, Any]:
        """Says hello as `agent`."""
        hello = Hello(
            protocol=more.pop("protocol", PROTOCOL),
            agent=agent,
            harness="test",
            pid=os.getpid(),
            settings=more.pop("settings", "0"),
            claude=more.pop("claude", ClaudeInfo("/bin/claude", "2.1.330")),
            **more,
        )
        answer: dict[str, Any] = await self.call("hello", to_json(hello))
        return answer

    async def turn(self) -> TurnRun:
        """The next turn that the broker wants run."""
        try:
            async with asyncio.timeout(DEADLINE):
                return await self.turns.get()
        except TimeoutError:
            raise AssertionError("waited for turn.run") from None

    async def finish(self, turn: int, kind: OutcomeKind = OutcomeKind.OK, **more: Any) -> None:
        """Reports the end of a turn."""
        outcome = Outcome(kind, **{"session": "S", **more})
        await self.call("turn.finished", to_json(TurnFinished(turn, outcome)))

    async def listen(self) -> None:
        """Takes what the broker sends until the connection ends."""
        while line := await self.reader.readline():
            match decode(line):
                case Request(id, "turn.run", params):
                    if self.accepts:
                        self.turns.put_nowait(from_json(TurnRun, params))
                        self.writer.write(encode(Result(id, {})))
                    else:
                        self.writer.write(encode(Failure(id, -32603, "no")))
                case Request(id, "turn.cancel", params):
                    self.cancelled.put_nowait(params["turn"])
                    self.writer.write(encode(Result(id, {})))
                case Result(id, value):
                    self._answers.pop(id).set_result(value)
                case Failure(failed, code, message):
                    self._answers.pop(failed).set_exception(RpcError(code, message))

    async def closed(self) -> None:
        """Waits until the broker has closed the connection."""
        try:
            async with asyncio.timeout(DEADLINE):
                if self._task is not None:
                    await asyncio.wait({self._task})
        except TimeoutError:
            raise AssertionError("waited for the broker to close the connection") from None


@asynccontextmanager
async def connected(core: Core, name: str) -> AsyncIterator[FakeHarness]:
    """A harness that is connected but has not said hello."""
    path = core.paths.agent(AgentName(name)).harness_socket
    with address(path) as where:
        reader, writer = await asyncio.open_unix_connection(where, limit=MAX_LINE)
    harness = FakeHarness(reader, writer)
    harness._task = asyncio.create_task(harness.listen())
    try:
        yield harness
    finally:
        writer.close()
        harness._task.cancel()
        await asyncio.gather(harness._task, return_exceptions=True)


@asynccontextmanager
async def harness(core: Core, name: str, **more: Any) -> AsyncIterator[FakeHarness]:
    """A harness that has said hello, once the end of the one before has been heard of.

    That is on disk, and can be read, a moment before its place is free.
    """
    async with asyncio.timeout(DEADLINE):
        while core.harnesses.of(name) is not None:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0)
    async with connected(core, name) as it:
        await it.hello(name, **more)
        yield it


@dataclass
class McpClient:
    """A client of mcp.sock that speaks MCP in plain lines, as the bridge passes them on.

    Attributes:
        told: notifications of the server.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    told: asyncio.Queue[Notification] = field(default_factory=asyncio.Queue)
    _answers: dict[Any, "asyncio.Future[Any]"] = field(default_factory=dict)
    _next: int = 0

    def begin(self, method: str, params: dict[str, Any]) -> tuple[int, "asyncio.Future[Any]"]:
        """Begins a call; its id, and what becomes its answer."""
        self._next += 1
        answer = self._answers[self._next] = asyncio.get_running_loop().create_future()
        self.writer.write(encode(Request(self._next, method, params)))
        return self._next, answer

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Tells the server something."""
        self.writer.write(encode(Notification(method, params)))

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        """Calls the server; an error answer raises RpcError."""
        _, answer = self.begin(method, params)
        async with asyncio.timeout(DEADLINE):
            return await answer

    async def listen(self) -> None:
        """Takes what the server sends until the connection ends."""
        with suppress(ConnectionError):
            while line := await self.reader.readline():
                match decode(line):
                    case Result(id, value) if answer := self._answers.pop(id, None):
                        answer.set_result(value)
                    case Failure(id, code, message) if answer := self._answers.pop(id, None):
                        answer.set_exception(RpcError(code, message))
                    case Notification() as notification:
                        self.told.put_nowait(notification)
        for answer in self._answers.values():
            answer.set_exception(ConnectionResetError("the server closed the connection"))

    async def tool(self, name: str, /, **arguments: Any) -> Any:
        """Calls a tool; its structured content, or ToolError with its text."""
        answer = await self.call("tools/call", {"name": name, "arguments": arguments})
        if answer.get("isError"):
            raise ToolError(answer["content"][0]["text"])
        return answer["structuredContent"]


class ToolError(Exception):
    """A tool refused."""


@asynccontextmanager
async def mcp(core: Core, name: str) -> AsyncIterator[McpClient]:
    """An initialised MCP session on an agent's mcp.sock."""
    async with mcp_session(core.paths.agent(AgentName(name)).mcp_socket) as client:
        yield client


@asynccontextmanager
async def mcp_session(path: Path) -> AsyncIterator[McpClient]:
    """An initialised MCP session on a socket."""
    with address(path) as where:
        reader, writer = await asyncio.open_unix_connection(where, limit=MAX_LINE)
    client = McpClient(reader, writer)
    listening = asyncio.create_task(client.listen())
    try:
        await client.call(
            "initialize",
            {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "0"},
            },
        )
        client.notify("notifications/initialized", {})
        yield client
    finally:
        writer.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
