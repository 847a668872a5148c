"""Questions are answered, expire or are cancelled, and their asker hears of it once."""

import pytest

from hyperhive.store import questions
from hyperhive.store.questions import (
    ClosedQuestionError,
    NewQuestion,
    QuestionState,
    UnknownQuestionError,
    read_question,
)
from hyperhive.store.settlement import Fate
from hyperhive.store.transaction import Transaction
from tests.unit.store.operations import BAD, OK, end, mail, talk, told


def ask(
    tx: Transaction,
    asker: str = "alice",
    to: str = "operator",
    turn: int | None = None,
    until: float = 100.0,
    text: str = "which?",
    options: tuple[str, ...] = ("this", "that"),
) -> int:
    new = NewQuestion(asker, to, text, options, False, until, turn)
    return questions.ask(tx, new, now=1.0)


def answer(tx: Transaction, id: int, by: str = "operator", *texts: str) -> None:
    questions.answer(tx, id, by, texts or ("this",), now=5.0)


def answers(tx: Transaction, to: str = "alice") -> list[tuple[str, str, int]]:
    return [(row["sender"], row["body"], row["about"]) for row in mail(tx, to, "answer")]


def test_the_operator_finds_it_in_a_list_and_an_agent_gets_a_message(tx: Transaction) -> None:
    first = ask(tx)
    assert mail(tx, "operator", "question") == []
    second = ask(tx, to="bob")
    (message,) = mail(tx, "bob", "question")
    assert (message["sender"], message["about"]) == ("alice", second)
    assert message["body"] == "which?\n- this\n- that"
    assert told(tx, "question") == [
        {"id": first, "from": "alice", "to": "operator", "until": 100.0},
        {"id": second, "from": "alice", "to": "bob", "until": 100.0},
    ]
    assert questions.open_of(tx, "alice") == 2


def test_the_broker_learns_when_the_earliest_one_expires(tx: Transaction) -> None:
    ask(tx, until=100.0)
    ask(tx, until=50.0, text="when?")
    assert tx.due == 50.0
    assert questions.expire(tx, now=50.0) == 100.0
    assert questions.expire(tx, now=99.0) == 100.0
    assert questions.expire(tx, now=100.0) is None


def test_an_answer_comes_from_who_gave_it_and_the_rest_from_the_hive(tx: Transaction) -> None:
    answered, cancelled, expired = (ask(tx, to="bob", text=text) for text in ("a?", "b?", "c?"))
    answer(tx, answered, "bob", "one", "two")
    questions.cancel(tx, cancelled, "operator", now=6.0)
    questions.expire(tx, now=100.0)
    assert answers(tx) == [
        ("bob", "one\ntwo", answered),
        ("system", "[cancelled]", cancelled),
        ("system", "[expired]", expired),
    ]
    assert told(tx, "question_closed") == [
        {"id": answered, "state": "answered", "by": "bob"},
        {"id": cancelled, "state": "cancelled", "by": "operator"},
        {"id": expired, "state": "expired", "by": "system"},
    ]
    assert read_question(tx, answered).closed_at == 5.0


def test_a_closed_one_stays_as_it_is(tx: Transaction) -> None:
    id = ask(tx)
    answer(tx, id)
    with pytest.raises(ClosedQuestionError, match=f"question {id} is answered already") as caught:
        questions.cancel(tx, id, "operator", now=9.0)
    assert caught.value.question.said == "this"
    with pytest.raises(ClosedQuestionError):
        answer(tx, id)
    assert questions.expire(tx, now=1000.0) is None
    assert len(answers(tx)) == 1


def test_only_who_is_asked_answers_only_the_asker_cancels_and_the_operator_does_both(
    tx: Transaction,
) -> None:
    id = ask(tx, to="bob")
    with pytest.raises(UnknownQuestionError, match="not yours to answer"):
        answer(tx, id, "alice")
    with pytest.raises(UnknownQuestionError, match="not yours to cancel"):
        questions.cancel(tx, id, "bob", now=2.0)
    for operation in (answer, read_question):
        with pytest.raises(UnknownQuestionError, match="there is no question 99"):
            operation(tx, 99)
    assert read_question(tx, id).state is QuestionState.OPEN
    questions.cancel(tx, id, "alice", now=2.0)
    answer(tx, ask(tx, to="bob", text="when?"), "operator")


