"""pending: what the agent has begun and not ended."""

from typing import Any, Final

from hyperhive.broker.core import Core
from hyperhive.broker.texts import one_line, utc
from hyperhive.broker.tools.tool import NoArguments, NoTurnError, Tool, ToolAnswer
from hyperhive.broker.wake_prompt import span
from hyperhive.hive.names import AgentName
from hyperhive.store import outstanding
from hyperhive.store.outstanding import Outstanding, OutstandingQuestion

_QUOTED: Final = 200
"""How much of a question or reminder is repeated, in characters."""


async def _pending(core: Core, agent: AgentName, _args: NoArguments) -> ToolAnswer:
    found = await core.store.read(outstanding.outstanding, agent)
    if found.turn is None:
        raise NoTurnError(agent)
    now = core.clock()
    data = {
        "questions_of_yours": [_question(q, "to", now) for q in found.asked],
        "questions_to_you": [_question(q, "from", now) for q in found.to_answer],
        "reminders": [
            {
                "id": reminder.id,
                "message": one_line(reminder.body, _QUOTED),
                "at": utc(reminder.due_at),
                "left_seconds": _left(reminder.due_at, now),
            }
            for reminder in found.reminders
        ],
        "messages_of_this_turn": [{"id": id, "from": sender} for id, sender in found.leased],
        "unread": found.unread,
        "nap_until": None if found.nap_until is None else utc(found.nap_until),
    }
    return ToolAnswer("\n".join(_lines(found, now)), data)


def _question(question: OutstandingQuestion, way: str, now: float) -> dict[str, Any]:
    return {
        "id": question.id,
        way: question.other,
        "question": one_line(question.text, _QUOTED),
        "left_seconds": _left(question.expires_at, now),
    }


def _left(at: float, now: float) -> int:
    return max(0, round(at - now))


def _lines(found: Outstanding, now: float) -> list[str]:
    lines = [
        f"Your question {q.id} to {q.other} ({span(q.expires_at - now)} left):"
        f" {one_line(q.text, _QUOTED)}"
        for q in found.asked
    ]
    lines += [
        f"Question {q.id} to you from {q.other} ({span(q.expires_at - now)} left):"
        f" {one_line(q.text, _QUOTED)}"
        for q in found.to_answer
    ]
    lines += [
        f"Reminder {r.id} in {span(r.due_at - now)}: {one_line(r.body, _QUOTED)}"
        for r in found.reminders
    ]
    messages = ", ".join(f"{id} from {sender}" for id, sender in found.leased) or "none"
    lines += [f"Messages of this turn: {messages}", f"Unread: {found.unread}"]
    if found.nap_until is not None:
        lines.append(f"You sleep after this turn, until {utc(found.nap_until)}.")
    return lines


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        "pending",
        "What you have begun and not ended: your open questions, questions that wait for your"
        " answer, your reminders, the messages that this turn has taken, and how many are unread.",
        NoArguments,
        _pending,
    ),
)
