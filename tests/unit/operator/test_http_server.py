"""A server that ends: what has reached it is answered."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from hyperhive.operator.asgi import Receive, Scope, Send
from hyperhive.operator.http_server import HttpServer

DEADLINE: Final = 10.0
HALF: Final = b"GET /slow HTTP/1.1\r\nHost: x\r\n"
REST: Final = b"\r\n"


@dataclass
class Slow:
    """An application that answers once it may.

    Attributes:
        began: set when a request has come.
        may_end: set to have it answered.
    """

    began: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began.set()
        await self.may_end.wait()
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


@dataclass
class Running:
    """A server that runs, and what stands behind it."""

    app: Slow
    server: HttpServer
    serving: "asyncio.Task[None]"
    path: str

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that the server has accepted: it has answered a request on it before."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        self.app.may_end.set()
        writer.write(HALF + REST)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        self.app.may_end.clear()
        self.app.began.clear()
        return reader, writer


@asynccontextmanager
async def running(directory: Path, last_seconds: float = DEADLINE) -> AsyncIterator[Running]:
    """A server until the end of the block."""
    path = str(directory / "s")
    app = Slow()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.setblocking(False)
        server = HttpServer(app, [listener], last_seconds)
        serving = asyncio.create_task(server.serve())
        try:
            async with asyncio.timeout(DEADLINE):
                yield Running(app, server, serving, path)
        finally:
            server.end()
            await serving


def test_a_request_under_way_is_answered(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as it:
            reader, writer = await it.connect()
            writer.write(HALF + REST)
            await it.app.began.wait()
            it.server.end()
            it.app.may_end.set()
            answer = await reader.read()
            writer.close()
            await it.serving
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer.lower()

    asyncio.run(main())


@pytest.mark.parametrize("before", [b"", HALF])
def test_a_request_that_is_just_coming_is_answered(tmp_path: Path, before: bytes) -> None:
    async def main() -> None:
        async with running(tmp_path) as it:
            it.app.may_end.set()
            reader, writer = await it.connect()
            it.app.may_end.set()
            writer.write(before)
            await writer.drain()
            it.server.end()
            writer.write((HALF + REST)[len(before) :])
            answer = await reader.read()
            writer.close()
            await it.serving
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"ok")

    asyncio.run(main())


def test_connections_without_a_request_do_not_hold_it_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as it:
            reader, writer = await it.connect()
            half, half_writer = await it.connect()
            half_writer.write(HALF)
            it.server.end()
            assert await reader.read() == b""
            assert await half.read() == b""
            await it.serving
            writer.close()
            half_writer.close()

    asyncio.run(main())


def test_a_request_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, last_seconds=1) as it:
            reader, writer = await it.connect()
            writer.write(HALF + REST)
            await it.app.began.wait()
            it.server.end()
            await it.serving
            assert b"200" not in await reader.read()
            writer.close()

    asyncio.run(main())


def test_what_comes_later_waits_for_the_next_server(tmp_path: Path) -> None:
    async def main() -> None:
        path = str(tmp_path / "s")
        app = Slow()
        app.may_end.set()
        with socket.socket(socket.AF_UNIX) as held:
            held.bind(path)
            held.listen()
            first = HttpServer(app, [passed(held)], DEADLINE)
            serving = asyncio.create_task(first.serve())
            first.end()
            await serving
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(HALF + REST)
            second = HttpServer(app, [passed(held)], DEADLINE)
            serving = asyncio.create_task(second.serve())
            answer = await asyncio.wait_for(reader.readuntil(b"ok"), DEADLINE)
            writer.close()
            second.end()
            await serving
        assert answer.startswith(b"HTTP/1.1 200")

    def passed(held: socket.socket) -> socket.socket:
        """What a service gets of a socket that its manager holds."""
        copy = held.dup()
        copy.setblocking(False)
        return copy

    asyncio.run(main())
