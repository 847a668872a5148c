"""What the operator's API says and takes, in version 1. Times are seconds since the epoch."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hyperhive.store.agents import AgentState
from hyperhive.store.messages import MessageState
from hyperhive.wire.harness import OutcomeKind


class Agent(BaseModel):
    """An agent, as it is now."""

    name: str
    role: Literal["agent", "manager"]
    description: str
    icon: str
    model: str
    state: AgentState
    reason: str
    since: float
    until: float | None
    status: str
    status_at: float | None
    unread: int
    turn: int | None
    last_turn_at: float | None
    session: str | None
    harness: str | None
    claude: str | None
    uid_base: int


class Message(BaseModel):
    """A message and where it is on its way."""

    model_config = ConfigDict(populate_by_name=True)

    id: int
    sender: Annotated[str, Field(alias="from")]
    recipient: Annotated[str, Field(alias="to")]
    body: str
    in_reply_to: int | None
    created_at: float
    state: MessageState
    deliveries: int
    attempts: int
    turn: int | None
    settled_at: float | None


class NewMessage(BaseModel):
    """A message of the operator's."""

    model_config = ConfigDict(extra="forbid")

    to: str
    body: str
    in_reply_to: int | None = None
    idempotency_key: str | None = None


class Sent(BaseModel):
    """A message that is on disk."""

    id: int


class Read(BaseModel):
    """Messages that the operator has read."""

    model_config = ConfigDict(extra="forbid")

    ids: list[int]


class ReadCount(BaseModel):
    """How many of them were unread."""

    read: int


class Event(BaseModel):
    """Something that happened."""

    id: int
    at: float
    agent: str | None
    turn: int | None
    kind: str
    data: dict[str, Any]


class Turn(BaseModel):
    """One run of claude; `outcome` is None while it runs."""

    id: int
    agent: str
    message: int
    model: str
    session: str
    resumed: bool
    queued_at: float
    started_at: float
    executed_at: float | None
    ended_at: float | None
    outcome: OutcomeKind | None
    detail: str
    exit_code: int | None
    steps: int | None
    duration_ms: int | None
    claude_version: str | None
    session_cost_usd: float | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    context_tokens: int | None
    context_window: int | None
    denials: list[dict[str, Any]]
    mcp_failed: list[str]


class Reason(BaseModel):
    """Why the operator does something."""

    model_config = ConfigDict(extra="forbid")

    reason: str = ""


class Error(BaseModel):
    """What went wrong, and what to do."""

    error: str
    todo: str
