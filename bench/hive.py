"""A broker in a process of its own, and harness connections that only a benchmark makes."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from hyperhive.broker.daemon import running_broker
from hyperhive.broker.peers import one_user
from hyperhive.hive.load import parse_hive
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.operator.server import operator_plane
from hyperhive.wire.harness import PROTOCOL, ClaudeInfo, Hello
from hyperhive.wire.jsonrpc import MAX_LINE, Request, Result, decode, encode
from hyperhive.wire.records import to_json


def hive_of(count: int) -> HiveConfig:
    """A hive of `count` agents, named a0, a1, …, with uid ranges side by side."""
    agents = {f"a{n}": {"uid_base": 524288 + 65536 * n} for n in range(count)}
    return parse_hive({"hive": {"name": "bench"}, "agents": agents}, "bench")


@contextmanager
def broker_process(hive: HiveConfig, state: Path) -> Iterator[int]:
    """A broker with its operator plane, as a process; gives its pid."""
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            asyncio.run(_serve(hive, StatePaths.local(state), told))
        finally:
            os._exit(0)
    os.close(told)
    try:
        if os.read(ready, 1) != b"r":
            raise SystemExit("the broker did not start")
        yield pid
    finally:
        os.close(ready)
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


async def _serve(hive: HiveConfig, paths: StatePaths, told: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with (
        running_broker(hive, paths, one_user(os.getuid()), time.time) as core,
        operator_plane(core),
    ):
        os.write(told, b"r")
        await stop.wait()


class Line:
    """A client of one JSON-RPC socket that calls, one call at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._next = 0

    async def call(self, method: str, params: dict[str, object]) -> object:
        """Calls, and accepts whatever the other side asks meanwhile."""
        self._next += 1
        self._writer.write(encode(Request(self._next, method, params)))
        while True:
            match decode(await self._reader.readline()):
                case Result(id, value) if id == self._next:
                    return value
                case Request(id):
                    self._writer.write(encode(Result(id, {})))
                case other:
                    raise SystemExit(f"{method}: {other}")

    async def asked(self) -> str:
        """Waits for a call of the other side and accepts it; gives its method."""
        match decode(await self._reader.readline()):
            case Request(id, method):
                self._writer.write(encode(Result(id, {})))
                return method
            case other:
                raise SystemExit(f"expected a call: {other}")

    def close(self) -> None:
        """Ends the connection."""
        self._writer.close()


async def line_to(socket: Path) -> Line:
    """A connection to a socket."""
    return Line(*await asyncio.open_unix_connection(str(socket), limit=MAX_LINE))


@asynccontextmanager
async def harness(paths: StatePaths, name: str) -> AsyncIterator[Line]:
    """A harness that has said hello."""
    line = await line_to(paths.agent(AgentName(name)).harness_socket)
    hello = Hello(PROTOCOL, name, "bench", os.getpid(), "0", ClaudeInfo("/bin/claude", "2.1.330"))
    await line.call("hello", to_json(hello))
    try:
        yield line
    finally:
        line.close()


@asynccontextmanager
async def tools(paths: StatePaths, name: str) -> AsyncIterator[Line]:
    """An initialised MCP session."""
    line = await line_to(paths.agent(AgentName(name)).mcp_socket)
    client = {"name": "bench", "version": "0"}
    version = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
    await line.call("initialize", dict(version))
    try:
        yield line
    finally:
        line.close()
