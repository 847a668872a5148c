"""What a turn's events say about its end: kept while they pass, judged by verdict.py. Pure."""

from dataclasses import dataclass, field
from typing import Any, Final

from hyperhive.harness import fields
from hyperhive.harness.trim import one_line, trim
from hyperhive.wire.harness import Denial, Usage

_MAX_DENIALS: Final = 50
_MAX_SERVERS: Final = 50
_DENIAL_BUDGET: Final = 2 << 10


@dataclass(frozen=True, slots=True)
class ApiFault:
    """The API's last word where that was an error: claude's name for it, HTTP status, text."""

    error: str
    status: int | None
    text: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """A result event: the end of one run of the model, of which a process may have several."""

    is_error: bool
    subtype: str
    terminal_reason: str
    status: int | None
    model_turns: int
    text: str


@dataclass(slots=True)
class TurnRecord:
    """The facts of one claude process.

    Attributes:
        running: something began after the last result, or there was no result yet.
        fault: an API error that nothing followed but retries and the end.
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
                error = _short(event, "error") or ""
                self.fault = ApiFault(error, fields.integer(event, "error_status"), "")
            case "status":
                if event.get("compact_result") == "failed":
                    self.compaction_fault = _short(event, "compact_error") or "no reason given"
                elif event.get("compact_result") == "success":
                    self.compaction_fault = None
            case "compact_boundary":
                metadata = fields.mapping(event, "compact_metadata")
                self._context = fields.integer(metadata, "post_tokens")

    def _assistant(self, event: dict[str, Any]) -> None:
        self.running = True
        message = fields.mapping(event, "message")
        error = _short(event, "error")
        if error is not None or event.get("is_api_error_message") is True:
            words = " ".join(
                fields.text(block, "text") or "" for block in fields.objects(message, "content")
            )
            status = fields.integer(event, "api_error_status")
            self.fault = ApiFault(error or "", status, one_line(words))
        elif message.get("model") != "<synthetic>":
            self.fault = None
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


def _short(members: dict[str, Any], name: str) -> str | None:
    value = fields.text(members, name)
    return None if value is None else one_line(value)


def _count(members: dict[str, Any], name: str) -> int:
    return max(0, fields.integer(members, name) or 0)


def _sent(usage: dict[str, Any]) -> int:
    parts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return sum(_count(usage, part) for part in parts)
