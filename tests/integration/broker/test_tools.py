"""The MCP tools, over the socket and through the SDK."""

import asyncio
from pathlib import Path

import pytest

from hyperhive.broker.mail import MAX_BODY
from hyperhive.store import listing
from hyperhive.store.model_choice import override_model
from hyperhive.store.naps import begin_nap
from hyperhive.wire.jsonrpc import MAX_LINE
from tests.integration.broker.calling import calling
from tests.integration.broker.plane import ToolError, agent_row, broker, harness, mcp
from tests.integration.broker.test_turns import send

NAMES = (
    "send",
    "recv",
    "ask_operator",
    "ask",
    "answer",
    "nap",
    "remind",
    "whoami",
    "list_agents",
    "set_status",
    "pending",
)


def test_every_agent_has_the_same_tools_described(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, mcp(core, "alice") as tools:
            listed = (await tools.call("tools/list", {}))["tools"]
            assert tuple(tool["name"] for tool in listed) == NAMES
            for tool in listed:
                assert len(tool["description"]) > 30
                schema = tool["inputSchema"]
                assert schema["type"] == "object"
                assert schema["additionalProperties"] is False
                for argument in schema.get("properties", {}).values():
                    assert len(argument["description"]) > 10
            # What may hold messages is shown to the model in whole.
            long = [tool["name"] for tool in listed if "_meta" in tool]
            assert long == ["recv", "ask_operator", "ask"]
            assert listed[1]["_meta"] == {"anthropic/maxResultSizeChars": 500000}

    asyncio.run(main())


def test_tools_do_nothing_outside_of_a_turn(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, mcp(core, "alice") as tools:
            for name, arguments in (
                ("send", {"to": "operator", "body": "x"}),
                ("recv", {}),
                ("set_status", {"text": "x"}),
                ("ask_operator", {"question": "?"}),
                ("ask_operator", {"question": "?", "wait": True}),
                ("ask", {"agent": "boss", "question": "?"}),
                ("answer", {"id": 1, "text": "x"}),
                ("nap", {"seconds": 5}),
                ("remind", {"message": "x", "delay_seconds": 5}),
                ("pending", {}),
            ):
                with pytest.raises(ToolError, match="no turn of yours is running"):
                    await tools.tool(name, **arguments)
            assert await core.store.read(listing.messages, agent=None, after=0, limit=9) == []
            kinds = {
                e["kind"]
                for e in await core.store.read(listing.events, agent="alice", after=0, limit=9)
            }
            assert kinds <= {"state"}

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
        ("send", {"to": "operator", "body": "x", "y" * 500: 1}, "y" * 79 + "…: Extra inputs"),
        ("send", {"to": "x" * 70000, "body": "x"}, f"there is no {'x' * 40!r} in this hive"),
        ("set_status", {"text": "x" * 201}, "text: String should have at most 200"),
        ("whoami", {"agent": "boss"}, "agent: Extra inputs"),
        ("recv", {"wait_seconds": "NaN"}, "wait_seconds: Input should be"),
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


def test_whoami_and_list_agents_tell_what_holds_now(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            now = core.clock()
            await core.store.write(override_model, "alice", "opus", by="operator", now=now)
            assert (await alice.tool("whoami"))["model"] == "opus"
            async with harness(core, "bob"):
                await core.store.write(begin_nap, "bob", now + 500, "x", now=now)
                listed = {a["name"]: a for a in (await alice.tool("list_agents"))["agents"]}
            assert listed["bob"]["state"] == "napping"
            assert 400 < listed["bob"]["state_ends_in"] <= 500
            assert listed["alice"]["state_ends_in"] is None

    asyncio.run(main())
