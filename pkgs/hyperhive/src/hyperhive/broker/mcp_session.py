"""MCP on an agent's mcp.sock, with the `mcp` SDK over the socket's streams.

The only module that knows which major of the SDK is installed: 1.x registers handlers with
decorators, 2.x takes them in the server's constructor.
"""

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, cast

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from hyperhive import __version__
from hyperhive.broker.core import Core
from hyperhive.broker.tool_calls import PROGRESS_SECONDS, RunTool, Tell, run_call
from hyperhive.broker.tools import ToolAnswer, call_tool, tools_of
from hyperhive.hive.names import HIVE_SERVER, AgentName

_TAKES_HANDLERS: Final = "on_call_tool" in inspect.signature(Server.__init__).parameters


_ESCAPE: Final = re.compile(
    r"(?P<pair>\\u[dD][89abAB]..\\u[dD][c-fC-F]..)|(?P<half>\\u[dD][89a-fA-F]..)|\\."
)


def whole(line: str) -> str:
    """The line of JSON without halves of surrogate pairs, which a model can write: the SDK takes
    no such line, and would never answer it."""
    if "\\ud" not in line and "\\uD" not in line:
        return line
    return _ESCAPE.sub(lambda escape: "\\ufffd" if escape["half"] else escape[0], line)


class _Lines:
    """The socket's lines, in the form of the SDK's standard input.

    A connection that breaks ends like one that is closed: a client that is killed does either.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def __aiter__(self) -> AsyncIterator[str]:
        while line := await self._line():
            yield whole(line.decode("utf-8", "replace"))

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ConnectionError:
            return b""
        except ValueError:
            raise ConnectionResetError("a line is longer than 1 MiB") from None


class _Output:
    """The socket, in the form of the SDK's standard output; nobody misses what comes too late."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def write(self, text: str) -> None:
        self._writer.write(text.encode())

    async def flush(self) -> None:
        with suppress(ConnectionError):
            await self._writer.drain()


DeclareTools = Callable[[], list[dict[str, Any]]]
"""The tools that there are now, as tools/list has them."""


async def serve_mcp(
    core: Core, agent: AgentName, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serves one MCP client, which is `agent` whatever it says, until it disconnects.

    Raises:
        ConnectionError: the client sent a line over the limit.
    """

    def declared() -> list[dict[str, Any]]:
        return [tool.declaration for tool in tools_of(core, agent)]

    await serve_tools(partial(call_tool, core, agent), declared, reader, writer)


async def serve_tools(
    run: RunTool,
    declared: DeclareTools,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    progress_seconds: float = PROGRESS_SECONDS,
) -> None:
    """Serves one MCP client until it disconnects, with `run` for its calls of tools.

    What tools/list answers is `declared` each time.

    Calls run side by side. One that the client gives up (notifications/cancelled), and every one
    that runs when it disconnects, is cancelled. A client that gave a progress token is told every
    `progress_seconds` that its call is still running.

    Raises:
        ConnectionError: the client sent a line over the limit.
    """

    async def answer(name: str, arguments: dict[str, Any] | None, tell: Tell) -> ToolAnswer:
        return await run_call(run, name, arguments or {}, tell, progress_seconds)

    server = _server(answer, declared)
    # The SDK duck-types both: lines to iterate over, and something to write text to.
    lines, output = cast(Any, _Lines(reader)), cast(Any, _Output(writer))
    try:
        async with stdio_server(lines, output) as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
    except* ConnectionError as group:
        raise ConnectionResetError(str(group.exceptions[0])) from None


_Answer = Callable[[str, dict[str, Any] | None, Tell], Awaitable[ToolAnswer]]


def _server(answer: _Answer, declared: DeclareTools) -> Any:
    return _server_2(answer, declared) if _TAKES_HANDLERS else _server_1(answer, declared)


def _server_2(answer: _Answer, declared: DeclareTools) -> Any:
    from mcp_types import CallToolResult, ListToolsResult

    async def on_list_tools(_context: Any, _params: Any) -> ListToolsResult:
        return ListToolsResult.model_validate({"tools": declared()})

    async def on_call_tool(context: Any, params: Any) -> CallToolResult:
        async def tell(progress: float, message: str) -> None:
            await context.session.report_progress(progress, message=message)

        said = await answer(params.name, params.arguments, tell)
        return CallToolResult.model_validate(_result(said))

    return Server(
        HIVE_SERVER,
        version=__version__,
        on_list_tools=on_list_tools,
        on_call_tool=on_call_tool,
    )


def _server_1(answer: _Answer, declared: DeclareTools) -> Any:
    from mcp import types

    server: Any = Server(HIVE_SERVER, version=__version__)

    async def list_tools() -> list[types.Tool]:
        return [types.Tool.model_validate(tool) for tool in declared()]

    async def call(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        context = server.request_context

        async def tell(progress: float, message: str) -> None:
            if context.meta is not None and context.meta.progressToken is not None:
                await context.session.send_progress_notification(
                    context.meta.progressToken, progress, message=message
                )

        return types.CallToolResult.model_validate(_result(await answer(name, arguments, tell)))

    server.list_tools()(list_tools)
    server.call_tool(validate_input=False)(call)  # `call_tool` validates, with better words
    return server


def _result(answer: ToolAnswer) -> dict[str, Any]:
    return {
        "content": [{"type": "text", "text": answer.text}],
        "structuredContent": answer.data,
        "isError": answer.error,
    }
