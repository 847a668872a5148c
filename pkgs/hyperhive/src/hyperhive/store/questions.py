"""Questions with a deadline: open → answered, expired or cancelled; each once, and the asker told.

The asker is told by a message, unless a call of its running turn waits for the answer and takes it.
What a call took counts only once its turn ends well: else the answer comes as a message after all.
So of each closed question one holds: a message tells it, or a running turn has it or waits for it.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hyperhive.hive.names import OPERATOR
from hyperhive.store.messages import SYSTEM, MessageKind, NewMessage, send
from hyperhive.store.transaction import Transaction

EXPIRED: Final = "[expired]"
CANCELLED: Final = "[cancelled]"
SENTINELS: Final = frozenset({EXPIRED, CANCELLED})
"""What stands in the place of an answer that never came; no answer may be one of them."""

_AT_ONCE: Final = 200
"""Most questions that one operation expires."""


class QuestionState(StrEnum):
    """Where a question is on its way."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class NewQuestion:
    """A question to ask; names are resolved and allowed already.

    Attributes:
        multi: whether several options may be chosen.
        expires_at: seconds since the epoch.
        waiting_turn: the asker's turn, a call of which waits for the answer; None: nobody waits.
    """

    asker: str
    recipient: str
    question: str
    options: tuple[str, ...]
    multi: bool
    expires_at: float
    waiting_turn: int | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it stands."""

    id: int
    asker: str
    recipient: str
    question: str
    options: tuple[str, ...]
    multi: bool
    created_at: float
    expires_at: float
    state: QuestionState
    answer: tuple[str, ...]
    closed_by: str | None
    closed_at: float | None
    waiting_turn: int | None
    taken: bool
    told: int | None

    @property
    def said(self) -> str:
        """The answer in one text, or its sentinel; "" while it is open."""
        match self.state:
            case QuestionState.OPEN:
                return ""
            case QuestionState.ANSWERED:
                return "\n".join(self.answer)
            case QuestionState.EXPIRED:
                return EXPIRED
            case QuestionState.CANCELLED:
                return CANCELLED


class UnknownQuestionError(LookupError):
    """There is no question of that id, or it is another's to answer."""


class ClosedQuestionError(Exception):
    """The question is not open any more."""

    def __init__(self, question: Question) -> None:
        super().__init__(f"question {question.id} is {question.state} already")
        self.question = question


def ask(tx: Transaction, new: NewQuestion, *, now: float) -> int:
    """Asks a question; one to an agent comes to it as a message. Returns its id.

    One that is open already is not asked twice: a turn that begins again after a restart finds it,
    with the time that it has left.
    """
    earlier = _find_open(tx, new)
    if earlier is not None:
        if new.waiting_turn is not None:
            tx.connection.execute(
                "UPDATE questions SET waiting_turn = ? WHERE id = ?", (new.waiting_turn, earlier)
            )
        return earlier
    (id,) = tx.connection.execute(
        "INSERT INTO questions (asker, recipient, question, options, multi, created_at,"
        " expires_at, waiting_turn) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (*_asked(new), now, new.expires_at, new.waiting_turn),
    ).fetchone()
    data = {"id": id, "from": new.asker, "to": new.recipient, "until": new.expires_at}
    tx.event("question", data, at=now, agent=new.asker, turn=new.waiting_turn)
    if new.recipient != OPERATOR:
        body = "\n".join([new.question, *(f"- {option}" for option in new.options)])
        message = NewMessage(
            new.asker, new.recipient, body, kind=MessageKind.QUESTION, about=int(id)
        )
        send(tx, message, now=now)
    tx.falls_due(new.expires_at)
    return int(id)


def _find_open(tx: Transaction, new: NewQuestion) -> int | None:
    """The same question, still open, that no call of a turn waits for."""
    row = tx.connection.execute(
        "SELECT id FROM questions WHERE state = 'open' AND waiting_turn IS NULL AND asker = ?"
        " AND recipient = ? AND question = ? AND options = ? AND multi = ? ORDER BY id LIMIT 1",
        _asked(new),
    ).fetchone()
    return None if row is None else int(row[0])


def _asked(new: NewQuestion) -> tuple[str, str, str, str, bool]:
    options = json.dumps(new.options, ensure_ascii=False)
    return new.asker, new.recipient, new.question, options, new.multi


def read_question(tx: Transaction, id: int) -> Question:
    """A question.

    Raises:
        UnknownQuestionError: there is none.
    """
    row = tx.connection.execute(
        "SELECT id, asker, recipient, question, options, multi, created_at, expires_at, state,"
        " answer, closed_by, closed_at, waiting_turn, taken, told FROM questions WHERE id = ?",
        (id,),
    ).fetchone()
    if row is None:
        raise UnknownQuestionError(f"there is no question {id}")
    return Question(
        id=row[0],
        asker=row[1],
        recipient=row[2],
        question=row[3],
        options=tuple(json.loads(row[4])),
        multi=bool(row[5]),
        created_at=row[6],
        expires_at=row[7],
        state=QuestionState(row[8]),
        answer=tuple(json.loads(row[9])),
        closed_by=row[10],
        closed_at=row[11],
        waiting_turn=row[12],
        taken=bool(row[13]),
        told=row[14],
    )


def open_of(tx: Transaction, asker: str) -> int:
    """How many questions of an agent are open."""
    (count,) = tx.connection.execute(
        "SELECT count(*) FROM questions WHERE state = 'open' AND asker = ?", (asker,)
    ).fetchone()
    return int(count)


