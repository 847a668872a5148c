"""What a tool is, and what it answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from hyperhive.broker.core import Core
from hyperhive.hive.names import AgentName
from hyperhive.store import agents
from hyperhive.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What a tool call gives back: text, and the same as data.

    claude shows its model the data alone where there is any, and of an error the text alone
    (2.1.330): what the model must read stands in both.
    """

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    error: bool = False


def told(text: str, data: dict[str, Any]) -> ToolAnswer:
    """An answer whose data say the text as well."""
    return ToolAnswer(text, {**data, "text": text})


class Arguments(BaseModel):
    """The arguments of a tool; unknown ones are errors."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class NoArguments(Arguments):
    """Of a tool that takes none."""


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Tool(Generic[A]):
    """One MCP tool.

    Attributes:
        long: whether its answer may hold messages. claude puts answers of more than 50,000
            characters, or of too many tokens, into a file, unless the tool is declared otherwise.
    """

    name: str
    description: str
    arguments: type[A]
    run: Callable[[Core, AgentName, A], Awaitable[ToolAnswer]]
    long: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        return self.arguments.model_json_schema()

    @property
    def declaration(self) -> dict[str, Any]:
        """The tool as tools/list has it."""
        declared = {
            "name": self.name,
            "description": self.description,
            "inputSchema": self.schema,
        }
        return {**declared, "_meta": _LONG} if self.long else declared


_LONG: Final = {"anthropic/maxResultSizeChars": 500_000}
"""The most that claude lets a tool declare."""


class NoTurnError(Exception):
    """The agent has no turn running, so nobody of its turn can be calling."""


def turn_of(tx: Transaction, agent: str) -> int:
    """The turn that is calling.

    Raises:
        NoTurnError: none is running.
    """
    turn = agents.read_agent(tx, agent).turn
    if turn is None:
        raise NoTurnError(agent)
    return turn
