"""A stdio MCP server of a few lines, for tests of its clients.

Run it with the path of a file: what it was asked is appended there, a JSON object a line. The
environment says how it misbehaves: FAKE_MCP=silent never answers, FAKE_MCP=gone ends at once.

Tools: `echo` gives its arguments back as data, `words` two texts, `recv` two messages as the
broker's does, `fail` fails, `hang` never answers, `wait` tells of its progress before it answers,
to a client that asked for it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

TOOLS = ("echo", "fail", "hang", "recv", "wait", "words")


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """The result for a request; None for an unknown method."""
    match method:
        case "initialize":
            info = {"name": "fake", "version": "1"}
            version = params["protocolVersion"]
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
        case "tools/list":
            # Two pages, so that clients are seen to ask for the second one.
            page = TOOLS[2:] if params.get("cursor") else TOOLS[:2]
            tools = [{"name": name, "inputSchema": {"type": "object"}} for name in page]
            return {"tools": tools} | ({} if params.get("cursor") else {"nextCursor": "2"})
        case "tools/call":
            if params["name"] == "wait":
                tell_progress(params)
            return call(params["name"], params["arguments"])
        case _:
            return None


def tell_progress(params: dict[str, Any]) -> None:
    """Say what a call that waits says in between."""
    for number in range(params["arguments"]["times"]):
        token = {"progressToken": params["_meta"]["progressToken"], "progress": number}
        told = {"jsonrpc": "2.0", "method": "notifications/progress", "params": token}
        print(json.dumps(told), flush=True)


def call(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of a tool call."""
    match tool:
        case "fail":
            return {"content": [{"type": "text", "text": "it failed"}], "isError": True}
        case "words":
            return {"content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}
        case "recv":
            messages = [
                {"id": 1, "from": "bob", "body": "x"},
                {"id": 2, "from": "eve", "body": "y"},
            ]
            return data({"messages": messages, "unread": 0})
        case _:
            return data(arguments)


def data(value: dict[str, Any]) -> dict[str, Any]:
    """A result that is data, and the same as text."""
    return {"content": [{"type": "text", "text": json.dumps(value)}], "structuredContent": value}


def main() -> None:
    """Serve until stdin ends."""
    behaviour = os.environ.get("FAKE_MCP")
    if behaviour == "gone":
        return
    with Path(sys.argv[1]).open("a") as log:
        for line in sys.stdin:
            message = json.loads(line)
            log.write(line)
            log.flush()
            method, params = message.get("method"), message.get("params") or {}
            if "id" not in message or behaviour == "silent" or params.get("name") == "hang":
                continue
            reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
            result = answer(method, params)
            if result is None:
                reply["error"] = {"code": -32601, "message": f"{method} is not known"}
            else:
                reply["result"] = result
            print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
