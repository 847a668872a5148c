"""A disk that is full: everyone is told, nothing acknowledged is lost, and the broker lives on."""

import asyncio
from pathlib import Path

import httpx
import pytest

from hyperhive.broker import harness_session
from hyperhive.broker.core import Core
from hyperhive.operator.server import operator_plane
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.transaction import Transaction
from hyperhive.wire.harness import ClaudeInfo
from hyperhive.wire.jsonrpc import ErrorCode, RpcError
from hyperhive.wire.sockets import address
from tests.integration.broker.plane import (
    ToolError,
    agent_row,
    broker,
    connected,
    harness,
    in_state,
    mcp,
)
from tests.integration.broker.test_turns import mail, send


def _limit(tx: Transaction, pages: int) -> None:
    # SQLite takes less than there are as: not one page more (SQLITE_FULL, as on a full disk).
    tx.connection.execute(f"PRAGMA max_page_count = {pages}")


def _fill(tx: Transaction, size: int) -> None:
    tx.connection.execute("INSERT INTO meta VALUES (hex(randomblob(8)), ?)", ("x" * size,))


async def fill_disk(core: Core) -> None:
    """Leaves no room at all for what comes."""
    await core.store.write(_limit, 1)
    for size in (4000, 400, 40):
        while await _fits(core, size):
            pass


async def _fits(core: Core, size: int) -> bool:
    try:
        await core.store.write(_fill, size)
    except StoreUnavailableError:
        return False
    return True


def test_everyone_is_told_and_the_broker_lives_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    big = "x" * 60_000

    async def main() -> None:
        async with (
            broker(tmp_path) as core,
            operator_plane(core),
            harness(core, "alice") as alice,
            mcp(core, "alice") as tools,
        ):
            first = await send(core, "alice", "before")
            turn = await alice.turn()
            await fill_disk(core)
            with address(core.paths.operator_socket) as where:
                transport = httpx.AsyncHTTPTransport(uds=where)
                async with httpx.AsyncClient(transport=transport, base_url="http://o") as http:
                    answer = await http.post("/api/v1/messages", json={"to": "bob", "body": big})
                    assert answer.status_code == 503
                    assert "disk is full" in answer.json()["error"]
                    assert "disk is not full" in answer.json()["todo"]
                    assert (await http.get("/api/v1/agents")).status_code == 200
            with pytest.raises(ToolError, match="disk is full"):
                await tools.tool("send", to="operator", body=big)
            with pytest.raises(RpcError) as caught:
                await alice.finish(turn.turn, detail=big)
            assert caught.value.code == ErrorCode.STORE_UNAVAILABLE
            assert (await agent_row(core, "alice"))["state"] == "thinking"

            await core.store.write(_limit, 1_000_000)
            await alice.finish(turn.turn, detail=big)  # the harness has kept it
            (row,) = await mail(core, "alice")
            assert (row["id"], row["state"]) == (first, "acked")

    asyncio.run(main())
    assert "disk is full" in caplog.text


def test_a_harness_that_goes_meanwhile_is_offline_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness_session, "LEAVE_RETRY_SECONDS", 0.01)

    async def main() -> None:
        async with broker(tmp_path) as core:
            await send(core, "alice", "before")
            async with harness(core, "alice") as alice:
                await alice.turn()
                await fill_disk(core)
            async with connected(core, "alice") as newcomer:
                with pytest.raises(RpcError) as caught:
                    await newcomer.hello("alice")
                assert caught.value.code == ErrorCode.ALREADY_CONNECTED
            await core.store.write(_limit, 1_000_000)
            await in_state(core, "alice", "offline")
            async with harness(core, "alice") as alice:
                assert "repeat: delivery 2" in (await alice.turn()).prompt

    asyncio.run(main())


def test_a_hello_that_could_not_be_stored_can_be_said_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, connected(core, "alice") as it:
            await fill_disk(core)
            big = ClaudeInfo("/bin/claude", "2.1.330 " + "x" * 60_000)
            with pytest.raises(RpcError) as caught:
                await it.hello("alice", claude=big)
            assert caught.value.code == ErrorCode.STORE_UNAVAILABLE
            await core.store.write(_limit, 1_000_000)
            await it.hello("alice")
            assert (await agent_row(core, "alice"))["state"] == "idle"

    asyncio.run(main())
