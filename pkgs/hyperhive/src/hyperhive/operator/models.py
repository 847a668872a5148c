"""What the operator's API says and takes, in version 1. Times are seconds since the epoch."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from hyperhive.hive.tables import Network
from hyperhive.hive.values import Line, ModelName
from hyperhive.store.agents import AgentState, Compaction
from hyperhive.store.container_states import ContainerState, Wanted
from hyperhive.store.messages import MessageKind, MessageState
from hyperhive.store.questions import QuestionState
from hyperhive.store.settlement import Fate
from hyperhive.wire.harness import OutcomeKind, TurnKind

LAST_ID: Final = 2**63 - 1
"""The largest id that the store can have."""

Id = Annotated[int, Field(ge=1, le=LAST_ID)]


class Agent(BaseModel):
    """An agent, as it is now.

    Attributes:
        model: what its next turn runs with, and `model_layer` what says so.
        model_active: what its last turn ran with; None: it had none yet.
        model_queued: the model, if it is set but no turn has used it yet.
        model_override: what the operator set; None: what is declared holds.
        compaction: the step of a compaction that comes before its next message.
        notes_bytes: size of its notes.md after the last turn.
        notes_due: why its notes are to be made shorter; None: they are not.
        failures: consecutive failed turns.
        context_tokens: what its conversation weighs, as far as is known.
        context_window: the model's window in tokens.
        questions: how many of its own are open.
        paused: whether no further turn begins; the state says so once the turn that runs is over.
        settings: the digest of the settings that its harness runs with; None: none is connected.
        container: what its container was seen to be; None where it has none.
        wanted: what the operator wants of it; None: nobody said so.
        approval: the approval whose settings were deployed last; None: it is as declared.
        spawned: whether an approval made it, and no declaration has it.
        problem: why what was approved is left out; "": it is not.
    """

    name: str
    role: Literal["agent", "manager"]
    description: str
    icon: str
    model: str
    model_layer: str
    model_active: str | None
    model_queued: str | None
    model_override: str | None
    model_switched_at: float | None
    model_switched_by: str | None
    state: AgentState
    reason: str
    since: float
    until: float | None
    paused: bool
    status: str
    status_at: float | None
    unread: int
    questions: int
    turn: int | None
    last_turn_at: float | None
    failures: int
    session: str | None
    context_tokens: int | None
    context_window: int | None
    compaction: Compaction | None
    compaction_reason: str
    notes_bytes: int | None
    notes_due: str | None
    harness: str | None
    claude: str | None
    settings: str | None
    container: ContainerState | None = None
    wanted: Wanted | None = None
    approval: int | None
    spawned: bool
    problem: str
    network: Network
    uid_base: int


class Message(BaseModel):
    """A message and where it is on its way.

    Attributes:
        about: the id of the question or reminder that it belongs to, by its kind.
        note: why it was given up or settled otherwise than by its turn.
    """

    model_config = ConfigDict(populate_by_name=True)

    id: int
    sender: Annotated[str, Field(alias="from")]
    recipient: Annotated[str, Field(alias="to")]
    kind: MessageKind
    about: int | None
    body: str
    in_reply_to: int | None
    created_at: float
    state: MessageState
    deliveries: int
    attempts: int
    turn: int | None
    settled_at: float | None
    note: str


class NewMessage(BaseModel):
    """A message of the operator's."""

    model_config = ConfigDict(extra="forbid")

    to: str
    body: str
    in_reply_to: Id | None = None
    idempotency_key: Line | None = None


class Sent(BaseModel):
    """A message that is on disk."""

    id: int


class Read(BaseModel):
    """Messages that the operator has read."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Id]


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
    """One run of claude; `outcome` is None while it runs.

    Attributes:
        message: the message that it is for; None in other kinds.
        cancel: what was to become of its messages when it was cancelled; None: it was not.
    """

    id: int
    agent: str
    kind: TurnKind
    message: int | None
    model: str
    session: str
    resumed: bool
    queued_at: float
    started_at: float
    executed_at: float | None
    cancel: Fate | None
    cancel_reason: str
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


class Question(BaseModel):
    """A question and what became of it.

    Attributes:
        remaining: seconds until it expires; 0 once it is closed.
        waiting_turn: the asker's turn, a call of which waits for the answer.
    """

    model_config = ConfigDict(populate_by_name=True)

    id: int
    asker: Annotated[str, Field(alias="from")]
    recipient: Annotated[str, Field(alias="to")]
    question: str
    options: list[str]
    multi: bool
    created_at: float
    expires_at: float
    remaining: float
    state: QuestionState
    answer: list[str]
    closed_by: str | None
    closed_at: float | None
    waiting_turn: int | None


class Answer(BaseModel):
    """The operator's answer: one text, or several where several options may be chosen."""

    model_config = ConfigDict(extra="forbid")

    answer: list[str]


class Reminder(BaseModel):
    """A reminder that an agent set for itself.

    Attributes:
        remaining: seconds until it is delivered, or tried again; 0 if it is not pending.
        error: why it could not be delivered.
        message: the message that it became.
    """

    id: int
    agent: str
    body: str
    created_at: float
    due_at: float
    next_at: float
    remaining: float
    state: Literal["pending", "sent", "parked", "dropped"]
    attempts: int
    error: str
    message: int | None


class Reason(BaseModel):
    """Why the operator does something."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Line, Field(max_length=1000)] = ""


class Cancel(Reason):
    """What is to become of the messages of a turn that is cancelled.

    `done`: acknowledged, with a note. `back`: in the queue again. `drop`: given up.
    """

    messages: Literal["done", "back", "drop"] = "done"


class Cancelled(BaseModel):
    """What was ended, in words."""

    ended: list[str]
    agent: Agent


class Model(BaseModel):
    """A model that the operator sets."""

    model_config = ConfigDict(extra="forbid")

    model: ModelName


class Compact(BaseModel):
    """How a conversation is made shorter: at once, or after a turn that saves what matters."""

    model_config = ConfigDict(extra="forbid")

    checkpoint: bool = False


class Vacuum(BaseModel):
    """Whether history is removed, or only counted."""

    model_config = ConfigDict(extra="forbid")

    dry_run: bool = False


class Vacuumed(Vacuum):
    """How many rows of each kind were removed, or would be."""

    removed: dict[str, int]


class Error(BaseModel):
    """What went wrong, and what to do."""

    error: str
    todo: str
