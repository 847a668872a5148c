"""Questions: put to the operator and to agents, with and without waiting for the answer."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hyperhive.broker.asking import MAX_OPEN
from hyperhive.hive.load import parse_hive
from hyperhive.hive.names import AgentName
from hyperhive.store import questions
from tests.integration.broker.calling import (
    answers,
    calling,
    open_question,
    operator_answers,
)
from tests.integration.broker.plane import (
    DEADLINE,
    ToolError,
    broker,
    in_state,
)

ALICE = AgentName("alice")


def test_an_answer_of_the_operators_comes_as_a_message(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            asked = await alice.tool("ask_operator", question="Which?", options=["a", " b "])
            assert (asked["id"], asked["state"], asked["answer"]) == (1, "open", [])
            assert "open for 1 d" in asked["text"]
            question = await core.store.write(questions.read_question, 1)
            assert (question.asker, question.recipient) == ("alice", "operator")
            assert question.options == ("a", "b")
            await operator_answers(core, 1, "b")
            (message,) = (await alice.tool("recv"))["messages"]
            assert {name: message[name] for name in ("from", "kind", "about", "body")} == {
                "from": "operator",
                "kind": "answer",
                "about": 1,
                "body": "b",
            }
            assert message["you_asked"] == "Which?"
            assert message["what"] == "what became of your question 1"

    asyncio.run(main())


def test_an_agent_answers_a_question_in_its_own_turn(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            async with calling(core, "boss") as boss:
                waiting = asyncio.create_task(
                    alice.tool(
                        "ask",
                        agent="manager",
                        question="Which ones?",
                        options=["red", "green", "blue"],
                        multi=True,
                        ttl_seconds=3600,
                        wait=True,
                    )
                )
                id = await open_question(core, "alice")
                (message,) = (await boss.tool("recv"))["messages"]
                assert (message["kind"], message["about"], message["from"]) == (
                    "question",
                    id,
                    "alice",
                )
                assert message["body"] == "Which ones?\n- red\n- green\n- blue"
                assert message["what"] == (
                    "question 1, open for 59 min: answer it with the answer tool"
                )
                (waits,) = (await boss.tool("pending"))["questions_to_you"]
                assert (waits["id"], waits["from"]) == (id, "alice")
                answered = await boss.tool("answer", id=id, text="blue\nred\nblue\n")
                assert answered["text"] == "alice gets your answer to question 1."
                with pytest.raises(ToolError, match=r"1 is closed: answered at .* by boss"):
                    await boss.tool("answer", id=id, text="green")
            got = await waiting
            assert (got["state"], got["answer"]) == ("answered", ["blue", "red"])
            assert "boss answered question 1" in got["text"]
            assert "\nblue\nred\n" in got["text"]
            await alice.finish()
            assert await answers(core, "alice") == []

    asyncio.run(main())


def test_an_agent_has_so_many_open_questions(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            for number in range(MAX_OPEN):
                await alice.tool("ask_operator", question=f"{number}?")
            for wait in (True, False):
                with pytest.raises(ToolError, match="20 questions of yours are open: wait"):
                    await alice.tool("ask_operator", question="one more?", wait=wait)
            await operator_answers(core, 1, "yes")
            assert (await alice.tool("ask_operator", question="one more?"))["state"] == "open"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("ask_operator", {"question": " "}, "the question is empty"),
        ("ask_operator", {"question": "é" * 8193}, "the question has 16386 bytes, 16384 are"),
        ("ask_operator", {"question": "?", "ttl_seconds": 86401}, "yours is 86400 at most"),
        ("ask_operator", {"question": "?", "ttl_seconds": 0}, "ttl_seconds: Input should be"),
        ("ask_operator", {"question": "?", "multi": True}, "multi without options"),
        ("ask_operator", {"question": "?", "options": ["[expired]"]}, "an answer that never came"),
        ("ask_operator", {"question": "?", "agent": "boss"}, "agent: Extra inputs"),
        ("ask", {"question": "?", "agent": "operator"}, "the operator is no agent: use ask_op"),
        ("ask", {"question": "?", "agent": "bob"}, "alice may not send to bob"),
        ("ask", {"question": "?", "agent": "alice"}, "a message to yourself"),
        ("ask", {"question": "?", "agent": "carol"}, "there is no 'carol'"),
        ("ask", {"question": "?"}, "agent: Field required"),
        ("answer", {"id": 1, "text": "yes"}, "there is no question 1 put to you"),
        ("answer", {"id": 99, "text": "yes"}, "there is no question 99 put to you"),
        ("answer", {"id": 2**70, "text": "yes"}, "put to you"),
        ("answer", {"id": 2, "text": "[cancelled] "}, "[cancelled] stands for an answer that"),
        ("answer", {"id": 2, "text": ""}, "the answer is empty"),
        ("answer", {"id": 2, "text": "x" * 16385}, "the answer has 16385 bytes"),
    ],
)
def test_what_is_refused_says_what_to_do(
    tmp_path: Path, name: str, arguments: dict[str, Any], said: str
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            await alice.tool("ask_operator", question="mine")
            async with calling(core, "boss") as boss:
                await boss.tool("ask", agent="alice", question="hers")
                with pytest.raises(ToolError) as caught:
                    await alice.tool(name, **arguments)
                assert said in str(caught.value)
                open_now = await boss.tool("pending")
                assert len(open_now["questions_of_yours"]) == 1

    asyncio.run(main())


def test_who_may_not_write_to_the_operator_may_not_ask_it(tmp_path: Path) -> None:
    hive = parse_hive(
        {"hive": {"name": "lab"}, "agents": {"alice": {"recipients": ["bob"]}, "bob": {}}}, "test"
    )

    async def main() -> None:
        async with broker(tmp_path, hive) as core, calling(core, "alice") as alice:
            with pytest.raises(ToolError, match="alice may not send to operator"):
                await alice.tool("ask_operator", question="?")
            assert (await alice.tool("ask", agent="bob", question="?"))["state"] == "open"

    asyncio.run(main())


def test_an_answer_wakes_an_agent_that_has_ended_its_turn(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            await alice.tool("ask_operator", question="?")
            await alice.finish()
            await in_state(core, "alice", "idle")
            await core.store.write(questions.expire, now=core.clock() + 90000)
            async with asyncio.timeout(DEADLINE):
                turn = await alice.harness.turn()
            assert "\n[expired]\n" in turn.prompt
            assert "from: system\n" in turn.prompt

    asyncio.run(main())
