"""A client of stdio MCP servers, as much of it as calling tools takes.

https://modelcontextprotocol.io/specification/2025-11-25: JSON-RPC lines on the server's stdin and
stdout; `initialize`, `notifications/initialized`, `tools/list`, `tools/call`.
"""

import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from hyperhive.testing.scripted_claude.flags import VERSION
from hyperhive.wire.jsonrpc import (
    ErrorCode,
    Failure,
    Message,
    Notification,
    Request,
    Result,
    RpcError,
    decode,
    encode,
)

PROTOCOL: Final = "2025-11-25"
GRACE: Final = 2.0
"""Seconds that a server has to end after its stdin was closed."""

Interruptible = Callable[[], AbstractContextManager[None]]
"""Where a signal may break off what is being done."""


class McpError(Exception):
    """The server is gone, or answered with an error; the text is for the model."""


class McpServer:
    """A server that was started.

    Attributes:
        name: as in the configuration.
        tools: names of its tools; empty until `connect` succeeded.
    """

    def __init__(self, name: str, config: Mapping[str, Any], interruptible: Interruptible) -> None:
        """Start the server's process.

        Raises:
            McpError: it cannot be started.
        """
        self.name = name
        self.tools: list[str] = []
        self._interruptible = interruptible
        self._buffer = b""
        self._last_id = 0
        try:
            self._process = subprocess.Popen(
                [config["command"], *config.get("args", [])],
                env={**os.environ, **config.get("env", {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
        except (KeyError, OSError) as error:
            raise McpError(f"MCP server {name}: {error}") from None

    def connect(self, deadline: float) -> None:
        """Initialise the connection and ask for the tools.

        Args:
            deadline: when to give up, in `time.monotonic()` seconds.

        Raises:
            McpError: the server does not answer as an MCP server, or not in time.
        """
        client = {"name": "claude-code", "version": VERSION}
        params = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
        self._ask("initialize", params, deadline)
        self._send(Notification("notifications/initialized", {}))
        page: dict[str, Any] = {}
        names: list[str] = []
        while True:
            answer = self._ask("tools/list", page, deadline)
            names += [tool["name"] for tool in answer["tools"]]
            if not answer.get("nextCursor"):
                break
            page = {"cursor": answer["nextCursor"]}
        self.tools = sorted(names)

    def call(self, tool: str, arguments: Mapping[str, Any], use: str) -> dict[str, Any]:
        """Call a tool and wait for its result, however long it takes.

        Like the CLI it asks for notifications of progress, with the request's id as the token;
        what they say is read over.

        Args:
            use: the id of the tool_use block.

        Raises:
            McpError: the server refused the call or went away.
        """
        meta = {"claudecode/toolUseId": use, "progressToken": self._last_id + 1}
        return self._ask(
            "tools/call", {"name": tool, "arguments": dict(arguments), "_meta": meta}, None
        )

    def close(self) -> None:
        """End the server."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, method: str, params: dict[str, Any], deadline: float | None) -> dict[str, Any]:
        self._last_id += 1
        self._send(Request(self._last_id, method, params))
        while True:
            try:
                message = decode(self._line(deadline))
            except RpcError:
                continue  # the CLI, too, reads over what is not a message
            match message:
                case Result(id, value) if id == self._last_id and isinstance(value, dict):
                    return value
                case Failure(id, code, text) if id == self._last_id:
                    raise McpError(f"MCP error {code}: {text}")
                case Request(id, "ping", _):
                    self._send(Result(id, {}))
                case Request(id, other, _):
                    unknown = f"{other} is not known here"
                    self._send(Failure(id, ErrorCode.METHOD_NOT_FOUND, unknown))
                case _:
                    pass

    def _send(self, message: Message) -> None:
        assert self._process.stdin is not None
        data = encode(message)
        try:
            while data:
                data = data[self._process.stdin.write(data) or 0 :]
        except BrokenPipeError:
            raise McpError("Connection closed") from None

    def _line(self, deadline: float | None) -> bytes:
        assert self._process.stdout is not None
        source = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            with self._interruptible():
                ready, _, _ = select.select([source], [], [], left)
            if not ready:
                raise McpError(f"MCP server {self.name} does not answer")
            part = os.read(source, 65536)
            if not part:
                raise McpError("Connection closed")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line
