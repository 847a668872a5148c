"""send and recv."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import Field

from hyperhive.broker.core import Core
from hyperhive.broker.mail import compose
from hyperhive.broker.texts import one_line, utc
from hyperhive.broker.tools.loops import loop_guard_of, paused_text
from hyperhive.broker.tools.tool import Arguments, Tool, ToolAnswer, told, turn_of
from hyperhive.broker.wake_prompt import span
from hyperhive.errors import InputError
from hyperhive.hive.names import OPERATOR, AgentName
from hyperhive.store import loop_guard, messages
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.loop_guard import LoopGuard
from hyperhive.store.messages import Delivery, KeyReusedError, MessageKind, NewMessage
from hyperhive.store.transaction import Transaction

MAX_WAIT: Final = 180
"""Longest wait of `recv` in seconds."""

MAX_TAKE: Final = 32
"""Most messages that one `recv` takes."""

MAX_TAKE_BYTES: Final = 64 * 1024
"""Most bytes of bodies that one `recv` takes, unless one message alone has more. Escaped as JSON
they may be six times as many characters, which is still what a model is shown at once."""


QUOTED: Final = 500
"""How much of a question its answer repeats, in characters."""


class _Send(Arguments):
    to: str = Field(description='Name of the recipient: an agent, "manager" or "operator".')
    body: str = Field(description="The message: plain text or Markdown, up to 64 KiB.")
    in_reply_to: int | None = Field(
        default=None, description="Id of the message that this one answers."
    )
    idempotency_key: str | None = Field(
        default=None,
        description="Any text of yours. Sending again with the same key delivers only once.",
    )


async def _send(core: Core, agent: AgentName, args: _Send) -> ToolAnswer:
    message = compose(
        core.hive,
        agent,
        args.to,
        args.body,
        in_reply_to=args.in_reply_to,
        idempotency_key=args.idempotency_key,
    )
    guard = loop_guard_of(core)
    try:
        id, tripped = await core.store.write(_send_in_turn, message, guard, now=core.clock())
    except KeyReusedError as error:
        raise InputError(str(error), "use another key for another message") from None
    text = f"Message {id} to {message.recipient} is on its way."
    if tripped:
        text += " " + paused_text(message.recipient, guard)
    return told(text, {"id": id, "paused": tripped})


def _send_in_turn(
    tx: Transaction, message: NewMessage, guard: LoopGuard, *, now: float
) -> tuple[int, bool]:
    turn_of(tx, message.sender)
    id = messages.send(tx, message, now=now)
    if message.recipient == OPERATOR:
        return id, False
    return id, loop_guard.watch(tx, message.sender, message.recipient, guard, now=now)


class _Recv(Arguments):
    wait_seconds: float = Field(
        default=0, ge=0, le=MAX_WAIT, description="How long to wait if nothing is there yet."
    )
    max: int = Field(default=8, ge=1, le=MAX_TAKE, description="Most messages to take at once.")


@dataclass(slots=True)
class _Leased:
    """What a call has leased; filled in the store's thread."""

    turn: int = 0
    ids: list[int] = field(default_factory=list)


async def _recv(core: Core, agent: AgentName, args: _Recv) -> ToolAnswer:
    deadline = time.monotonic() + args.wait_seconds
    leased = _Leased()
    try:
        with core.bus.mail_bell(agent) as bell:
            while True:
                taken, unread = await core.store.write(_take, agent, args.max, leased)
                left = deadline - time.monotonic()
                if taken or left <= 0 or core.bus.closed:
                    break
                await bell.wait(left)
    except asyncio.CancelledError:
        # Nobody reads the answer any more. This comes after what the store is just doing.
        with suppress(StoreUnavailableError):
            await core.store.write(_give_back, leased)
        raise
    now, nonce = core.clock(), core.nonce()
    data = {"messages": [_as_data(delivery, now) for delivery in taken], "unread": unread}
    if not taken:
        return ToolAnswer("No messages.", data)
    texts = [_as_text(delivery, nonce, now) for delivery in taken]
    head = f"Between two marks with {nonce} each is a message, word for word."
    return ToolAnswer("\n\n".join([head, *texts, f"Still unread: {unread}"]), data)


def _take(
    tx: Transaction, agent: AgentName, limit: int, leased: _Leased
) -> tuple[list[Delivery], int]:
    leased.turn = turn_of(tx, agent)
    fitting = messages.fitting(tx, agent, limit, MAX_TAKE_BYTES)
    taken = messages.lease(tx, agent, leased.turn, fitting)
    leased.ids = [delivery.id for delivery in taken]
    return taken, messages.unread(tx, agent)


def _give_back(tx: Transaction, leased: _Leased) -> None:
    messages.give_back(tx, leased.turn, leased.ids)


def _as_data(delivery: Delivery, now: float) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": delivery.id,
        "from": delivery.sender,
        "kind": delivery.kind,
        "body": delivery.body,
        "sent_at": utc(delivery.sent_at),
        "in_reply_to": delivery.in_reply_to,
        "repeat": delivery.delivery > 1,
    }
    if delivery.kind is not MessageKind.MESSAGE:
        data |= {"about": delivery.about, "what": _what(delivery, now)}
    if delivery.question is not None:
        data["you_asked"] = one_line(delivery.question, QUOTED)
    return data


def _as_text(delivery: Delivery, nonce: str, now: float) -> str:
    head = f"Message {delivery.id} from {delivery.sender}, {utc(delivery.sent_at)}"
    if delivery.kind is not MessageKind.MESSAGE:
        head += f": {_what(delivery, now)}"
    if delivery.in_reply_to is not None:
        head += f", in reply to {delivery.in_reply_to}"
    if delivery.delivery > 1:
        head += ", perhaps a repeat"
    lines = [head, f"<message {nonce}>", delivery.body, f"</message {nonce}>"]
    if delivery.question is not None:
        lines.insert(1, f"You asked: {one_line(delivery.question, QUOTED)}")
    return "\n".join(lines)


def _what(delivery: Delivery, now: float) -> str:
    """What a message is that is more than somebody's words."""
    match delivery.kind:
        case MessageKind.REMINDER:
            return f"reminder {delivery.about} that you set"
        case MessageKind.QUESTION:
            left = 0.0 if delivery.until is None else delivery.until - now
            state = f"open for {span(left)}" if left > 0 else "no longer open"
            return f"question {delivery.about}, {state}: answer it with the answer tool"
        case MessageKind.ANSWER:
            return f"what became of your question {delivery.about}"
        case MessageKind.NOTICE:
            return "notice of the hive"
        case MessageKind.MESSAGE:
            return "message"


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        "send",
        "Send a message to another agent or to the operator. It is delivered even if the recipient"
        " is busy or offline now; an answer comes as a message of its own, in a later turn or by"
        " recv.",
        _Send,
        _send,
    ),
    Tool(
        "recv",
        "Take messages that have come for you. Without wait_seconds it returns at once. You do not"
        " need to wait for answers: end your turn, and the next message wakes you.",
        _Recv,
        _recv,
        long=True,
    ),
)
