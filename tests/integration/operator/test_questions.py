"""Questions over HTTP: listed with the time that remains, answered once, cancelled, expired."""

import asyncio
import json
from pathlib import Path
from typing import Any, Final

from hyperhive.store import questions
from tests.integration.operator.serving import Operator, put_question, with_operator


def test_open_questions_say_how_long_they_stay_open(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        first = await put_question(core, "Which licence?", "MIT", "BSD", multi=True)
        second = await put_question(core, "Are you sure?", asker="boss", to="alice", seconds=60)
        third = await put_question(core, "And now?", asker="bob")
        await operator.ask("POST", f"questions/{third}/cancel")
        found = await operator.ask("GET", "questions")
        assert [question["id"] for question in found] == [first, second]
        shown = found[0]
        assert (shown["from"], shown["to"], shown["state"]) == ("alice", "operator", "open")
        assert (shown["options"], shown["multi"], shown["answer"]) == (["MIT", "BSD"], True, [])
        assert 3500 < shown["remaining"] <= 3600
        assert 0 < found[1]["remaining"] <= 60

        async def ids(query: str) -> list[int]:
            return [question["id"] for question in await operator.ask("GET", f"questions?{query}")]

        assert await ids("agent=alice") == [first, second]
        assert await ids("agent=operator&state=all") == [first, third]
        assert await ids("state=all&limit=1") == [third]
        assert await ids(f"state=all&after={first}&limit=1") == [second]
        assert await ids("agent=carol&state=all") == []
        closed = await operator.ask("GET", f"questions/{third}")
        assert (closed["state"], closed["closed_by"]) == ("cancelled", "operator")
        assert closed["remaining"] == 0
        await operator.refused("GET", "questions?state=odd", status=422)

    with_operator(tmp_path, body)


ANSWERS: Final[list[tuple[list[str], bool, list[str]]]] = [
    ([], False, ["Whatever you\nlike \N{HONEYBEE}"]),
    (["MIT", "BSD"], False, ["BSD"]),
    (["MIT", "BSD"], False, ["neither of them"]),
    (["MIT", "BSD"], True, ["MIT", "BSD", "and mine"]),
    ([], False, ["x" * 16384]),
    ([], False, ["\x1b[31m\x00"]),
]


def test_an_answer_reaches_the_asker(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        for options, multi, answer in ANSWERS:
            id = await put_question(operator.core, "Which?", *options, multi=multi)
            said = await operator.ask("POST", f"questions/{id}/answer", {"answer": answer})
            assert (said["state"], said["answer"], said["remaining"]) == ("answered", answer, 0)
            assert said["closed_by"] == "operator"
            message = (await operator.ask("GET", "messages?agent=alice"))[-1]
            assert (message["from"], message["kind"]) == ("operator", "answer")
            assert message["about"] == id
            assert all(text in message["body"] for text in answer)

    with_operator(tmp_path, body)


def test_the_manager_hears_what_others_were_answered(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        for asker in ("alice", "boss"):
            id = await put_question(operator.core, f"Which, says {asker}?", asker=asker)
            await operator.ask("POST", f"questions/{id}/answer", {"answer": ["MIT"]})
        told = await operator.ask("GET", "messages?agent=boss")
        (notice,) = [json.loads(one["body"]) for one in told if one["kind"] == "notice"]
        assert (notice["event"], notice["agent"]) == ("question_answered", "alice")
        assert (notice["asked"], notice["answer"]) == ("Which, says alice?", "MIT")
        assert [one["body"] for one in told if one["kind"] == "answer"] == ["MIT"]

    with_operator(tmp_path, body)


NO_ANSWERS: Final[list[tuple[dict[str, Any], int, str]]] = [
    ({"answer": []}, 422, "is given no answer"),
    ({"answer": [" \n"]}, 422, "the answer is empty"),
    ({"answer": ["x" * 16385]}, 413, "the answer has 16385 bytes, 16384 are allowed"),
    ({"answer": ["é" * 8193]}, 413, "the answer has 16386 bytes"),
    ({"answer": ["[expired]"]}, 422, "[expired] stands for an answer that never came"),
    ({"answer": [" [cancelled]\n"]}, 422, "[cancelled] stands for"),
    ({"answer": ["one", "two"]}, 422, "takes one answer, not 2"),
    ({"answer": "text"}, 422, "body.answer"),
    ({"answer": [1]}, 422, "body.answer.0"),
    ({"answer": ["\ud800"]}, 422, "the answer is not valid Unicode text"),
    ({}, 422, "body.answer"),
]


def test_what_is_no_answer_leaves_the_question_open(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        id = await put_question(operator.core, "Which?", "one", "two")
        for given, status, said in NO_ANSWERS:
            why = await operator.refused("POST", f"questions/{id}/answer", given, status=status)
            assert said in why
        assert (await operator.ask("GET", f"questions/{id}"))["state"] == "open"
        assert await operator.ask("GET", "messages") == []

    with_operator(tmp_path, body)


def test_an_answer_twice_the_same_counts_once(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        id = await put_question(operator.core, "Which?", "one", "two", multi=True)
        given = {"answer": ["one", "one"]}
        why = await operator.refused("POST", f"questions/{id}/answer", given, status=422)
        assert "an answer is there twice" in why

    with_operator(tmp_path, body)


def test_a_closed_question_says_what_became_of_it(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        answered, cancelled = await put_question(core), await put_question(core, "Which logo?")
        expired = await put_question(core, "Which name?", seconds=1)
        await core.store.write(questions.expire, now=core.clock() + 2)
        await operator.ask("POST", f"questions/{answered}/answer", {"answer": ["MIT"]})
        await operator.ask("POST", f"questions/{cancelled}/cancel")
        for id, state in (
            (answered, "answered by operator"),
            (cancelled, "cancelled by operator"),
            (expired, "expired; write to its asker instead: hyperhive send alice TEXT"),
        ):
            for action, given in (("answer", {"answer": ["[odd]", "late"]}), ("cancel", None)):
                path = f"questions/{id}/{action}"
                why = await operator.refused("POST", path, given, status=409)
                assert why.startswith(f"question {id} was closed ")
                assert state in why

    with_operator(tmp_path, body)


def test_two_answers_at_once_are_one(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        id = await put_question(operator.core)
        path = f"/api/v1/questions/{id}/answer"
        answers = await asyncio.gather(
            *(operator.http.post(path, json={"answer": [text]}) for text in ("yes", "no"))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert len(await operator.ask("GET", "messages?agent=alice")) == 1

    with_operator(tmp_path, body)


def test_a_question_that_is_not_there(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        for id, status in (("99", 404), ("0", 422), ("9" * 19, 422), ("x", 422)):
            for method, path, given in (
                ("GET", f"questions/{id}", None),
                ("POST", f"questions/{id}/answer", {"answer": ["yes"]}),
                ("POST", f"questions/{id}/cancel", None),
            ):
                why = await operator.refused(method, path, given, status=status)
                if status == 404:
                    assert why == "there is no question 99; see hyperhive questions"

    with_operator(tmp_path, body)
