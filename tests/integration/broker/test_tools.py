"""The MCP tools, over the socket and through the SDK."""

import asyncio
from pathlib import Path

import pytest

from hyperhive.broker.mail import MAX_BODY, compose
from hyperhive.store import listing, messages
from hyperhive.wire.jsonrpc import MAX_LINE
from tests.integration.broker.plane import ToolError, agent_row, broker, harness, mcp
from tests.integration.broker.test_turns import send


def test_every_agent_has_the_same_five_tools_described(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, mcp(core, "alice") as tools:
            listed = (await tools.call("tools/list", {}))["tools"]
            assert [tool["name"] for tool in listed] == [
                "send",
                "recv",
                "whoami",
                "list_agents",
                "set_status",
            ]
            for tool in listed:
                assert len(tool["description"]) > 30
                assert tool["inputSchema"]["type"] == "object"
                assert tool["inputSchema"]["additionalProperties"] is False

    asyncio.run(main())


def test_tools_do_nothing_outside_of_a_turn(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, mcp(core, "alice") as tools:
            for name, arguments in (
                ("send", {"to": "operator", "body": "x"}),
                ("recv", {}),
                ("set_status", {"text": "x"}),
            ):
                with pytest.raises(ToolError, match="no turn of yours is running"):
                    await tools.tool(name, **arguments)
            assert await core.store.read(listing.messages, agent=None, after=0, limit=9) == []

    asyncio.run(main())


def test_the_tools_of_a_turn(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            broker(tmp_path) as core,
            harness(core, "alice") as alice,
            mcp(core, "alice") as tools,
        ):
            await send(core, "alice", "go")
            await alice.turn()
            assert await tools.tool("whoami") == {
                "name": "alice",
                "role": "agent",
                "hive": "lab",
                "description": "",
                "model": "haiku",
                "recipients": ["boss", "operator"],
            }
            await tools.tool("set_status", text="reading\nthe code")
            listed = {a["name"]: a for a in (await tools.tool("list_agents"))["agents"]}
            assert listed["alice"]["status"] == "reading the code"
            assert (listed["alice"]["state"], listed["boss"]["state"]) == ("thinking", "offline")
            first = await tools.tool("send", to="manager", body="hi", idempotency_key="k")
            assert await tools.tool("send", to="boss", body="hi", idempotency_key="k") == first
            assert (await agent_row(core, "boss"))["unread"] == 1

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("send", {"to": "bob", "body": "x"}, "alice may not send to bob: send to one of: boss, op"),
        ("send", {"to": "carol", "body": "x"}, "there is no 'carol' in this hive"),
        ("send", {"to": "alice", "body": "x"}, "a message to yourself is not delivered"),
        ("send", {"to": "all", "body": "x"}, "there is no 'all'"),
        ("send", {"to": "system", "body": "x"}, "there is no 'system'"),
        ("send", {"to": "operator", "body": "  "}, "the body is empty"),
        ("send", {"to": "operator", "body": "x" * (MAX_BODY + 1)}, "write it to a file"),
        ("send", {"to": "operator"}, "body: Field required"),
        ("send", {"to": "operator", "body": "x", "from": "operator"}, "from: Extra inputs"),
        ("recv", {"max": 33}, "max: Input should be less than or equal to 32"),
        ("recv", {"wait_seconds": 181}, "wait_seconds: Input should be less than"),
        ("approve", {"id": 1}, "there is no tool 'approve'"),
    ],
)
def test_what_is_refused_says_what_to_do(
    tmp_path: Path, name: str, arguments: dict[str, object], said: str
) -> None:
    async def main() -> None:
        async with (
            broker(tmp_path) as core,
            harness(core, "alice") as alice,
            mcp(core, "alice") as tools,
        ):
            await send(core, "alice", "go")
            await alice.turn()
            with pytest.raises(ToolError) as caught:
                await tools.tool(name, **arguments)
            assert said in str(caught.value)

    asyncio.run(main())


def test_recv_waits_for_a_message_and_takes_it_into_the_turn(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            broker(tmp_path) as core,
            harness(core, "bob") as bob,
            mcp(core, "bob") as tools,
        ):
            await send(core, "bob", "go")
            turn = await bob.turn()
            waiting = asyncio.create_task(tools.tool("recv", wait_seconds=60))
            message = compose(core.hive, "alice", "operator", "not for bob")
            await core.store.write(messages.send, message, now=core.clock())
            sent = await send(core, "bob", "more")
            got = await waiting
            assert [(m["id"], m["from"], m["repeat"]) for m in got["messages"]] == [
                (sent, "operator", False)
            ]
            assert (await tools.tool("recv", wait_seconds=0.01))["messages"] == []
            await bob.finish(turn.turn)
            assert bob.turns.empty()

    asyncio.run(main())


def test_a_line_over_the_limit_ends_the_session_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            async with mcp(core, "alice") as tools:
                tools.writer.write(b"x" * (2 * MAX_LINE) + b"\n")
                async with asyncio.timeout(10):
                    with pytest.raises(ConnectionError):
                        await tools.call("tools/list", {})
            async with mcp(core, "alice") as tools:
                assert await tools.call("ping", {}) == {}

    asyncio.run(main())
    assert "longer than 1 MiB" in caplog.text


def test_lines_that_are_no_mcp_are_answered_and_the_session_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, mcp(core, "alice") as tools:
            tools.writer.write(b"garbage\n" + b'{"jsonrpc":"2.0","id":7,"method":"no/such"}\n')
            assert await tools.call("ping", {}) == {}

    asyncio.run(main())
