"""Calls that wait for the answer to a question, and what comes in between."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from hyperhive.broker.tools import call_tool
from hyperhive.hive.load import parse_hive
from hyperhive.hive.names import OPERATOR, AgentName
from hyperhive.store import questions
from hyperhive.store.questions import Question
from hyperhive.store.transaction import Transaction
from hyperhive.wire.harness import OutcomeKind
from hyperhive.wire.jsonrpc import RpcError
from tests.integration.broker.calling import (
    answers,
    calling,
    open_question,
    operator_answers,
    told,
)
from tests.integration.broker.plane import (
    ToolError,
    broker,
    connected,
)

ALICE = AgentName("alice")


@pytest.mark.parametrize(
    ("state", "begins", "says"),
    [
        ("expired", "[expired] Question 1 was open until", "nobody answered it"),
        ("cancelled", "[cancelled] operator withdrew question 1", "without an answer"),
    ],
)
def test_a_call_that_waits_tells_what_is_no_answer(
    tmp_path: Path, state: str, begins: str, says: str
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            waiting = asyncio.create_task(alice.tool("ask_operator", question="?", wait=True))
            id = await open_question(core, "alice")
            if state == "expired":
                await core.store.write(questions.expire, now=core.clock() + 90000)
            else:
                await core.store.write(questions.cancel, id, OPERATOR, now=core.clock())
            got = await waiting
            assert (got["state"], got["answer"]) == (state, [])
            assert got["text"].startswith(begins)
            assert says in got["text"]
            await alice.finish()
            assert await answers(core, "alice") == []

    asyncio.run(main())


def test_a_question_expires_at_its_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            got = await alice.tool("ask_operator", question="?", ttl_seconds=1, wait=True)
            assert got["state"] == "expired"
            assert (await alice.tool("pending"))["questions_of_yours"] == []

    asyncio.run(main())


def test_a_call_never_waits_beyond_its_turn(tmp_path: Path) -> None:
    hive = parse_hive(
        {"hive": {"name": "lab"}, "agents": {"alice": {"limits": {"turn_seconds": 60}}}}, "test"
    )

    async def main() -> None:
        async with broker(tmp_path, hive) as core, calling(core, "alice") as alice:
            got = await alice.tool("ask_operator", question="?", wait=True)
            assert (got["state"], got["answer"]) == ("open", [])
            assert "end your turn" in got["text"]
            await operator_answers(core, got["id"], "yes")
            await told(core, "alice", "yes")

    asyncio.run(main())


@pytest.mark.parametrize("how", ["gives up", "disconnects"])
def test_an_answer_for_a_client_that_goes_comes_as_a_message(tmp_path: Path, how: str) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            call = {"name": "ask_operator", "arguments": {"question": "?", "wait": True}}
            request, _ = alice.tools.begin("tools/call", call)
            id = await open_question(core, "alice")
            if how == "gives up":
                alice.tools.notify("notifications/cancelled", {"requestId": request})
            else:
                alice.tools.writer.close()
            await operator_answers(core, id, "yes")
            await told(core, "alice", "yes")

    asyncio.run(main())


def test_an_answer_is_not_lost_with_a_call_that_is_just_taking_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice"):
            loop, take = asyncio.get_running_loop(), questions.take

            def cancelled_meanwhile(tx: Transaction, id: int, turn: int) -> Question:
                question = take(tx, id, turn)
                if question.taken:
                    loop.call_soon_threadsafe(call.cancel)
                return question

            monkeypatch.setattr(questions, "take", cancelled_meanwhile)
            call = asyncio.create_task(
                call_tool(core, ALICE, "ask_operator", {"question": "?", "wait": True})
            )
            await operator_answers(core, await open_question(core, "alice"), "yes")
            with pytest.raises(asyncio.CancelledError):
                await call
            await told(core, "alice", "yes")

    asyncio.run(main())


def test_an_answer_that_a_failed_turn_took_comes_as_a_message(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            waiting = asyncio.create_task(alice.tool("ask_operator", question="?", wait=True))
            await operator_answers(core, await open_question(core, "alice"), "yes")
            assert (await waiting)["answer"] == ["yes"]
            assert await answers(core, "alice") == []
            await alice.finish(OutcomeKind.FAILED)
            assert await answers(core, "alice") == ["yes"]

    asyncio.run(main())


def test_a_call_whose_turn_ends_gets_nothing_and_the_next_turn_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            waiting = asyncio.create_task(alice.tool("ask_operator", question="?", wait=True))
            id = await open_question(core, "alice")
            await alice.finish()
            with pytest.raises(ToolError, match="no turn of yours is running"):
                await waiting
            await operator_answers(core, id, "yes")
            turn = await alice.harness.turn()
            assert "what became of your question 1" in turn.prompt
            assert "\nyes\n" in turn.prompt

    asyncio.run(main())


@pytest.mark.parametrize("taken", [True, False])
def test_an_answer_outlives_the_broker(tmp_path: Path, taken: bool) -> None:
    """It ends after a call took the answer (which is then sure to come again), or before."""

    async def main() -> None:
        async with AsyncExitStack() as first:
            core = await first.enter_async_context(broker(tmp_path))
            async with calling(core, "alice") as alice:
                waiting = asyncio.create_task(alice.tool("ask_operator", question="?", wait=True))
                id = await open_question(core, "alice")
                if taken:
                    await operator_answers(core, id, "yes")
                    assert (await waiting)["answer"] == ["yes"]
                await first.aclose()
                if not taken:
                    with suppress(ConnectionError, RpcError):
                        assert (await waiting)["state"] == "open"
        async with broker(tmp_path) as core, connected(core, "alice") as harness:
            assert (await harness.hello("alice", running=alice.turn))["keep"] is True
            if taken:
                assert await answers(core, "alice") == []
                await harness.finish(alice.turn)
            else:
                await operator_answers(core, id, "yes")
            await told(core, "alice", "yes")

    asyncio.run(main())


def test_agents_do_not_wait_for_each_other_in_a_circle(tmp_path: Path) -> None:
    hive = parse_hive(
        {"hive": {"name": "lab"}, "agents": {"alice": {}, "bob": {}, "carol": {}}}, "test"
    )

    async def main() -> None:
        async with (
            broker(tmp_path, hive) as core,
            calling(core, "alice") as alice,
            calling(core, "bob") as bob,
            calling(core, "carol") as carol,
        ):
            first = asyncio.create_task(alice.tool("ask", agent="bob", question="?", wait=True))
            one = await open_question(core, "alice")
            second = asyncio.create_task(bob.tool("ask", agent="carol", question="?", wait=True))
            two = await open_question(core, "bob")
            for agent in ("alice", "bob"):
                with pytest.raises(ToolError, match=f"{agent} is waiting for an answer of yours"):
                    await carol.tool("ask", agent=agent, question="?", wait=True)
            assert (await carol.tool("ask", agent="alice", question="?"))["state"] == "open"
            await carol.tool("answer", id=two, text="yes")
            assert (await second)["answer"] == ["yes"]
            await bob.tool("answer", id=one, text="so it is")
            assert (await first)["answer"] == ["so it is"]

    asyncio.run(main())
