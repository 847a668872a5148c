"""The MCP tools that every agent has. Their texts are written for a model to read.

Who calls is known from the socket, never from an argument. What a tool does to messages belongs to
the turn that is running; outside of a turn no tool does anything.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hyperhive.broker.core import Core
from hyperhive.broker.mail import compose, recipients_of
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName
from hyperhive.store import agents, listing, messages
from hyperhive.store.messages import Delivery, KeyReusedError, NewMessage
from hyperhive.store.transaction import Transaction

MAX_WAIT: Final = 180
"""Longest wait of `recv` in seconds."""

MAX_TAKE: Final = 32
"""Most messages that one `recv` takes."""

MAX_STATUS: Final = 200
"""Longest status in characters."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool call gives back: text for the model, and the same as data."""

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    error: bool = False


class NoTurnError(Exception):
    """The agent has no turn running, so nobody of its turn can be calling."""


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


A = TypeVar("A", bound=_Arguments)


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """One MCP tool."""

    name: str
    description: str
    arguments: type[A]
    run: Callable[[Core, AgentName, A], Awaitable[ToolAnswer]]

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        return self.arguments.model_json_schema()


class Send(_Arguments):
    to: str = Field(description='Name of the recipient: an agent, "manager" or "operator".')
    body: str = Field(description="The message: plain text or Markdown, up to 64 KiB.")
    in_reply_to: int | None = Field(
        default=None, description="Id of the message that this one answers."
    )
    idempotency_key: str | None = Field(
        default=None,
        description="Any text of yours. Sending again with the same key delivers only once.",
    )


async def _send(core: Core, agent: AgentName, args: Send) -> ToolAnswer:
    message = compose(
        core.hive,
        agent,
        args.to,
        args.body,
        in_reply_to=args.in_reply_to,
        idempotency_key=args.idempotency_key,
    )
    id = await core.store.write(_send_in_turn, message, now=core.clock())
    return ToolAnswer(f"Message {id} to {message.recipient} is on its way.", {"id": id})


def _send_in_turn(tx: Transaction, message: NewMessage, *, now: float) -> int:
    _turn_of(tx, message.sender)
    return messages.send(tx, message, now=now)


class Recv(_Arguments):
    wait_seconds: float = Field(
        default=0, ge=0, le=MAX_WAIT, description="How long to wait if nothing is there yet."
    )
    max: int = Field(default=8, ge=1, le=MAX_TAKE, description="Most messages to take at once.")


async def _recv(core: Core, agent: AgentName, args: Recv) -> ToolAnswer:
    deadline = time.monotonic() + args.wait_seconds
    with core.bus.mail_bell(agent) as bell:
        while True:
            taken, unread = await core.store.write(_take, agent, args.max)
            left = deadline - time.monotonic()
            if taken or left <= 0 or core.bus.closed:
                break
            await bell.wait(left)
    data = {"messages": [_as_data(delivery) for delivery in taken], "unread": unread}
    if not taken:
        return ToolAnswer("No messages.", data)
    return ToolAnswer("\n\n".join(map(_as_text, taken)) + f"\n\nStill unread: {unread}", data)


def _take(tx: Transaction, agent: AgentName, limit: int) -> tuple[list[Delivery], int]:
    taken = messages.lease(tx, agent, _turn_of(tx, agent), limit)
    return taken, messages.unread(tx, agent)


def _as_data(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "from": delivery.sender,
        "body": delivery.body,
        "sent_at": _utc(delivery.sent_at),
        "in_reply_to": delivery.in_reply_to,
        "repeat": delivery.delivery > 1,
    }


def _as_text(delivery: Delivery) -> str:
    repeat = ", perhaps a repeat" if delivery.delivery > 1 else ""
    answer = f", in reply to {delivery.in_reply_to}" if delivery.in_reply_to else ""
    head = f"Message {delivery.id} from {delivery.sender}, {_utc(delivery.sent_at)}"
    return f"{head}{answer}{repeat}:\n{delivery.body}"


class WhoAmI(_Arguments):
    pass