def waits_for(tx: Transaction, agent: str, other: str) -> bool:
    """Whether a call of `agent` waits for `other`, or for somebody of whom that is true."""
    row = tx.connection.execute(
        "WITH RECURSIVE awaited (name) AS (SELECT ? UNION SELECT q.recipient FROM awaited"
        " JOIN questions q ON q.state = 'open' AND q.waiting_turn IS NOT NULL AND q.asker = name)"
        " SELECT 1 FROM awaited WHERE name = ?",
        (agent, other),
    ).fetchone()
    return row is not None


def answer(tx: Transaction, id: int, by: str, texts: tuple[str, ...], *, now: float) -> Question:
    """Answers a question that was put to `by`; the operator may answer any.

    Raises:
        UnknownQuestionError: there is none of that id for `by`.
        ClosedQuestionError: it is not open any more.
    """
    question = read_question(tx, id)
    if by not in (question.recipient, OPERATOR):
        raise UnknownQuestionError(f"question {id} is not yours to answer")
    return _close(tx, question, QuestionState.ANSWERED, by, texts, now=now)


def cancel(tx: Transaction, id: int, by: str, *, now: float) -> Question:
    """Ends a question without an answer; errors as for `answer`."""
    question = read_question(tx, id)
    if by not in (question.asker, OPERATOR):
        raise UnknownQuestionError(f"question {id} is not yours to cancel")
    return _close(tx, question, QuestionState.CANCELLED, by, (), now=now)


def expire(tx: Transaction, *, now: float) -> float | None:
    """Ends the questions whose time is over; returns when the next one's is, if there is one."""
    overdue = tx.connection.execute(
        "SELECT id FROM questions WHERE state = 'open' AND expires_at <= ?"
        " ORDER BY expires_at LIMIT ?",
        (now, _AT_ONCE),
    ).fetchall()
    for (id,) in overdue:
        _close(tx, read_question(tx, id), QuestionState.EXPIRED, SYSTEM, (), now=now)
    (following,) = tx.connection.execute(
        "SELECT min(expires_at) FROM questions WHERE state = 'open'"
    ).fetchone()
    return None if following is None else float(following)


def take(tx: Transaction, id: int, turn: int) -> Question:
    """The question, for the call of `turn` that waits for it; a closed one is taken."""
    tx.connection.execute(
        "UPDATE questions SET taken = 1 WHERE id = ? AND waiting_turn = ? AND state <> 'open'",
        (id, turn),
    )
    return read_question(tx, id)


def stop_waiting(tx: Transaction, id: int, *, now: float) -> None:
    """The call that waited ends without the answer, even if it took it: a message brings it."""
    question = read_question(tx, id)
    if question.waiting_turn is not None:
        tx.connection.execute(
            "UPDATE questions SET waiting_turn = NULL, taken = 0 WHERE id = ?", (id,)
        )
        _tell(tx, id, now=now)


def release_turn(tx: Transaction, turn: int, *, took: bool, now: float) -> None:
    """A turn has ended, with every call of it.

    Args:
        took: whether what its calls took counts.
    """
    rows = tx.connection.execute(
        "SELECT id, taken FROM questions WHERE waiting_turn = ?", (turn,)
    ).fetchall()
    for id, taken in rows:
        tx.connection.execute("UPDATE questions SET waiting_turn = NULL WHERE id = ?", (id,))
        if not (taken and took):
            tx.connection.execute("UPDATE questions SET taken = 0 WHERE id = ?", (id,))
            _tell(tx, id, now=now)


def release_calls(tx: Transaction, *, now: float) -> None:
    """The broker has started: no call can be waiting any more."""
    rows = tx.connection.execute(
        "SELECT id FROM questions WHERE waiting_turn IS NOT NULL AND taken = 0"
    ).fetchall()
    for (id,) in rows:
        stop_waiting(tx, id, now=now)


def _close(
    tx: Transaction,
    question: Question,
    state: QuestionState,
    by: str,
    texts: tuple[str, ...],
    *,
    now: float,
) -> Question:
    if question.state is not QuestionState.OPEN:
        raise ClosedQuestionError(question)
    tx.connection.execute(
        "UPDATE questions SET state = ?, answer = ?, closed_by = ?, closed_at = ? WHERE id = ?",
        (state, json.dumps(texts, ensure_ascii=False), by, now, question.id),
    )
    data = {"id": question.id, "state": state, "by": by}
    tx.event("question_closed", data, at=now, agent=question.asker)
    if question.waiting_turn is None:
        _tell(tx, question.id, now=now)
    else:
        tx.wake(question.asker)
    return read_question(tx, question.id)


def _tell(tx: Transaction, id: int, *, now: float) -> None:
    """Has a message tell the asker of a closed question; an open one will be told later."""
    question = read_question(tx, id)
    if question.state is QuestionState.OPEN or question.told is not None:
        return
    answered = question.state is QuestionState.ANSWERED
    # The body is the answer alone: whoever gives it has not said what the question says.
    message = NewMessage(
        question.closed_by or SYSTEM if answered else SYSTEM,
        question.asker,
        question.said,
        kind=MessageKind.ANSWER,
        about=id,
    )
    told = send(tx, message, now=now)
    tx.connection.execute("UPDATE questions SET told = ? WHERE id = ?", (told, id))
