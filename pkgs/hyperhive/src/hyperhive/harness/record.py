"""What a turn's events say about its end: kept while they pass, judged by verdict.py. Pure."""

from dataclasses import dataclass, field
from typing import Any, Final

from hyperhive.harness import fields
from hyperhive.harness.trim import one_line, trim
from hyperhive.wire.harness import Denial, Usage

_MAX_DENIALS: Final = 50
_MAX_SERVERS: Final = 50
_DENIAL_BUDGET: Final = 2 << 10
_MAX_ANSWER: Final = (1 << 20) + 1
"""Most characters kept of an answer: more than notes may have, so that a longer one is seen to be
longer."""


@dataclass(frozen=True, slots=True)
class ApiFault:
    """The API's last word where that was an error: claude's name for it, HTTP status, text."""

    error: str
    status: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Retry:
    """claude waits for the API before it asks again.

    Attributes:
        attempt: how often it has asked so far.
        seconds: how long it waits.
    """

    attempt: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RunResult:
    """A result event: the end of one run of the model, of which a process may have several.

    Attributes:
        text: one line of what it says.
        answer: the model's last words, all of them up to a bound.
    """

    is_error: bool
    subtype: str
    terminal_reason: str
    status: int | None
    model_turns: int
    text: str
    stop_reason: str
    answer: str


