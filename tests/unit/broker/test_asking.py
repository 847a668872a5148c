"""What may be asked, and what is an answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.broker.asking import (
    MAX_ANSWER,
    MAX_OPTION,
    MAX_OPTIONS,
    MAX_QUESTION,
    answer_of,
    compose_question,
)
from hyperhive.broker.mail import UnknownRecipientError
from hyperhive.broker.texts import TooLongError
from hyperhive.errors import InputError
from hyperhive.hive.load import parse_hive
from hyperhive.hive.names import AgentName
from hyperhive.store.questions import SENTINELS, NewQuestion, Question, QuestionState

HIVE = parse_hive(
    {
        "hive": {"name": "lab"},
        "agents": {
            "boss": {"role": "manager"},
            "alice": {"recipients": ["manager"], "limits": {"question_seconds": 100}},
        },
    },
    "test",
)


def compose(asker: str = "alice", to: str = "manager", **more: Any) -> NewQuestion:
    given = {"question": "?", "options": [], "multi": False, "ttl_seconds": None, "now": 1000.0}
    question = {**given, **more}
    return compose_question(HIVE, AgentName(asker), to, question.pop("question"), **question)


def asked(*options: str, multi: bool = False) -> Question:
    return Question(
        id=1,
        asker="boss",
        recipient="alice",
        question="?",
        options=options,
        multi=multi,
        created_at=0,
        expires_at=9,
        state=QuestionState.OPEN,
        answer=(),
        closed_by=None,
        closed_at=None,
        waiting_turn=None,
        taken=False,
        told=None,
    )


def test_a_question_is_open_as_long_as_its_asker_says_and_may() -> None:
    assert compose() == NewQuestion("alice", "boss", "?", (), False, 1100.0, None)
    assert compose(ttl_seconds=5).expires_at == 1005
    assert compose(ttl_seconds=100).expires_at == 1100
    with pytest.raises(InputError, match="ttl_seconds is 101, yours is 100 at most"):
        compose(ttl_seconds=101)
    assert compose("boss", "alice", ttl_seconds=101).expires_at == 1101


def test_a_question_goes_where_a_message_may() -> None:
    for to in ("operator", "alice", "carol", ""):
        with pytest.raises(UnknownRecipientError):
            compose(to=to)


def test_a_question_has_a_size_in_bytes() -> None:
    longest = "é" * (MAX_QUESTION // 2)
    assert compose(question=longest).question == longest
    with pytest.raises(TooLongError):
        compose(question="é" * (MAX_QUESTION // 2 + 1))
    for empty in ("", " \n"):
        with pytest.raises(InputError, match="the question is empty"):
            compose(question=empty)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([""], "not usable"),
        (["x" * (MAX_OPTION + 1)], "not usable"),
        (["one\ntwo"], "not usable"),
        (["one\u2028two"], "not usable"),
        (["a", " a"], "twice"),
        (["a", "[expired]"], "never came"),
        (["[cancelled] "], "never came"),
        ([str(number) for number in range(MAX_OPTIONS + 1)], "11 options"),
    ],
)
def test_options_are_short_lines_that_differ(options: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        compose(options=options)


def test_several_choices_need_something_to_choose_from() -> None:
    with pytest.raises(InputError, match="multi without options"):
        compose(multi=True)
    assert compose(options=["a"], multi=True).multi


@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        (asked(), "two\nlines ", ("two\nlines",)),
        (asked("a", "b"), "b", ("b",)),
        (asked("a", "b"), "neither", ("neither",)),
        (asked("a", "b"), "a\nb", ("a\nb",)),
        (asked("a", "b", multi=True), "b\n a\nb", ("b", "a")),
        (asked("a", "b", multi=True), "b\nand more", ("b\nand more",)),
    ],
)
def test_an_answer_is_text_or_choices(
    question: Question, text: str, answer: tuple[str, ...]
) -> None:
    assert answer_of(question, text) == answer


@pytest.mark.parametrize("text", ["", " ", "[expired]", " [cancelled]\n", "x" * (MAX_ANSWER + 1)])
def test_an_answer_says_something_of_its_own(text: str) -> None:
    with pytest.raises(InputError):
        answer_of(asked(), text)


@given(
    st.text() | st.sampled_from(sorted(SENTINELS)),
    st.lists(st.text(min_size=1).filter(str.strip), max_size=3),
    st.booleans(),
)
def test_no_answer_is_a_sentinel(text: str, options: list[str], multi: bool) -> None:
    try:
        question = compose(options=options, multi=multi)
        answer = answer_of(asked(*question.options, multi=multi), text)
    except InputError:
        return
    assert answer
    assert not SENTINELS.intersection(answer)
    assert len(answer) == 1 or (multi and set(answer) <= set(question.options))
