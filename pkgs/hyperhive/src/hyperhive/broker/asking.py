"""What may be asked, and what is an answer. Pure: the declared hive and a request in."""

from typing import Final

from hyperhive.broker.mail import recipient_of
from hyperhive.broker.texts import check_text
from hyperhive.errors import InputError
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.store.questions import SENTINELS, NewQuestion, Question

MAX_QUESTION: Final = 16 * 1024
"""Longest question in bytes of UTF-8."""

MAX_OPTIONS: Final = 10
"""Most options of a question."""

MAX_OPTION: Final = 200
"""Longest option in characters."""

MAX_OPEN: Final = 20
"""Most questions of one agent that may be open at once."""

MAX_ANSWER: Final = 16 * 1024
"""Longest answer in bytes of UTF-8."""


def compose_question(
    hive: HiveConfig,
    asker: AgentName,
    to: str,
    question: str,
    *,
    options: list[str],
    multi: bool,
    ttl_seconds: float | None,
    now: float,
) -> NewQuestion:
    """A question that may be asked; nobody waits for it yet.

    Args:
        to: an agent, or the operator.
        ttl_seconds: how long it is open; None: as long as the asker's limits allow.

    Raises:
        UnknownRecipientError: no such recipient, or not one that the asker may write to.
        InputError: the question, an option or the time is not usable.
    """
    recipient = recipient_of(hive, asker, to)
    check_text("the question", question, MAX_QUESTION, todo="put the rest in a file, and name it")
    cap = hive.agents[asker].limits.question_seconds
    if ttl_seconds is not None and ttl_seconds > cap:
        raise InputError(
            f"ttl_seconds is {ttl_seconds:g}, yours is {cap} at most",
            f"give up to {cap}, or leave it out",
        )
    return NewQuestion(
        asker=asker,
        recipient=recipient,
        question=question,
        options=_options(options, multi),
        multi=multi,
        expires_at=now + (ttl_seconds or cap),
        waiting_turn=None,
    )


def answer_of(question: Question, text: str) -> tuple[str, ...]:
    """What an agent answers: of a question with several choices one a line, else the text.

    Raises:
        InputError: it is empty, too long or a sentinel.
    """
    text = answer_text(text)
    lines = tuple(dict.fromkeys(line.strip() for line in text.splitlines()))
    several = question.multi and all(line in question.options for line in lines)
    return tuple(map(answer_text, lines)) if several else (text,)


def answer_text(text: str) -> str:
    """One text of an answer, without the blanks around it.

    Raises:
        InputError: it is empty, too long or a sentinel.
    """
    check_text("the answer", text, MAX_ANSWER, todo="answer in short, and send the rest")
    text = text.strip()
    if text in SENTINELS:
        raise InputError(
            f"{text} stands for an answer that never came",
            "write something else; who asked or who is the operator may cancel the question",
        )
    return text


def _options(options: list[str], multi: bool) -> tuple[str, ...]:
    stripped = tuple(option.strip() for option in options)
    if multi and not stripped:
        raise InputError("multi without options", "give the options to choose from")
    if len(stripped) > MAX_OPTIONS:
        raise InputError(
            f"{len(stripped)} options, {MAX_OPTIONS} are allowed", "leave the least likely out"
        )
    for option in stripped:
        if not 0 < len(option) <= MAX_OPTION or len(option.splitlines()) != 1:
            raise InputError(
                f"the option {option[:40]!r} is not usable",
                f"write it on one line of 1 to {MAX_OPTION} characters",
            )
    if len(set(stripped)) < len(stripped):
        raise InputError("an option is there twice", "give each of them once")
    if SENTINELS.intersection(stripped):
        raise InputError("an option stands for an answer that never came", "name it otherwise")
    return stripped
