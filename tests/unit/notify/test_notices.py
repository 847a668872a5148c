"""Which events the operator is told of, and how."""

import json
import unicodedata
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.notifications import NotifyEvent
from hyperhive.notify.notices import DATA_BYTES, TEXT_CHARACTERS, Notice, needed_for, notice_of
from hyperhive.operator.models import Event
from tests.unit.notify.noted import AT, approval, event, question

CRASH: Final[dict[str, Any]] = {
    "result": "signal",
    "status": "SIGKILL",
    "turn": 7,
    "lines": ["one", "two"],
}
ASKED: Final = event("question", **{"id": 3, "from": "alice", "to": "operator", "until": AT})
PROPOSED: Final = {"id": 5, "kind": "apply_commit", "agent": "alice"}
PENDING: Final = event("approval", **PROPOSED, state="pending", by="boss")
TOLD: Final = [
    (
        event("container_crash", **CRASH),
        NotifyEvent.CONTAINER_CRASH,
        "alice: its container crashed: signal SIGKILL, turn 7 is lost",
    ),
    (
        event("container_crash", result="timeout", status="", turn=None, lines=[]),
        NotifyEvent.CONTAINER_CRASH,
        "alice: its container crashed: timeout",
    ),
    (event("harness_crash", turn=None), NotifyEvent.HARNESS_CRASH, "alice: its harness crashed"),
    (
        event("dead", id=12, reason="failed 5 times"),
        NotifyEvent.DEAD_LETTER,
        "alice: message 12 was given up: failed 5 times",
    ),
    (
        event("state", state="needs_login", was="thinking", reason="401"),
        NotifyEvent.NEEDS_LOGIN,
        "alice: needs a login: 401",
    ),
    (
        event("loop_guard", reason="loop guard: alice and bob …"),
        NotifyEvent.LOOP_GUARD,
        "alice: paused: loop guard: alice and bob …",
    ),
    (
        event("deployment", changes=["built"], error="no such package"),
        NotifyEvent.DEPLOYMENT_FAILED,
        "alice: could not be deployed: no such package",
    ),
    (ASKED, NotifyEvent.QUESTION, "alice asks:"),
    (PENDING, NotifyEvent.APPROVAL, "boss asks for new settings for alice (hyperhive show 5)"),
    (
        event("approval", **{**PROPOSED, "state": "failed", "error": "no such package"}),
        NotifyEvent.APPROVAL_FAILED,
        "alice: approval 5 failed: no such package",
    ),
]


@pytest.mark.parametrize(
    ("happened", "why", "text"), TOLD, ids=lambda one: getattr(one, "kind", "")
)
def test_what_the_operator_is_told(happened: Event, why: NotifyEvent, text: str) -> None:
    assert needed_for(happened) is why
    told = notice_of(why, happened, None)
    assert told == Notice(why, "alice", AT, text, happened.data)


def test_there_are_words_for_each() -> None:
    assert {why for _, why, _ in TOLD} == set(NotifyEvent)


@pytest.mark.parametrize(
    "happened",
    [
        event("message", **{"id": 1, "from": "operator", "to": "alice"}),
        event("question", **{"id": 3, "from": "alice", "to": "bob", "until": AT}),
        event("question_closed", id=3, state="answered", by="operator"),
        event("state", state="idle", was="needs_login"),
        event("state", state="needs_login", was="needs_login", reason="still"),
        event("deployment", changes=["built"]),
        event("container_crash", **CRASH, as_wanted=True),
        event("turn.text", text="container_crash"),
        event("requeued", id=1, reason="failed"),
        event("read", count=2),
        event("approval", **PROPOSED, state="pending", by="operator"),
        event("approval", **PROPOSED, state="approved", by="operator"),
        event("approval", **PROPOSED, state="deployed", changes=["built"]),
    ],
    ids=lambda one: one.kind,
)
def test_for_what_the_operator_is_not_needed(happened: Event) -> None:
    assert needed_for(happened) is None


def test_a_question_is_told_with_its_text_and_options() -> None:
    told = notice_of(NotifyEvent.QUESTION, ASKED, question("Which\nlicence?", "MIT", "GPL"))
    assert told is not None
    assert told.text == "alice asks: Which licence? (MIT / GPL)"
    assert told.data["question"] == "Which\nlicence?"
    assert told.data["options"] == ["MIT", "GPL"]


@pytest.mark.parametrize("state", ["answered", "expired", "cancelled"])
def test_a_question_that_is_closed_is_not_told(state: str) -> None:
    assert notice_of(NotifyEvent.QUESTION, ASKED, question("Which?", state=state)) is None


def test_an_approval_is_told_with_what_was_said_of_it() -> None:
    told = notice_of(NotifyEvent.APPROVAL, PENDING, approval("she\nneeds jq"))
    assert told is not None
    assert told.text.endswith("(hyperhive show 5): she needs jq")
    assert (told.data["description"], told.data["extra_nix"]) == ("she\nneeds jq", True)


@pytest.mark.parametrize("state", ["approved", "denied", "cancelled", "superseded", "deployed"])
def test_an_approval_that_is_decided_is_not_told(state: str) -> None:
    assert notice_of(NotifyEvent.APPROVAL, PENDING, approval("x", state)) is None


@given(st.text(max_size=2000), st.lists(st.text(max_size=2000), max_size=60))
def test_whatever_an_agent_wrote_the_object_is_one_short_line(text: str, lines: list[str]) -> None:
    data: dict[str, Any] = {**CRASH, "status": text, "lines": lines}
    told = notice_of(NotifyEvent.CONTAINER_CRASH, event("container_crash", **data), None)
    assert told is not None
    assert len(told.text) <= TEXT_CHARACTERS
    assert not any(unicodedata.category(char)[0] == "C" for char in told.text)
    sent = told.to_json()
    assert "\n" not in sent
    assert len(sent.encode()) < 65536
    read = json.loads(sent)
    assert read.keys() == {"event", "agent", "at", "text", "data", "count"}
    assert read["event"] == "container_crash"


def test_of_long_lists_the_newest_are_told() -> None:
    lines = [f"{number}: {'x' * 600}" for number in range(40)]
    happened = event("container_crash", **{**CRASH, "lines": lines})
    told = notice_of(NotifyEvent.CONTAINER_CRASH, happened, None)
    assert told is not None
    assert [line.split(":")[0] for line in told.data["lines"]] == [str(n) for n in range(20, 40)]
    assert all(len(line) == 500 and line.endswith("…") for line in told.data["lines"])


def test_data_that_is_too_much_all_the_same_is_left_out() -> None:
    options = ["🐝" * 500] * 20
    told = notice_of(NotifyEvent.QUESTION, ASKED, question("Which?", *options))
    assert told is not None
    assert DATA_BYTES < 20 * 500 * 4
    assert told.data == {}
    assert told.text.startswith("alice asks: Which?")


def test_several_are_told_with_their_count() -> None:
    one = Notice(NotifyEvent.HARNESS_CRASH, "bob", AT, "bob: its harness crashed", {"turn": 1})
    several = Notice(one.event, one.agent, one.at, one.text, one.data, 12)
    assert json.loads(one.to_json())["text"] == "bob: its harness crashed"
    assert json.loads(several.to_json())["text"] == "bob: its harness crashed (12 times)"
    assert json.loads(several.to_json())["count"] == 12