@dataclass(slots=True)
class TurnRecord:
    """The facts of one claude process.

    Attributes:
        running: something began after the last result, or there was no result yet.
        fault: an API error that nothing followed but retries and the end.
        retry: the last wait for the API, if nothing but the end followed it.
        said: the last words of the CLI itself, which is how it answers a command.
        compacted: the conversation was compacted.
        compaction_fault: why the last compaction failed.
        resets_at: when a limit that was hit ends, seconds since the epoch.
        plain: the last line on standard output that was not JSON.
    """

    session: str | None = None
    model: str | None = None
    version: str | None = None
    permission_mode: str | None = None
    mcp_failed: list[str] = field(default_factory=list)
    running: bool = True
    result: RunResult | None = None
    fault: ApiFault | None = None
    retry: Retry | None = None
    said: str = ""
    compacted: bool = False
    compaction_fault: str | None = None
    resets_at: float | None = None
    plain: str = ""
    cost_usd: float | None = None
    context_window: int | None = None
    usage: Usage = field(default_factory=Usage)
    denials: list[Denial] = field(default_factory=list)
    _steps: int = 0
    _step: str | None = None
    _context: int | None = None

    @property
    def steps(self) -> int:
        """Answers of the model."""
        return self._steps

    @property
    def context_tokens(self) -> int | None:
        """Tokens of the last request, and of its answer where the events tell them: they give an
        answer's tokens only summed up over a run, so that a run of several steps leaves out the
        last one's."""
        if self._context is None:
            return None
        return self._context + (self.usage.output if self._steps == 1 else 0)

    def update(self, event: dict[str, Any]) -> None:
        """Take in one of claude's events."""
        match event.get("type"):
            case "system":
                self._system(event)
            case "assistant":
                self._assistant(event)
            case "result":
                self._result(event)
            case "rate_limit_event":
                info = fields.mapping(event, "rate_limit_info")
                if info.get("status") == "rejected":
                    self.resets_at = fields.number(info, "resetsAt")
            case "tool_progress":
                if retry := fields.mapping(event, "subagent_retry"):
                    self._wait(retry, _short(retry, "error_category"))

    def _system(self, event: dict[str, Any]) -> None:
        match event.get("subtype"):
            case "init":
                self.running = True
                self.session = _short(event, "session_id") or self.session
                self.model = _short(event, "model") or self.model
                self.version = _short(event, "claude_code_version") or self.version
                self.permission_mode = _short(event, "permissionMode") or self.permission_mode
                self.mcp_failed = [
                    one_line(fields.text(server, "name") or "")
                    for server in fields.objects(event, "mcp_servers")
                    if server.get("status") not in ("connected", "pending")
                ][:_MAX_SERVERS]
            case "api_retry":
                self._wait(event, _short(event, "error"))
            case "status":
                if event.get("compact_result") == "failed":
                    self.compaction_fault = _short(event, "compact_error") or "no reason given"
                elif event.get("compact_result") == "success":
                    self.compaction_fault, self.compacted = None, True
            case "compact_boundary":
                self.compacted = True
                metadata = fields.mapping(event, "compact_metadata")
                self._context = fields.integer(metadata, "post_tokens")

    def _wait(self, event: dict[str, Any], error: str | None) -> None:
        self.fault = ApiFault(error or "", fields.integer(event, "error_status"), "")
        seconds = max(0.0, (fields.number(event, "retry_delay_ms") or 0.0) / 1000)
        self.retry = Retry(fields.integer(event, "attempt") or 0, seconds)

    def _assistant(self, event: dict[str, Any]) -> None:
        self.running = True
        message = fields.mapping(event, "message")
        error = _short(event, "error")
        if message.get("model") == "<synthetic>":
            self.said = _words(message)
        if error is not None or event.get("is_api_error_message") is True:
            status = fields.integer(event, "api_error_status")
            self.fault = ApiFault(error or "", status, _words(message))
        elif message.get("model") != "<synthetic>":
            self.fault = self.retry = None
            id = fields.text(message, "id")
            if event.get("parent_tool_use_id") is None:
                self.model = _short(message, "model") or self.model
                self._context = _sent(fields.mapping(message, "usage"))
            if id is None or id != self._step:  # a message comes as one line for each block
                self._steps += 1
                self._step = id

    def _result(self, event: dict[str, Any]) -> None:
        self.running = False
        self.session = _short(event, "session_id") or self.session
        errors = fields.strings(event, "errors")
        self.result = RunResult(
            is_error=event.get("is_error") is True,
            subtype=_short(event, "subtype") or "",
            terminal_reason=_short(event, "terminal_reason") or "",
            status=fields.integer(event, "api_error_status"),
            model_turns=fields.integer(event, "num_turns") or 0,
            text=_short(event, "result") or one_line("; ".join(errors[:3])),
            stop_reason=_short(event, "stop_reason") or "",
            answer=(fields.text(event, "result") or "")[:_MAX_ANSWER],
        )
        cost = fields.number(event, "total_cost_usd")
        self.cost_usd = self.cost_usd if cost is None else cost
        self._add_usage(fields.mapping(event, "usage"))
        self._read_window(fields.mapping(event, "modelUsage"))
        for denial in fields.objects(event, "permission_denials"):
            if len(self.denials) < _MAX_DENIALS:
                arguments = trim(fields.mapping(denial, "tool_input"), _DENIAL_BUDGET)
                self.denials.append(Denial(_short(denial, "tool_name") or "", arguments))

    def _add_usage(self, usage: dict[str, Any]) -> None:
        so_far = self.usage
        self.usage = Usage(
            input=so_far.input + _count(usage, "input_tokens"),
            output=so_far.output + _count(usage, "output_tokens"),
            cache_read=so_far.cache_read + _count(usage, "cache_read_input_tokens"),
            cache_creation=so_far.cache_creation + _count(usage, "cache_creation_input_tokens"),
        )

    def _read_window(self, models: dict[str, Any]) -> None:
        """The window of the model that answered; others (a subagent's) may be named as well."""
        window = fields.integer(fields.mapping(models, self.model or ""), "contextWindow")
        if window is None and len(models) == 1:
            window = fields.integer(fields.mapping(models, next(iter(models))), "contextWindow")
        self.context_window = self.context_window if window is None else window


def _words(message: dict[str, Any]) -> str:
    blocks = fields.objects(message, "content")
    return one_line(" ".join(fields.text(block, "text") or "" for block in blocks))


def _short(members: dict[str, Any], name: str) -> str | None:
    value = fields.text(members, name)
    return None if value is None else one_line(value)


def _count(members: dict[str, Any], name: str) -> int:
    return max(0, fields.integer(members, name) or 0)


def _sent(usage: dict[str, Any]) -> int:
    parts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(_count(usage, part) for part in parts)
