"""Notices: what the hive tells of itself, as JSON that any reader can take apart."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.store import notices, operator_answers, questions
from hyperhive.store.agents import Hold, HoldKind, set_paused
from hyperhive.store.notices import LINES_BYTES
from hyperhive.store.questions import NewQuestion
from hyperhive.store.settlement import Fate, Settlement
from hyperhive.store.transaction import Transaction
from hyperhive.store.turn_ends import end
from hyperhive.wire.harness import Outcome, OutcomeKind
from tests.unit.store.operations import mail, talk

NO_LOGIN = Outcome(OutcomeKind.NEEDS_LOGIN, "please log in", session="S")
HELD = Settlement(Fate.BACK, hold=Hold(HoldKind.NEEDS_LOGIN, "please log in", None))


def read(tx: Transaction, reader: str) -> list[dict[str, Any]]:
    """What a reader was told, without when."""
    bodies = [json.loads(one["body"]) for one in mail(tx, reader, "notice")]
    return [{key: body[key] for key in body if key != "at"} for body in bodies]


def test_a_notice_is_an_object_from_system_that_wakes_its_reader(tx: Transaction) -> None:
    id = notices.tell(tx, "bob", "spawned", {"agent": "carol", "id": 3}, now=7.5)
    (notice,) = mail(tx, "bob", "notice")
    assert (notice["id"], notice["sender"], notice["created_at"]) == (id, "system", 7.5)
    assert json.loads(notice["body"]) == {"event": "spawned", "at": 7.5, "agent": "carol", "id": 3}
    assert "bob" in tx.woken


def test_what_no_database_stores_is_told_all_the_same(tx: Transaction) -> None:
    notices.tell(tx, "bob", "failed", {"error": "\ud800 é \x00"}, now=1)
    assert read(tx, "bob") == [{"event": "failed", "error": "? é \x00"}]


@given(lines=st.lists(st.text(alphabet=st.characters(), max_size=6000), max_size=40))
def test_of_many_lines_the_newest_are_told(lines: list[str]) -> None:
    kept = notices.newest(lines)
    assert len(json.dumps(kept)) <= LINES_BYTES + 4 * len(kept) + 2
    assert bool(kept) == bool(lines)
    if kept != lines and len(kept) > 1:
        assert kept == lines[-len(kept) :]
        more = sum(len(json.dumps(line)) for line in lines[-len(kept) - 1 :])
        assert more > LINES_BYTES, "one more would fit"


def ask(tx: Transaction, asker: str, to: str = "operator") -> int:
    new = NewQuestion(asker, to, "red or blue?", ("red", "blue"), True, 100.0, None)
    return questions.ask(tx, new, now=1)


def test_the_manager_hears_what_the_operator_answered_somebody_else(tx: Transaction) -> None:
    id = ask(tx, "alice")
    operator_answers.answer(tx, id, ("red", "blue"), manager="bob", now=2)
    assert read(tx, "bob") == [
        {
            "event": "question_answered",
            "question": id,
            "agent": "alice",
            "asked": "red or blue?",
            "answer": "red\nblue",
        }
    ]
    assert [one["body"] for one in mail(tx, "alice", "answer")] == ["red\nblue"]


def test_an_own_question_and_a_hive_without_a_manager_have_no_notice(tx: Transaction) -> None:
    for asker, manager in (("bob", "bob"), ("alice", None)):
        operator_answers.answer(tx, ask(tx, asker), ("red",), manager=manager, now=2)
        assert len(mail(tx, asker, "answer")) == 1
    assert read(tx, "bob") == read(tx, "alice") == []


def test_the_manager_hears_that_another_agent_needs_a_login(tx: Transaction) -> None:
    turn = talk(tx)
    assert end(tx, "alice", turn.id, NO_LOGIN, HELD, manager="bob", now=3)
    assert read(tx, "bob") == [
        {"event": "needs_login", "agent": "alice", "reason": "please log in"}
    ]
    assert not end(tx, "alice", turn.id, NO_LOGIN, HELD, manager="bob", now=4)
    assert len(read(tx, "bob")) == 1, "once"


def test_its_own_missing_login_a_manager_cannot_read_of(tx: Transaction) -> None:
    end(tx, "alice", talk(tx).id, NO_LOGIN, HELD, manager="alice", now=3)
    end(tx, "bob", talk(tx, "bob").id, NO_LOGIN, HELD, manager=None, now=3)
    assert read(tx, "alice") == read(tx, "bob") == []


def test_other_ends_of_turns_are_no_news(tx: Transaction) -> None:
    held = Settlement(Fate.BACK, hold=Hold(HoldKind.RATE_LIMITED, "later", 99.0))
    end(tx, "alice", talk(tx).id, Outcome(OutcomeKind.RATE_LIMITED), held, manager="bob", now=3)
    assert read(tx, "bob") == []


def test_a_paused_agent_needs_no_login_before_it_goes_on(tx: Transaction) -> None:
    turn = talk(tx)
    set_paused(tx, "alice", True, "not now", now=2)
    end(tx, "alice", turn.id, NO_LOGIN, HELD, manager="bob", now=3)
    assert read(tx, "bob") == []
