"""Questions: lists, and what the operator answers or cancels."""

from typing import Any, Final, Literal

from fastapi import APIRouter

from hyperhive.broker.asking import answer_text
from hyperhive.broker.core import Core
from hyperhive.errors import InputError
from hyperhive.hive.names import OPERATOR
from hyperhive.operator import models
from hyperhive.operator.faults import NotFoundError, WrongStateError
from hyperhive.operator.pages import After, Limit, PathId
from hyperhive.store import listing, operator_answers, questions
from hyperhive.store.questions import (
    ClosedQuestionError,
    Question,
    QuestionState,
    UnknownQuestionError,
)
from hyperhive.store.transaction import Transaction

_SEE: Final = "see hyperhive questions"


def routes(core: Core) -> APIRouter:
    """Lists, answers and cancels questions."""
    router = APIRouter()

    @router.get("/questions")
    async def list_questions(
        agent: str | None = None,
        state: Literal["open", "all"] = "open",
        after: After = None,
        limit: Limit = 100,
    ) -> list[models.Question]:
        rows = await core.store.read(
            listing.questions, agent=agent, after=after, limit=limit, closed=state == "all"
        )
        return [_question(row, core.clock()) for row in rows]

    @router.get("/questions/{id}")
    async def get_question(id: PathId) -> models.Question:
        return await _shown(core, id)

    @router.post("/questions/{id}/answer")
    async def answer(id: PathId, said: models.Answer) -> models.Question:
        texts = tuple(map(answer_text, said.answer))
        try:
            await core.store.write(_answer, id, texts, manager=core.hive.manager, now=core.clock())
        except ClosedQuestionError as error:
            raise _closed(error.question, core.clock()) from None
        except UnknownQuestionError as error:
            raise NotFoundError(str(error), _SEE) from None
        return await _shown(core, id)

    @router.post("/questions/{id}/cancel")
    async def cancel(id: PathId) -> models.Question:
        try:
            await core.store.write(questions.cancel, id, OPERATOR, now=core.clock())
        except ClosedQuestionError as error:
            raise _closed(error.question, core.clock()) from None
        except UnknownQuestionError as error:
            raise NotFoundError(str(error), _SEE) from None
        return await _shown(core, id)

    return router


def _answer(
    tx: Transaction, id: int, texts: tuple[str, ...], *, manager: str | None, now: float
) -> None:
    question = questions.read_question(tx, id)
    if question.state is QuestionState.OPEN:
        _check_number(question, texts)
    operator_answers.answer(tx, id, texts, manager=manager, now=now)


def _check_number(question: Question, texts: tuple[str, ...]) -> None:
    if not texts:
        raise InputError(
            f"question {question.id} is given no answer", "write what you decide, or cancel it"
        )
    if len(texts) > 1 and not question.multi:
        raise InputError(
            f"question {question.id} takes one answer, not {len(texts)}", "choose one of them"
        )
    if len(set(texts)) < len(texts):
        raise InputError("an answer is there twice", "give each of them once")


def _closed(question: Question, now: float) -> WrongStateError:
    by = f" by {question.closed_by}" if question.state is not QuestionState.EXPIRED else ""
    ago = max(0, round(now - (question.closed_at or now)))
    return WrongStateError(
        f"question {question.id} was closed {ago} s ago: {question.state}{by}",
        f"write to its asker instead: hyperhive send {question.asker} TEXT",
    )


async def _shown(core: Core, id: int) -> models.Question:
    row = await core.store.read(listing.question, id)
    if row is None:
        raise NotFoundError(f"there is no question {id}", _SEE)
    return _question(row, core.clock())


def _question(row: dict[str, Any], now: float) -> models.Question:
    left = row["expires_at"] - now if row["state"] == QuestionState.OPEN else 0.0
    return models.Question.model_validate(row | {"remaining": max(0.0, left)})
