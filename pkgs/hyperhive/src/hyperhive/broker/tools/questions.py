"""ask_operator, ask and answer."""

import time
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from pydantic import Field

from hyperhive.broker.asking import MAX_OPEN, answer_of, compose_question
from hyperhive.broker.bus import Bell
from hyperhive.broker.core import Core
from hyperhive.broker.texts import utc
from hyperhive.broker.tools.loops import loop_guard_of, paused_text
from hyperhive.broker.tools.tool import Arguments, NoTurnError, Tool, ToolAnswer, told, turn_of
from hyperhive.broker.wake_prompt import span
from hyperhive.errors import InputError
from hyperhive.hive.names import OPERATOR, AgentName
from hyperhive.store import loop_guard, questions, turns
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.loop_guard import LoopGuard
from hyperhive.store.questions import NewQuestion, Question, QuestionState, UnknownQuestionError
from hyperhive.store.transaction import Transaction

LAST_SECONDS: Final = 60.0
"""What a call that waits leaves of the turn's time, so that the model can still act."""


class _AskOperator(Arguments):
    question: str = Field(
        description="The question, up to 16 KiB. Say what you must know to decide it."
    )
    options: list[str] = Field(
        default=[],
        description="Up to 10 answers to choose from, a short line each. Another answer may be"
        " given all the same.",
    )
    multi: bool = Field(default=False, description="Whether several options may be chosen.")
    ttl_seconds: float | None = Field(
        default=None,
        ge=1,
        description="How long the question is open; then it expires. Without: as long as your"
        " limits allow.",
    )
    wait: bool = Field(
        default=False,
        description="true: the call returns with the answer, or with [expired] or [cancelled], and"
        " before your turn's time is over. false: it returns at once, and the answer comes as a"
        " message, in a later turn or by recv.",
    )


class _Ask(_AskOperator):
    agent: str = Field(description='Name of the agent to ask, or "manager".')


async def _ask_operator(core: Core, agent: AgentName, args: _AskOperator) -> ToolAnswer:
    return await _ask_anyone(core, agent, OPERATOR, args)


async def _ask(core: Core, agent: AgentName, args: _Ask) -> ToolAnswer:
    if args.agent == OPERATOR:
        raise InputError("the operator is no agent", "use ask_operator")
    return await _ask_anyone(core, agent, args.agent, args)


async def _ask_anyone(core: Core, agent: AgentName, to: str, args: _AskOperator) -> ToolAnswer:
    now = core.clock()
    new = compose_question(
        core.hive,
        agent,
        to,
        args.question,
        options=args.options,
        multi=args.multi,
        ttl_seconds=args.ttl_seconds,
        now=now,
    )
    guard = loop_guard_of(core)
    if not args.wait:
        id, tripped = await core.store.write(_put, new, guard, now=now)
        left = span(new.expires_at - now)
        text = (
            f"Question {id} is put to {new.recipient} and open for {left}. What becomes of it"
            " comes as a message; you may end your turn."
        )
        text += " " + paused_text(new.recipient, guard) if tripped else ""
        return _answer_of_ask(id, QuestionState.OPEN, (), text)
    with core.bus.mail_bell(agent) as bell:
        # Cancelled just here, the question is the turn's until that ends.
        id, turn, since = await core.store.write(_put_and_wait, new, guard, now=now)
        most = since + core.hive.agents[agent].limits.turn_seconds - LAST_SECONDS - now
        closed = await _closed(core, bell, id, turn, most)
    if closed is None:
        text = (
            f"Question {id} is still open, and your turn's time is almost over: end your turn."
            " What becomes of the question comes as a message."
        )
        return _answer_of_ask(id, QuestionState.OPEN, (), text)
    return _answer_of_ask(id, closed.state, closed.answer, _what_became(closed, core.nonce()))


def _put(tx: Transaction, new: NewQuestion, guard: LoopGuard, *, now: float) -> tuple[int, bool]:
    """The question's id, and whether the loop guard has paused both agents."""
    turn_of(tx, new.asker)
    if questions.open_of(tx, new.asker) >= MAX_OPEN:
        raise InputError(
            f"{MAX_OPEN} questions of yours are open",
            "wait until some are answered; the pending tool lists them",
        )
    id = questions.ask(tx, new, now=now)
    if new.recipient == OPERATOR:
        return id, False
    return id, loop_guard.watch(tx, new.asker, new.recipient, guard, now=now)


