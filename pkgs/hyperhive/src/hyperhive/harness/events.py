"""From one line of claude's stream-json to what the hive records of a turn. Pure.

Written against claude 2.1.197 to 2.1.330; an event or a block it does not know gives nothing.
"""

from typing import Any, Final

from hyperhive.harness import fields
from hyperhive.harness.trim import one_line, trim
from hyperhive.wire.harness import TurnEventKind

Told = tuple[TurnEventKind, dict[str, Any]]
"""A turn event's kind and data, trimmed to what a line can carry."""

_INPUT_BUDGET: Final = 8 << 10
_MAX_OPEN_CALLS: Final = 256


class EventReader:
    """Reads claude's events in order; remembers tool calls, whose input a later denial repeats."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[str, dict[str, Any]]] = {}
        self._denied: set[str] = set()

    def read(self, event: dict[str, Any]) -> list[Told]:
        """What there is to record of one event."""
        match event.get("type"):
            case "system":
                return self._system(event)
            case "assistant":
                return self._assistant(event)
            case "user":
                return self._user(event)
            case "result":
                return self._result(event)
            case "rate_limit_event":
                return [_rate_limit(fields.mapping(event, "rate_limit_info"))]
        return []

    def _system(self, event: dict[str, Any]) -> list[Told]:
        match event.get("subtype"):
            case "init":
                return [_init(event)]
            case "permission_denied":
                return self._permission_denied(event)
            case "api_retry":
                return [_retry(event)]
            case "status":
                return _compaction_status(event)
            case "compact_boundary":
                return [_compacted(fields.mapping(event, "compact_metadata"))]
            case "model_fallback" | "informational":
                return _notice(fields.text(event, "content"))
        return []

    def _assistant(self, event: dict[str, Any]) -> list[Told]:
        message = fields.mapping(event, "message")
        if message.get("model") == "<synthetic>":  # the CLI's own words, such as an error
            return [
                told
                for block in fields.objects(message, "content")
                for told in _notice(fields.text(block, "text"))
            ]
        told: list[Told] = []
        for block in fields.objects(message, "content"):
            kind = fields.text(block, "type") or ""
            if kind == "text":
                told.append((TurnEventKind.TEXT, {"text": trim(fields.text(block, "text") or "")}))
            elif kind == "thinking":
                thought = trim(fields.text(block, "thinking") or "")
                told.append((TurnEventKind.THINKING, {"text": thought}))
            elif kind.endswith("tool_use"):
                told.append(self._tool_use(block))
        return told

    def _tool_use(self, block: dict[str, Any]) -> Told:
        id = one_line(fields.text(block, "id") or "")
        tool = one_line(fields.text(block, "name") or "")
        arguments = fields.mapping(block, "input")
        if len(self._calls) >= _MAX_OPEN_CALLS:
            self._calls.pop(next(iter(self._calls)))
        self._calls[id] = (tool, trim(arguments, _INPUT_BUDGET))
        return TurnEventKind.TOOL_USE, {"id": id, "tool": tool, "input": trim(arguments)}

    def _user(self, event: dict[str, Any]) -> list[Told]:
        message = fields.mapping(event, "message")
        told = _notice(fields.text(message, "content"))
        for block in fields.objects(message, "content"):
            kind = fields.text(block, "type") or ""
            if kind.endswith("tool_result"):
                id = one_line(fields.text(block, "tool_use_id") or "")
                self._calls.pop(id, None)
                data = {
                    "id": id,
                    "content": trim(_plain(block.get("content"))),
                    "error": block.get("is_error") is True,
                }
                told.append((TurnEventKind.TOOL_RESULT, data))
            elif kind == "text":
                told += _notice(fields.text(block, "text"))
        return told

    def _permission_denied(self, event: dict[str, Any]) -> list[Told]:
        id = one_line(fields.text(event, "tool_use_id") or "")
        tool, arguments = self._calls.get(id, (fields.text(event, "tool_name") or "", {}))
        self._denied.add(id)
        reason = fields.text(event, "decision_reason_type") or fields.text(event, "message") or ""
        return [_denied(tool, arguments, reason)]

    def _result(self, event: dict[str, Any]) -> list[Told]:
        """Denials that no event told: by a hook, or by a claude that has no such event."""
        told: list[Told] = []
        for denial in fields.objects(event, "permission_denials"):
            id = one_line(fields.text(denial, "tool_use_id") or "")
            if id not in self._denied:
                self._denied.add(id)
                arguments = trim(fields.mapping(denial, "tool_input"), _INPUT_BUDGET)
                told.append(_denied(fields.text(denial, "tool_name") or "", arguments, ""))
        return told


def notice(words: str) -> Told:
    """Words for whoever reads the turn."""
    return TurnEventKind.NOTICE, {"text": trim(words)}


def _notice(words: str | None) -> list[Told]:
    return [notice(words)] if words and not words.isspace() else []


def _denied(tool: str, arguments: dict[str, Any], reason: str) -> Told:
    data = {"tool": one_line(tool), "input": arguments, "reason": one_line(reason)}
    return TurnEventKind.DENIED, data


def _init(event: dict[str, Any]) -> Told:
    data = {
        "session": fields.text(event, "session_id"),
        "model": fields.text(event, "model"),
        "version": fields.text(event, "claude_code_version"),
        "tools": fields.strings(event, "tools"),
        "mcp": {
            name: fields.text(server, "status") or ""
            for server in fields.objects(event, "mcp_servers")
            if (name := fields.text(server, "name")) is not None
        },
    }
    return TurnEventKind.INIT, trim(data)


def _retry(event: dict[str, Any]) -> Told:
    data = {
        "attempt": fields.integer(event, "attempt"),
        "delay_ms": fields.number(event, "retry_delay_ms"),
        "status": fields.integer(event, "error_status"),
        "error": one_line(fields.text(event, "error") or ""),
    }
    return TurnEventKind.RETRY, data


def _compaction_status(event: dict[str, Any]) -> list[Told]:
    if event.get("status") == "compacting":
        return [(TurnEventKind.COMPACTION, {"status": "compacting"})]
    if event.get("compact_result") == "failed":
        error = one_line(fields.text(event, "compact_error") or "")
        return [(TurnEventKind.COMPACTION, {"status": "failed", "error": error})]
    return []  # success is told by compact_boundary, with the figures


def _compacted(metadata: dict[str, Any]) -> Told:
    data = {
        "status": "success",
        "trigger": one_line(fields.text(metadata, "trigger") or ""),
        "pre_tokens": fields.integer(metadata, "pre_tokens"),
        "post_tokens": fields.integer(metadata, "post_tokens"),
    }
    return TurnEventKind.COMPACTION, data


def _rate_limit(info: dict[str, Any]) -> Told:
    data = {
        "status": one_line(fields.text(info, "status") or ""),
        "resets_at": fields.number(info, "resetsAt"),
        "type": one_line(fields.text(info, "rateLimitType") or ""),
    }
    return TurnEventKind.RATE_LIMIT, data


def _plain(content: Any) -> str:
    """A tool result's content as text: it is a string, or blocks of which some are not text."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    parts = []
    for block in blocks:
        if isinstance(block, dict):
            parts.append(fields.text(block, "text") or f"[{fields.text(block, 'type') or 'block'}]")
    return "\n".join(parts)
