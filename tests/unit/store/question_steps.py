"""Steps of the state machine: questions, with and without a call that waits."""

import pytest
from hypothesis import strategies as st

from hyperhive.hive.names import OPERATOR
from hyperhive.store import questions
from hyperhive.store.questions import ClosedQuestionError, NewQuestion, QuestionState
from hyperhive.store.transaction import Transaction
from tests.unit.store.checked_hive import NAMES
from tests.unit.store.living_hive import LivingHive, step, watch
from tests.unit.store.message_steps import PICK
from tests.unit.store.promises import Asked


def ask(tx: Transaction, new: NewQuestion, *, now: float) -> tuple[int, bool]:
    """What the broker does with a question: the id, and whether the guard paused both."""
    return questions.ask(tx, new, now=now), watch(tx, new.asker, new.recipient, now=now)


def answer(tx: Transaction, id: int, by: str, *, now: float) -> bool:
    """What the broker does with an answer; whether the guard paused both."""
    asker = questions.answer(tx, id, by, ("this", "that"), now=now).asker
    return watch(tx, by, asker, now=now)


class QuestionSteps(LivingHive):
    """What agents ask, and what becomes of it."""

    @step(
        when=LivingHive.talking,
        often=4,
        pick=PICK,
        to_operator=st.booleans(),
        text=st.sampled_from(["which?", "when?"]),
        seconds=st.sampled_from([5.0, 500.0]),
        wait=st.booleans(),
    )
    def asks(self, pick: int, to_operator: bool, text: str, seconds: float, wait: bool) -> None:
        agent = self.one(pick, self.talking())
        assert agent.turn is not None
        to = OPERATOR if to_operator else next(name for name in NAMES if name != agent.name)
        now = self.tick()
        asked = Asked(agent.name, to, text, now + seconds, agent.turn.id if wait else None)
        new = NewQuestion(agent.name, to, text, ("one",), False, asked.until, asked.waits)
        earlier = self.promises.same_open(asked)
        id, paused = self.store.write(ask, new, now=now)
        if earlier is None:
            self.promises.ask(id, asked, f"{text}\n- one", now)
        else:
            assert id == earlier, "an open question is not asked twice"
            self.promises.questions[id].waits = asked.waits
        self.watched(agent.name, to, paused, now)

    @step(
        when=lambda self: self.promises.questions,
        often=2,
        pick=PICK,
        by_operator=st.booleans(),
        cancels=st.booleans(),
    )
    def is_closed(self, pick: int, by_operator: bool, cancels: bool) -> None:
        choice = self.promises.open() or list(self.promises.questions)
        now, id = self.tick(), self.one(pick, choice)
        asked = self.promises.questions[id]
        whose = asked.asker if cancels else asked.recipient
        by = OPERATOR if by_operator else whose
        if asked.state is not QuestionState.OPEN:
            with pytest.raises(ClosedQuestionError, match=asked.state):
                self.store.write(questions.cancel if cancels else answer, id, by, now=now)
        elif cancels:
            self.store.write(questions.cancel, id, by, now=now)
            self.promises.close(id, QuestionState.CANCELLED, by, questions.CANCELLED, now)
        else:
            paused = self.store.write(answer, id, by, now=now)
            self.promises.close(id, QuestionState.ANSWERED, by, "this\nthat", now)
            self.watched(by, asked.asker, paused, now)

    @step(when=lambda self: self.promises.waited_for(), often=3, pick=PICK)
    def is_taken(self, pick: int) -> None:
        id = self.one(pick, self.promises.waited_for())
        asked = self.promises.questions[id]
        assert asked.waits is not None
        question = self.store.write(questions.take, id, asked.waits)
        asked.taken = asked.state is not QuestionState.OPEN
        assert (question.state, question.taken) == (asked.state, asked.taken)
        assert question.said == asked.said, "an answer, [expired] and [cancelled] are three"

    @step(when=lambda self: self.promises.questions, pick=PICK)
    def call_gives_up(self, pick: int) -> None:
        choice = self.promises.waited_for() or list(self.promises.questions)
        now, id = self.tick(), self.one(pick, choice)
        self.store.write(questions.stop_waiting, id, now=now)
        self.promises.stop_waiting(id, now)
