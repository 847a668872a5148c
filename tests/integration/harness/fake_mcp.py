"""An MCP server on mcp.sock with the tool `send`, as claude sees the broker's over the bridge."""

import contextlib
import json
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hyperhive.wire.sockets import address

TOOL = {
    "name": "send",
    "description": "Send a message.",
    "inputSchema": {
        "type": "object",
        "properties": {"to": {"type": "string"}, "body": {"type": "string"}},
        "required": ["to", "body"],
    },
}

PROPOSING_TOOL = {
    "name": "request_apply_commit",
    "description": "Propose a commit.",
    "inputSchema": {
        "type": "object",
        "properties": {"agent": {"type": "string"}, "commit": {"type": "string"}},
        "required": ["agent", "commit"],
    },
}


class FakeMcp:
    """Listens on `directory`/mcp.sock; a context manager.

    Args:
        more: further tools.

    Attributes:
        sent: arguments of every call of a tool.
    """

    def __init__(self, directory: Path, *more: dict[str, Any]) -> None:
        self._tools = [TOOL, *more]
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with address(directory / "mcp.sock") as name:
            self._listener.bind(name)
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, name="fake-mcp")]
        self.sent: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(peer,), name="fake-mcp-peer")
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as lines, contextlib.suppress(OSError):
            for line in lines:
                request = json.loads(line)
                if "id" not in request:
                    continue
                answer = {"jsonrpc": "2.0", "id": request["id"], "result": self._answer(request)}
                peer.sendall(json.dumps(answer).encode() + b"\n")

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["method"]:
            case "initialize":
                return {
                    "protocolVersion": request["params"]["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "fake", "version": "1"},
                }
            case "tools/list":
                return {"tools": self._tools}
            case "tools/call":
                self.sent.append(request["params"]["arguments"])
                return {"content": [{"type": "text", "text": "sent as 7"}]}
        return {}