async def _whoami(core: Core, agent: AgentName, _args: WhoAmI) -> ToolAnswer:
    declared = core.hive.agents[agent]
    data = {
        "name": agent,
        "role": declared.role,
        "hive": core.hive.hive.name,
        "description": declared.description,
        "model": core.hive.model_of(agent),
        "recipients": recipients_of(core.hive, agent),
    }
    names = ", ".join(data["recipients"])
    return ToolAnswer(
        f"You are {agent}, {declared.role} in the hive {core.hive.hive.name}."
        f" You may send to: {names}.",
        data,
    )


class ListAgents(_Arguments):
    pass


async def _list_agents(core: Core, _agent: AgentName, _args: ListAgents) -> ToolAnswer:
    rows = {row["name"]: row for row in await core.store.read(listing.agents)}
    data = [
        {
            "name": name,
            "role": declared.role,
            "description": declared.description,
            "state": rows[name]["state"],
            "status": rows[name]["status"],
            "unread": rows[name]["unread"],
        }
        for name, declared in sorted(core.hive.agents.items())
    ]
    lines = [
        f"{a['name']} ({a['role']}, {a['state']}): {a['status'] or a['description'] or '-'}"
        for a in data
    ]
    return ToolAnswer("\n".join(lines), {"agents": data})


class SetStatus(_Arguments):
    text: str = Field(
        max_length=MAX_STATUS, description="What you are doing, in one line; empty to clear it."
    )


async def _set_status(core: Core, agent: AgentName, args: SetStatus) -> ToolAnswer:
    await core.store.write(_status, agent, " ".join(args.text.split()), now=core.clock())
    return ToolAnswer("Everyone in the hive sees it.")


def _status(tx: Transaction, agent: AgentName, text: str, *, now: float) -> None:
    _turn_of(tx, agent)
    agents.set_status(tx, agent, text, now=now)


TOOLS: Final[tuple[Tool[Any], ...]] = (
    Tool(
        "send",
        "Send a message to another agent or to the operator. It is delivered even if the recipient"
        " is busy or offline now; an answer comes as a message of its own, in a later turn or by"
        " recv.",
        Send,
        _send,
    ),
    Tool(
        "recv",
        "Take messages that have come for you. Without wait_seconds it returns at once. You do not"
        " need to wait for answers: end your turn, and the next message wakes you.",
        Recv,
        _recv,
    ),
    Tool("whoami", "Your name, your role, and whom you may write to.", WhoAmI, _whoami),
    Tool(
        "list_agents",
        "Every agent of the hive: name, role, state, and what it says it is doing.",
        ListAgents,
        _list_agents,
    ),
    Tool(
        "set_status",
        "Say in one line what you are doing. The operator and the other agents see it.",
        SetStatus,
        _set_status,
    ),
)

_BY_NAME: Final = {tool.name: tool for tool in TOOLS}


async def call_tool(
    core: Core, agent: AgentName, name: str, arguments: dict[str, Any]
) -> ToolAnswer:
    """Runs a tool for an agent. What it refuses is an answer that the model can act on."""
    tool = _BY_NAME.get(name)
    if tool is None:
        return _refusal(f"there is no tool {name[:40]!r}", f"use one of: {', '.join(_BY_NAME)}")
    try:
        return await tool.run(core, agent, tool.arguments.model_validate(arguments))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "arguments"
        return _refusal(f"{place}: {first['msg']}", f"see the schema of {name}")
    except NoTurnError:
        return _refusal("no turn of yours is running", "nothing was done")
    except KeyReusedError as error:
        return _refusal(str(error), "use another key for another message")
    except HyperhiveError as error:
        return _refusal(error.what, error.todo)


def _refusal(what: str, todo: str) -> ToolAnswer:
    return ToolAnswer(f"{what}: {todo}", {"error": what, "todo": todo}, error=True)


def _turn_of(tx: Transaction, agent: str) -> int:
    turn = agents.read_agent(tx, agent).turn
    if turn is None:
        raise NoTurnError(agent)
    return turn


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
