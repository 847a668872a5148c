"""nap and remind."""

import math
from datetime import datetime
from typing import Any, Final

from pydantic import Field

from hyperhive.broker.core import Core
from hyperhive.broker.texts import check_text, one_line, utc
from hyperhive.broker.tools.tool import Arguments, Tool, ToolAnswer, told, turn_of
from hyperhive.broker.wake_prompt import span
from hyperhive.errors import InputError
from hyperhive.hive.names import AgentName
from hyperhive.store import naps, reminders
from hyperhive.store.transaction import Transaction
from hyperhive.store.turns import NAP_GRACE

MAX_NAP: Final = 7 * 86400
"""Longest nap in seconds."""

MAX_REASON: Final = 200
"""Longest reason of a nap in characters."""

MAX_AHEAD: Final = 366 * 86400
"""How many seconds ahead a reminder may be at most."""

MAX_PENDING: Final = 100
"""Most reminders of one agent that may be pending at once."""

MAX_REMINDER: Final = 16 * 1024
"""Longest reminder in bytes of UTF-8."""


class _Nap(Arguments):
    seconds: float = Field(ge=1, le=MAX_NAP, description="How long to sleep: up to 7 days.")
    reason: str = Field(
        default="", max_length=MAX_REASON, description="What you wait for, in one line."
    )


async def _nap(core: Core, agent: AgentName, args: _Nap) -> ToolAnswer:
    now = core.clock()
    until = now + args.seconds
    await core.store.write(_nap_in_turn, agent, until, one_line(args.reason, MAX_REASON), now=now)
    wakes = ["the time", "a cancel of the operator's"]
    if core.hive.agents[agent].wake_for_operator:
        wakes.append("a message from the operator")
    text = (
        f"End your turn now, without another tool: you sleep until {utc(until)}"
        f" ({span(args.seconds)}), and in {NAP_GRACE:g} s this turn is ended for you."
        f" What wakes you: {', '.join(wakes)}. Other messages wait until then."
    )
    return told(text, {"until": utc(until), "seconds": args.seconds})


def _nap_in_turn(tx: Transaction, agent: str, until: float, reason: str, *, now: float) -> None:
    turn_of(tx, agent)
    naps.begin_nap(tx, agent, until, reason, now=now)


class _Remind(Arguments):
    message: str = Field(description="What to remind you of, up to 16 KiB.")
    delay_seconds: float | None = Field(
        default=None, description="In how many seconds. Give this or `at`."
    )
    at: float | str | None = Field(
        default=None,
        description="When: ISO 8601 with a zone (2026-01-31T12:00:00Z), or seconds since the"
        " epoch. Give this or `delay_seconds`.",
    )


async def _remind(core: Core, agent: AgentName, args: _Remind) -> ToolAnswer:
    now = core.clock()
    check_text("the message", args.message, MAX_REMINDER, todo="put the rest in a file of yours")
    due = due_at(args.delay_seconds, args.at, now=now)
    id = await core.store.write(_remind_in_turn, agent, args.message, due, now=now)
    text = f"Reminder {id} comes to you as a message at {utc(due)}, in {span(due - now)}."
    return told(text, {"id": id, "at": utc(due)})


def _remind_in_turn(tx: Transaction, agent: str, message: str, due: float, *, now: float) -> int:
    turn_of(tx, agent)
    if reminders.pending_of(tx, agent) >= MAX_PENDING:
        raise InputError(
            f"{MAX_PENDING} reminders of yours are pending",
            "put several things into one, or wait until some have come",
        )
    return reminders.remind(tx, agent, message, due, now=now)


def due_at(delay_seconds: float | None, at: float | str | None, *, now: float) -> float:
    """When a reminder is due, in seconds since the epoch.

    Raises:
        InputError: not exactly one of both is given, or it is not within `MAX_AHEAD`.
    """
    if (delay_seconds is None) == (at is None):
        raise InputError("give delay_seconds or at", "one of both")
    due = now + delay_seconds if delay_seconds is not None else _moment(at)
    if not now + 1 <= due <= now + MAX_AHEAD:
        raise InputError(
            f"it is {utc(now)} now, and a reminder comes 1 s to 366 days later",
            "give a time within these",
        )
    return due


def _moment(at: float | str | None) -> float:
    if isinstance(at, float):
        return at
    text = str(at).strip()
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return seconds if math.isfinite(seconds) else 0.0
    todo = "write it as 2026-01-31T12:00:00Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{text[:40]!r} is no time", todo) from None
    if moment.tzinfo is None:
        raise InputError(f"{text[:40]!r} has no zone", todo)
    return moment.timestamp()


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        "nap",
        "Sleep for a time, though messages come meanwhile: for when you wait for something that"
        " nobody will tell you, such as a build. It begins when this turn has ended, so call it"
        " last. Without it you sleep anyway, until the next message.",
        _Nap,
        _nap,
    ),
    Tool(
        "remind",
        "Have a message of yours come back to you at a time, and wake you then. It survives"
        " whatever is restarted in between.",
        _Remind,
        _remind,
    ),
)