def _put_and_wait(
    tx: Transaction, new: NewQuestion, guard: LoopGuard, *, now: float
) -> tuple[int, int, float]:
    """The question's id, the turn that waits, and when that began."""
    turn = turn_of(tx, new.asker)
    if questions.waits_for(tx, new.recipient, new.asker):
        raise InputError(
            f"{new.recipient} is waiting for an answer of yours, or of somebody who is",
            "answer what the pending tool lists, or ask without wait",
        )
    id, _ = _put(tx, replace(new, waiting_turn=turn), guard, now=now)
    return id, turn, turns.running_since(tx, turn)


async def _closed(core: Core, bell: Bell, id: int, turn: int, most: float) -> Question | None:
    """The question once it is closed; None if a message will tell what became of it.

    Args:
        most: how long to wait, in seconds.
    """
    deadline = time.monotonic() + most
    given = False
    try:
        while True:
            question = await core.store.write(questions.take, id, turn)
            if question.waiting_turn != turn:
                raise NoTurnError(question.asker)  # it has ended meanwhile
            if question.taken:
                given = True
                return question
            left = deadline - time.monotonic()
            if left <= 0 or core.bus.closed:
                return None
            await bell.wait(left)
    finally:
        if not given:
            # Where nothing can be written, the turn's end or the next start does the same.
            with suppress(StoreUnavailableError):
                await core.store.write(questions.stop_waiting, id, now=core.clock())


def _what_became(question: Question, nonce: str) -> str:
    match question.state:
        case QuestionState.ANSWERED:
            return (
                f"{question.closed_by} answered question {question.id}, between the marks with"
                f" {nonce}:\n<answer {nonce}>\n{question.said}\n</answer {nonce}>"
            )
        case QuestionState.EXPIRED:
            return (
                f"{question.said} Question {question.id} was open until"
                f" {utc(question.expires_at)}, and nobody answered it."
            )
        case _:
            return (
                f"{question.said} {question.closed_by} withdrew question {question.id} without"
                " an answer."
            )


def _answer_of_ask(id: int, state: QuestionState, answer: tuple[str, ...], text: str) -> ToolAnswer:
    return told(text, {"id": id, "state": state, "answer": list(answer)})


class _Answer(Arguments):
    id: int = Field(description="Id of the question, as the message that brought it says.")
    text: str = Field(
        description="Your answer, up to 16 KiB. Of options that are given: the one you choose,"
        " word for word; where several may be chosen, one a line."
    )


async def _answer(core: Core, agent: AgentName, args: _Answer) -> ToolAnswer:
    guard = loop_guard_of(core)
    asker, tripped = await core.store.write(
        _answer_in_turn, agent, args.id, args.text, guard, now=core.clock()
    )
    text = f"{asker} gets your answer to question {args.id}."
    text += " " + paused_text(asker, guard) if tripped else ""
    return told(text, {"id": args.id})


def _answer_in_turn(
    tx: Transaction, agent: str, id: int, text: str, guard: LoopGuard, *, now: float
) -> tuple[str, bool]:
    """The asker, and whether the loop guard has paused both agents."""
    turn_of(tx, agent)
    try:
        question = questions.read_question(tx, id)
    except (UnknownQuestionError, OverflowError):
        question = None
    if question is None or question.recipient != agent:
        raise InputError(
            f"there is no question {id} put to you", "the pending tool lists those that are open"
        )
    if question.state is not QuestionState.OPEN:
        at = utc(question.closed_at or now)
        raise InputError(
            f"question {id} is closed: {question.state} at {at} by {question.closed_by}",
            f"send {question.asker} a message if it still matters",
        )
    questions.answer(tx, id, agent, answer_of(question, text), now=now)
    return question.asker, loop_guard.watch(tx, agent, question.asker, guard, now=now)


_KINDS: Final = (
    " The answer is one of three: answered, [expired] when nobody answered in time, [cancelled]"
    " when the question was withdrawn."
)

TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        "ask_operator",
        "Ask the operator, a human who may be away for hours, what only a human can decide: a"
        " choice that is theirs, a permission, something you cannot find out." + _KINDS,
        _AskOperator,
        _ask_operator,
        long=True,
    ),
    Tool(
        "ask",
        "Ask another agent a question with a deadline. It answers in a turn of its own with the"
        " answer tool. For anything but a question use send." + _KINDS,
        _Ask,
        _ask,
        long=True,
    ),
    Tool(
        "answer",
        "Answer a question that another agent put to you. A question comes as a message of kind"
        " question, which names its id.",
        _Answer,
        _answer,
    ),
)
