"""docs/protocol.md: every session in it is replayed against a real broker."""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from hyperhive.broker.core import Core
from hyperhive.hive.names import AgentName
from hyperhive.operator.server import operator_plane
from hyperhive.wire.jsonrpc import ErrorCode
from hyperhive.wire.sockets import address
from tests.integration.broker.plane import DEADLINE, broker
from tests.integration.broker.test_turns import send
from tests.tools import ROOT

DOCUMENT: Final = (ROOT / "docs" / "protocol.md").read_text()
ANY: Final = "…"


def session(socket: str) -> list[tuple[str, str]]:
    """The lines of the document's session on a socket: who speaks, and what."""
    (block,) = re.findall(rf"^```{re.escape(socket)}\n(.*?)^```$", DOCUMENT, re.M | re.S)
    return [
        (who, said.strip()) for who, _, said in (line.partition(" ") for line in block.splitlines())
    ]


def matches(documented: Any, said: Any) -> bool:
    """Whether what was said is what the document shows."""
    if documented == ANY:
        return True
    if isinstance(documented, dict) and isinstance(said, dict):
        return documented.keys() == said.keys() and all(
            matches(documented[name], said[name]) for name in documented
        )
    if isinstance(documented, list) and isinstance(said, list):
        return len(documented) == len(said) and all(map(matches, documented, said))
    return bool(documented == said)


@pytest.mark.parametrize("socket", ["harness.sock", "mcp.sock"])
def test_the_agent_plane_is_as_documented(tmp_path: Path, socket: str) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            await send(core, "alice", "The build is red. Please look.")
            path = core.paths.agent(AgentName("alice")).sockets / socket
            with address(path) as where:
                reader, writer = await asyncio.open_unix_connection(where, limit=1 << 20)
            for who, line in session(f"{socket} alice"):
                if who != "broker>":
                    writer.write(line.encode() + b"\n")
                    continue
                async with asyncio.timeout(DEADLINE):
                    answer = await reader.readline()
                assert matches(json.loads(line), json.loads(answer)), answer.decode()
            writer.close()

    asyncio.run(main())


def test_the_operator_plane_is_as_documented(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, operator_plane(core):
            await replay_http(core)

    asyncio.run(main())


async def replay_http(core: Core) -> None:
    lines = session("operator.sock")
    with address(core.paths.operator_socket) as where:
        transport = httpx.AsyncHTTPTransport(uds=os.fspath(where))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://o", headers={"Content-Type": "application/json"}
        ) as http:
            for (_, asked), (_, documented) in zip(lines[::2], lines[1::2], strict=True):
                method, path, *body = asked.split(" ", 2)
                answer = await http.request(method, path, content=body[0] if body else None)
                status, _, expected = documented.partition(" ")
                assert answer.status_code == int(status), answer.text
                assert matches(json.loads(expected), answer.json()), answer.text


def test_every_error_code_and_every_route_is_documented() -> None:
    for code in ErrorCode:
        assert str(int(code)) in DOCUMENT
    for name in (
        "hello",
        "turn.started",
        "turn.events",
        "turn.finished",
        "leaving",
        "turn.run",
        "turn.cancel",
    ):
        assert f"`{name}`" in DOCUMENT