def test_the_same_question_is_asked_once_while_it_is_open(tx: Transaction) -> None:
    first = ask(tx, to="bob", until=100.0)
    assert ask(tx, to="bob", until=500.0) == first
    assert read_question(tx, first).expires_at == 100.0
    assert len(mail(tx, "bob", "question")) == len(told(tx, "question")) == 1
    others = {ask(tx), ask(tx, to="bob", text="when?"), ask(tx, to="bob", options=())}
    assert len(others | {first, ask(tx, "bob", "alice")}) == 5
    answer(tx, first)
    assert ask(tx, to="bob") > first


def test_a_call_of_a_new_turn_waits_for_the_question_of_the_old_one(tx: Transaction) -> None:
    turn = talk(tx)
    id = ask(tx, turn=turn.id)
    assert ask(tx, turn=turn.id) != id, "two calls wait, each for its own"
    end(tx, turn, BAD, Fate.BACK)
    assert read_question(tx, id).waiting_turn is None
    assert ask(tx, turn=turn.id + 1) == id
    assert read_question(tx, id).waiting_turn == turn.id + 1


def test_what_a_call_took_is_told_by_no_message_once_its_turn_ended_well(tx: Transaction) -> None:
    turn = talk(tx)
    id = ask(tx, turn=turn.id)
    assert not questions.take(tx, id, turn.id).taken
    tx.woken.clear()
    answer(tx, id)
    assert "alice" in tx.woken, "the call looks again then"
    assert answers(tx) == []
    assert not questions.take(tx, id, turn.id + 1).taken
    question = questions.take(tx, id, turn.id)
    assert (question.taken, question.said) == (True, "this")
    end(tx, turn, OK, Fate.DONE)
    assert answers(tx) == []
    assert read_question(tx, id).waiting_turn is None


@pytest.mark.parametrize("fate", [Fate.BACK, Fate.FAILED])
def test_what_a_call_took_is_told_again_if_its_turn_does_not_count(
    tx: Transaction, fate: Fate
) -> None:
    turn = talk(tx)
    id = ask(tx, turn=turn.id)
    answer(tx, id)
    questions.take(tx, id, turn.id)
    end(tx, turn, BAD, fate)
    assert answers(tx) == [("operator", "this", id)]


def test_what_no_call_took_is_told_when_the_turn_ends(tx: Transaction) -> None:
    turn = talk(tx)
    closed, open = ask(tx, turn=turn.id), ask(tx, turn=turn.id, text="when?")
    answer(tx, closed)
    end(tx, turn)
    assert answers(tx) == [("operator", "this", closed)]
    answer(tx, open, "operator", "now")
    assert answers(tx)[1:] == [("operator", "now", open)]


def test_a_call_that_gives_up_leaves_the_answer_to_a_message(tx: Transaction) -> None:
    turn = talk(tx)
    before, taken = ask(tx, turn=turn.id), ask(tx, turn=turn.id, text="when?")
    questions.stop_waiting(tx, before, now=2.0)
    answer(tx, before)
    answer(tx, taken)
    questions.take(tx, taken, turn.id)
    questions.stop_waiting(tx, taken, now=6.0)
    questions.stop_waiting(tx, taken, now=6.0)
    assert [about for _, _, about in answers(tx)] == [before, taken]
    end(tx, turn)
    assert len(answers(tx)) == 2


def test_after_a_new_start_no_call_waits_but_what_was_taken_is_with_its_turn(
    tx: Transaction,
) -> None:
    turn = talk(tx)
    open, closed, taken = (ask(tx, turn=turn.id, text=text) for text in ("a?", "b?", "c?"))
    answer(tx, closed)
    answer(tx, taken)
    questions.take(tx, taken, turn.id)
    questions.release_calls(tx, now=6.0)
    assert [about for _, _, about in answers(tx)] == [closed]
    answer(tx, open)
    assert [about for _, _, about in answers(tx)] == [closed, open]
    end(tx, turn)
    assert len(answers(tx)) == 2


def test_agents_wait_for_each_other_through_others_too(tx: Transaction) -> None:
    turn, of_bob = talk(tx), talk(tx, "bob")
    ask(tx, "alice", "bob", turn.id)
    assert questions.waits_for(tx, "alice", "bob")
    assert not questions.waits_for(tx, "bob", "alice")
    id = ask(tx, "bob", "carol", of_bob.id)
    assert questions.waits_for(tx, "alice", "carol")
    questions.cancel(tx, id, "bob", now=2.0)
    assert not questions.waits_for(tx, "alice", "carol")
