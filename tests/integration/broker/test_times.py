"""Naps, reminders, and what is pending."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from hyperhive.broker.mail import compose
from hyperhive.broker.tools.times import MAX_PENDING
from hyperhive.hive.load import parse_hive
from hyperhive.store import messages, reminders
from tests.integration.broker.calling import calling
from tests.integration.broker.plane import ToolError, agent_row, broker
from tests.integration.broker.test_turns import mail, send


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_a_nap_begins_with_the_end_of_its_turn(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            begun = core.clock()
            nap = await alice.tool("nap", seconds=600, reason="the build\n runs")
            assert abs(epoch(nap["until"]) - begun - 600) < 5
            assert nap["text"].startswith("End your turn now, without another tool")
            assert "a message from the operator" in nap["text"]
            assert (await alice.tool("pending"))["nap_until"] == nap["until"]
            assert (await agent_row(core, "alice"))["state"] == "thinking"
            await alice.finish()
            row = await agent_row(core, "alice")
            assert (row["state"], row["reason"]) == ("napping", "the build runs")
            message = compose(core.hive, "boss", "alice", "are you there?")
            await core.store.write(messages.send, message, now=core.clock())
            assert (await agent_row(core, "alice"))["state"] == "napping"
            await send(core, "alice", "wake up")
            assert "are you there?" in (await alice.harness.turn()).prompt

    asyncio.run(main())


def test_a_nap_says_what_wakes_the_agent(tmp_path: Path) -> None:
    hive = parse_hive(
        {"hive": {"name": "lab"}, "agents": {"alice": {"wake_for_operator": False}}}, "test"
    )

    async def main() -> None:
        async with broker(tmp_path, hive) as core, calling(core, "alice") as alice:
            text = (await alice.tool("nap", seconds=1))["text"]
            assert "What wakes you: the time, a cancel of the operator's. Other" in text

    asyncio.run(main())


def test_a_reminder_comes_as_a_message_of_ones_own(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            set_at = core.clock()
            first = await alice.tool("remind", message="look", delay_seconds=3600)
            assert abs(epoch(first["at"]) - set_at - 3600) < 5
            assert "in 1 h" in first["text"] or "in 59 min" in first["text"]
            second = await alice.tool("remind", message="later", at=set_at + 7200)
            third = await alice.tool(
                "remind", message="last", at=first["at"].replace("Z", "-23:00")
            )
            pending = (await alice.tool("pending"))["reminders"]
            assert [r["id"] for r in pending] == [first["id"], second["id"], third["id"]]
            assert pending[0]["message"] == "look"
            assert 3500 < pending[0]["left_seconds"] <= 3600
            await core.store.write(reminders.deliver_due, now=set_at + 3700)
            (got,) = (await alice.tool("recv"))["messages"]
            assert (got["from"], got["kind"], got["about"], got["body"]) == (
                "alice",
                "reminder",
                first["id"],
                "look",
            )
            assert got["what"] == f"reminder {first['id']} that you set"
            assert len((await alice.tool("pending"))["reminders"]) == 2

    asyncio.run(main())


def test_a_reminder_wakes_its_agent_at_its_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            await alice.tool("remind", message="now then", delay_seconds=1)
            await alice.finish()
            turn = await alice.harness.turn()
            assert "now then" in turn.prompt
            assert "which you set yourself" in turn.prompt

    asyncio.run(main())


def test_an_agent_has_so_many_reminders(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            now = core.clock()
            for _ in range(MAX_PENDING):
                await core.store.write(reminders.remind, "alice", "x", now + 900, now=now)
            with pytest.raises(ToolError, match="100 reminders of yours are pending: put several"):
                await alice.tool("remind", message="x", delay_seconds=60)
            await core.store.write(reminders.remind, "bob", "x", now + 900, now=now)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("nap", {"seconds": 0}, "seconds: Input should be greater than or equal to 1"),
        ("nap", {"seconds": 604801}, "seconds: Input should be less than or equal to 604800"),
        ("nap", {"seconds": "nan"}, "seconds: Input should be"),
        ("nap", {"seconds": 5, "reason": "x" * 201}, "reason: String should have at most 200"),
        ("remind", {"message": "x"}, "give delay_seconds or at: one of both"),
        ("remind", {"message": "x", "delay_seconds": 5, "at": 5}, "one of both"),
        ("remind", {"message": "x", "at": "tomorrow"}, "'tomorrow' is no time"),
        ("remind", {"message": "x", "delay_seconds": 1e9}, "1 s to 366 days later"),
        ("remind", {"message": " ", "delay_seconds": 5}, "the message is empty"),
        ("remind", {"message": "é" * 8193, "delay_seconds": 5}, "16386 bytes"),
    ],
)
def test_what_is_refused_says_what_to_do(
    tmp_path: Path, name: str, arguments: dict[str, Any], said: str
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            with pytest.raises(ToolError) as caught:
                await alice.tool(name, **arguments)
            assert said in str(caught.value)
            pending = await alice.tool("pending")
            assert (pending["reminders"], pending["nap_until"]) == ([], None)

    asyncio.run(main())


def test_pending_is_what_the_agent_has_begun(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            (woke,) = await mail(core, "alice")
            assert await alice.tool("pending") == {
                "questions_of_yours": [],
                "questions_to_you": [],
                "reminders": [],
                "messages_of_this_turn": [{"id": woke["id"], "from": "operator"}],
                "unread": 0,
                "nap_until": None,
            }
            asked = await alice.tool("ask_operator", question="a\nb" * 200, ttl_seconds=60)
            await send(core, "alice", "more")
            pending = await alice.tool("pending")
            (question,) = pending["questions_of_yours"]
            assert (question["id"], question["to"]) == (asked["id"], "operator")
            assert len(question["question"]) == 200
            assert 50 < question["left_seconds"] <= 60
            assert pending["unread"] == 1
            await alice.tool("recv")
            assert len((await alice.tool("pending"))["messages_of_this_turn"]) == 2
            call = {"name": "pending", "arguments": {}}
            (content,) = (await alice.tools.call("tools/call", call))["content"]
            assert content["text"].startswith("Your question 1 to operator (59 s left): a ba b")

    asyncio.run(main())
