"""The API on the dashboard's port."""

import asyncio
import os
import socket
from pathlib import Path

import httpx
import pytest

from hyperhive.errors import InputError
from hyperhive.hive.load import parse_hive
from hyperhive.hive.models import HiveConfig
from hyperhive.store.errors import StoreUnavailableError
from tests.integration.operator.serving import served

TOKEN = "0123456789abcdef01234567"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def declared(port: int, token_file: Path | None = None) -> HiveConfig:
    """A hive with a dashboard."""
    dashboard = {"port": port, **({"token_file": str(token_file)} if token_file else {})}
    hive = {"name": "lab", "dashboard": dashboard}
    return parse_hive({"hive": hive, "agents": {"alice": {}}}, "test")


def test_the_port_asks_for_the_token_and_the_socket_does_not(tmp_path: Path) -> None:
    async def main() -> None:
        given, port = tmp_path / "token", free_port()
        given.write_text(TOKEN)
        given.chmod(0o400)
        async with served(tmp_path / "state", declared(port, given)) as operator:
            assert (await operator.ask("GET", "broker"))["pid"] == os.getpid()
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                refused = await http.get("/api/v1/broker")
                assert (refused.status_code, set(refused.json())) == (401, {"error", "todo"})
                for path in ("/openapi.json", "/api/v1/stream", "/no/such/page"):
                    assert (await http.get(path)).status_code == 401
                sent = await http.post("/api/v1/messages", json={"to": "alice", "body": "hi"})
                assert sent.status_code == 401
                shown = {"Authorization": f"Bearer {TOKEN}"}
                sent = await http.post(
                    "/api/v1/messages", json={"to": "alice", "body": "hi"}, headers=shown
                )
                assert sent.status_code == 201
            assert len(await operator.ask("GET", "messages?after=0")) == 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    asyncio.run(main())


def test_it_listens_on_ipv6_too(tmp_path: Path) -> None:
    async def main() -> None:
        port = free_port()
        hive = {"name": "lab", "dashboard": {"bind": "::1", "port": port}}
        declared = parse_hive({"hive": hive, "agents": {"alice": {}}}, "test")
        async with served(tmp_path, declared) as operator:
            token = operator.core.paths.operator_token.read_text().strip()
            async with httpx.AsyncClient(base_url=f"http://[::1]:{port}") as http:
                assert (await http.get("/api/v1/broker")).status_code == 401
                shown = {"Authorization": f"Bearer {token}"}
                assert (await http.get("/api/v1/broker", headers=shown)).status_code == 200

    asyncio.run(main())


def test_without_a_dashboard_there_is_no_token(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path) as operator:
            assert not operator.core.paths.operator_token.exists()

    asyncio.run(main())


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(StoreUnavailableError, match="Address already in use") as caught:
                async with served(tmp_path, declared(port)):
                    pass
        assert f"127.0.0.1 port {port}" in caught.value.what

    asyncio.run(main())


def test_a_token_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(InputError, match="token cannot be read"):
            async with served(tmp_path / "state", declared(free_port(), tmp_path / "none")):
                pass

    asyncio.run(main())
