"""What harness and broker say to each other on harness.sock (docs/protocol.md).

Harness to broker: `hello`, `turn.started`, `turn.events`, `turn.finished`, `leaving`.
Broker to harness: `turn.run`, `turn.cancel`.
Every one is a request: the sender keeps what it said until the answer is there, so that nothing is
lost when the other side is killed in between.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

PROTOCOL: Final = 4
"""Version of this protocol; a change that an older side would misread makes it the next."""


class TurnKind(StrEnum):
    """What a turn is for."""

    MESSAGE = "message"
    """It answers a message."""
    CHECKPOINT = "checkpoint"
    """The agent saves what it must not forget, before its conversation is compacted."""
    COMPACT = "compact"
    """claude compacts the conversation; the prompt is the command for it."""
    NOTES = "notes"
    """A conversation of its own, without tools, whose answer takes the place of notes.md. The
    prompt is the harness's, which reads the notes."""


class OutcomeKind(StrEnum):
    """How a turn ended."""

    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PROMPT_TOO_LONG = "prompt_too_long"
    RATE_LIMITED = "rate_limited"
    NEEDS_LOGIN = "needs_login"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    UNKNOWN_MODEL = "unknown_model"


class TurnEventKind(StrEnum):
    """What one event of a turn tells; `data` of `TurnEvent` holds the members named here."""

    INIT = "init"
    """session, model, version, tools, mcp: {server: status}"""
    TEXT = "text"
    """text"""
    THINKING = "thinking"
    """text"""
    TOOL_USE = "tool_use"
    """id, tool, input"""
    TOOL_RESULT = "tool_result"
    """id, content, error (bool)"""
    DENIED = "denied"
    """tool, input, reason"""
    RETRY = "retry"
    """attempt, delay_ms, status, error: the CLI asks the API again by itself"""
    COMPACTION = "compaction"
    """status: compacting | success | failed; trigger, pre_tokens, post_tokens, error"""
    NOTES = "notes"
    """status: replaced | kept; bytes_before, bytes_after, reason (why they were kept)"""
    RATE_LIMIT = "rate_limit"
    """status, resets_at (seconds since the epoch), type"""
    NOTICE = "notice"
    """text: anything else that a reader of the turn wants to see (a model fallback, stderr, …)"""


@dataclass(frozen=True, slots=True)
class ClaudeInfo:
    """The claude executable that a harness found."""

    path: str
    version: str


@dataclass(frozen=True, slots=True)
class Hello:
    """`hello`: the first request on a connection.

    Attributes:
        agent: the name the harness was started for; must be the socket's own.
        harness: version of hyperhive.
        running: the turn whose `turn.finished` has not been answered yet.
        problem: why no turn can run (claude missing or not supported), one line.
        settings: digest of the settings in force, so that a deploy knows them to be the new ones.
    """

    protocol: int
    agent: str
    harness: str
    pid: int
    settings: str
    claude: ClaudeInfo | None = None
    running: int | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to `hello`.

    Attributes:
        keep: whether the turn that `hello` named as running still counts. If not, its messages are
            back in the queue: end it and forget it.
    """

    broker: str
    keep: bool


@dataclass(frozen=True, slots=True)
class TurnRun:
    """`turn.run`: run this turn. Answered with {} once it is accepted, before claude starts.

    Attributes:
        session: the session's UUID.
        resume: whether that session has been begun (--resume), or is new (--session-id).
        roster: who else is in the hive: text that follows the system prompt of the settings.
    """

    turn: int
    prompt: str
    model: str
    session: str
    resume: bool
    kind: TurnKind = TurnKind.MESSAGE
    roster: str = ""


@dataclass(frozen=True, slots=True)
class TurnCancel:
    """`turn.cancel`: end this turn and every process of it. Answered with {} at once; the turn's
    end comes as `turn.finished` with outcome cancelled."""

    turn: int
    reason: str


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """`turn.started`: claude has been executed.

    Attributes:
        pid: claude's process id as the harness sees it.
        at: seconds since the epoch.
    """

    turn: int
    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class TurnEvent:
    """One event of a turn. `seq` counts from 1 without gaps; `at` is seconds since the epoch."""

    seq: int
    at: float
    kind: TurnEventKind
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TurnEvents:
    """`turn.events`: some events in order. Answered with {} when they are on disk; an event that is
    sent again (same turn and seq) is stored once."""

    turn: int
    events: list[TurnEvent]


@dataclass(frozen=True, slots=True)
class Denial:
    """A tool call that the rules refused."""

    tool: str
    input: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of this turn."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_creation: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended, and what it took.

    Attributes:
        detail: one line for a reader; "" where there is nothing to say.
        retry_at: when the API said to come back, seconds since the epoch.
        exit_code: claude's exit status; minus the signal's number if a signal ended it.
        session: the session's UUID at the end (`/clear` begins a new one); None if it never began.
        session_cost_usd: claude's own figure: the sum over the session from 2.1.330 on, before that
            of this run; `claude_version` tells which.
        context_tokens: tokens of the last request with its answer: what the session now weighs.
        context_window: the model's window in tokens, as the result event says.
        steps: model steps of this run.
        mcp_failed: MCP servers whose tools were missing in this turn.
        session_missing: claude has no session of the id it was to resume; begin a new one.
        notes_bytes: size of notes.md after the turn; None: there is none that can be read.
        no_claude: there was no claude that could be run.
    """

    kind: OutcomeKind
    detail: str = ""
    retry_at: float | None = None
    exit_code: int | None = None
    session: str | None = None
    model: str | None = None
    claude_version: str | None = None
    steps: int = 0
    duration_ms: int = 0
    session_cost_usd: float | None = None
    context_tokens: int | None = None
    context_window: int | None = None
    usage: Usage = field(default_factory=Usage)
    denials: list[Denial] = field(default_factory=list)
    mcp_failed: list[str] = field(default_factory=list)
    session_missing: bool = False
    notes_bytes: int | None = None
    no_claude: bool = False


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """`turn.finished`: the turn's end. Answered with {} when it is on disk; until then the harness
    keeps it and says it again after every reconnect.

    Attributes:
        leaving: the harness leaves as well, as with `leaving`, and why: else it would be given the
            next turn in between.
    """

    turn: int
    outcome: Outcome
    leaving: str | None = None


@dataclass(frozen=True, slots=True)
class Leaving:
    """`leaving`: the last request of a harness that ends because it was told to, unless it said so
    with its last `turn.finished`. A connection that ends without either is a harness that died.

    Attributes:
        reason: one line for a reader.
    """

    reason: str
