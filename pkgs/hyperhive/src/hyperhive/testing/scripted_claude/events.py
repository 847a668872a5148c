"""The CLI's stream-json events, with the members they have in recordings of version 2.1.330."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from hyperhive.testing.scripted_claude.api_answers import ApiAnswer
from hyperhive.testing.scripted_claude.flags import VERSION
from hyperhive.testing.scripted_claude.session import Tokens

Event = dict[str, Any]

USAGE_LIMIT: Final = "usage_limit_reached"
"""The CLI's name for a subscription's limit that was hit."""

NO_CACHE: Final = {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0}

_REJECTED: Final = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was"
    " a file edit, the new_string was NOT written to the file). STOP what you are doing and wait"
    " for the user to tell you how to proceed."
)


class Events(NamedTuple):
    """Makes the events of one run.

    Attributes:
        session: the session's UUID.
        model: the model's full name.
        now: the time in seconds since the epoch.
    """

    session: str
    model: str
    now: Callable[[], float]

    def init(
        self, cwd: str, tools: Sequence[str], servers: Mapping[str, bool], mode: str, key: str
    ) -> Event:
        """`system/init`: what there is.

        Args:
            servers: MCP servers by name: whether they are connected.
            mode: permission mode.
            key: where the API key comes from.
        """
        return {
            "type": "system",
            "subtype": "init",
            "cwd": cwd,
            "session_id": self.session,
            "tools": list(tools),
            "mcp_servers": [
                {"name": name, "status": "connected" if up else "failed", "source": "dynamic"}
                for name, up in servers.items()
            ],
            "model": self.model,
            "permissionMode": mode,
            "slash_commands": [],
            "terminal_slash_commands": [],
            "apiKeySource": key,
            "claude_code_version": VERSION,
            "output_style": "default",
            "agents": [],
            "skills": [],
            "plugins": [],
            "capabilities": [],
            "analytics_disabled": True,
            "product_feedback_disabled": True,
            "served_by_anthropic": False,
            "uuid": new_uuid(),
            "memory_paths": {"auto": ""},
            "original_cwd": cwd,
            "additional_directories": [],
            "messaging_socket_path": "",
            "fast_mode_state": "off",
            "fast_mode_disabled_reason": "sdk_opt_in_required",
            "per_turn_effort_active": False,
            "ultrathink_available": False,
            "ultrathink_typed_raises": False,
            "view_mode": "default",
        }

    def assistant(
        self, message: str, block: Event, tokens: Tokens, *, exists: bool = True
    ) -> Event:
        """One content block of the message with that id.

        Args:
            exists: whether the tool of a tool_use block does.
        """
        event = {
            "type": "assistant",
            "message": {
                "id": message,
                "type": "message",
                "role": "assistant",
                "model": self.model,
                "content": [block],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": api_usage(tokens) | {"output_tokens": 1},
                "context_management": None,
            },
            **self.said(),
            "request_id": f"req_{uuid.uuid4().hex[:16]}",
        }
        if block["type"] == "tool_use" and block["name"].startswith("mcp__"):
            _, server, tool = block["name"].split("__", 2)
            meta = {"id": block["id"], "display_name": tool.replace("_", " ").title()}
            of_server = {"server_display_name": server, "tool_name": tool} if exists else {}
            event["tool_use_meta"] = [meta | of_server]
        return event

    def tool_result(
        self, block: Event, raw: object, permission: Event | None, kind: str | None = None
    ) -> Event:
        """What a tool answered.

        Args:
            block: the tool_result block.
            raw: `tool_use_result`.
            permission: what the rules decided, None where they were not asked.
            kind: why it did not run.
        """
        meta: Event = {"id": block["tool_use_id"]}
        if kind is not None:
            meta["non_execution_kind"] = kind
        if permission is not None:
            meta["permission_decision"] = permission
        event = {
            "type": "user",
            "message": {"role": "user", "content": [block]},
            **self.said(),
            "tool_use_result": raw,
        }
        return event | ({"tool_result_meta": [meta]} if len(meta) > 1 else {})

    def denied(self, tool: str, use: str, reason: str, message: str) -> Event:
        """`system/permission_denied`: the rules refuse the tool call with that id."""
        return {
            "type": "system",
            "subtype": "permission_denied",
            "tool_name": tool,
            "tool_use_id": use,
            "decision_reason_type": reason,
            "message": message,
            "uuid": new_uuid(),
            "session_id": self.session,
        }

    def rejected(self, use: str) -> Event:
        """The result of a tool call that an interrupt broke off."""
        block = {
            "type": "tool_result",
            "content": _REJECTED,
            "is_error": True,
            "tool_use_id": use,
        }
        return self.tool_result(block, "User rejected tool use", None, "user-rejected")

    def interrupted(self, *, in_tool: bool) -> Event:
        """The note that the user interrupted."""
        where = " for tool use" if in_tool else ""
        content = [{"type": "text", "text": f"[Request interrupted by user{where}]"}]
        return {"type": "user", "message": {"role": "user", "content": content}, **self.said()}

    def api_retry(self, answer: ApiAnswer, seconds: float, attempt: int, retries: int) -> Event:
        """After an error answer the API is asked again, that many seconds later."""
        return {
            "type": "system",
            "subtype": "api_retry",
            "attempt": attempt,
            "max_retries": retries,
            "retry_delay_ms": round(seconds * 1000),
            "error_status": answer.status,
            "error": "overloaded" if answer.status == 529 else answer.error,
            "session_id": self.session,
            "uuid": new_uuid(),
        }

    def rate_limit(self, limit: Mapping[str, Any]) -> Event:
        """A limit of the subscription was hit."""
        window = {"utilization": 1, "resetsAt": limit["resetsAt"], "status": limit["status"]}
        windows = {"unifiedWindows": {limit["rateLimitType"]: window}}
        return {
            "type": "rate_limit_event",
            "rate_limit_info": {**limit, **windows},
            "uuid": new_uuid(),
            "session_id": self.session,
        }

    def api_error(self, answer: ApiAnswer) -> Event:
        """The message that the CLI makes itself of an error answer."""
        event = self.synthetic(answer.text, "stop_sequence", "")
        event |= {"error": answer.error, "is_api_error_message": True}
        if answer.status is not None:
            event["request_id"] = f"req_{uuid.uuid4().hex[:16]}"
            event |= {"api_error_status": answer.status, "api_error_type": answer.type}
        if answer.limit is not None:
            limit = {"rate_limit_info": dict(answer.limit)}
            event |= {"api_error": USAGE_LIMIT, "api_error_params": limit}
        return event

    def synthetic(self, text: str, stop_reason: str, stop_sequence: str | None) -> Event:
        """A message that the CLI makes itself."""
        return {
            "type": "assistant",
            "message": {
                "diagnostics": None,
                "id": new_uuid(),
                "container": None,
                "model": "<synthetic>",
                "role": "assistant",
                "stop_details": None,
                "stop_reason": stop_reason,
                "stop_sequence": stop_sequence,
                "type": "message",
                "usage": api_usage(Tokens())
                | {
                    "output_tokens_details": None,
                    "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
                    "service_tier": None,
                    "cache_creation": NO_CACHE,
                    "inference_geo": None,
                    "iterations": None,
                    "speed": None,
                    "fallback_credit": None,
                },
                "content": [{"type": "text", "text": text}],
                "context_management": None,
            },
            **self.said(),
        }

    def said(self) -> Event:
        """What every message has: when it was said, and where."""
        seconds, milliseconds = divmod(int(self.now() * 1000), 1000)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        return {
            "parent_tool_use_id": None,
            "session_id": self.session,
            "uuid": new_uuid(),
            "timestamp": f"{moment}.{milliseconds:03}Z",
        }


def api_usage(tokens: Tokens) -> Event:
    """Tokens as the API gives them."""
    return {
        "input_tokens": tokens.input_tokens,
        "cache_creation_input_tokens": tokens.cache_creation_input_tokens,
        "cache_read_input_tokens": tokens.cache_read_input_tokens,
        "output_tokens": tokens.output_tokens,
    }


def new_uuid() -> str:
    """A new UUID."""
    return str(uuid.uuid4())
