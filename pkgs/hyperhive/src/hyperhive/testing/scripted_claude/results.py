"""The CLI's result events: how a run ended and what it took."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hyperhive.testing.scripted_claude.api_answers import ApiAnswer
from hyperhive.testing.scripted_claude.events import (
    NO_CACHE,
    USAGE_LIMIT,
    Event,
    Events,
    api_usage,
    new_uuid,
)
from hyperhive.testing.scripted_claude.session import SessionState, Tokens

MAX_OUTPUT: Final = 32_000

_NO_SUBAGENTS: Final = {
    "spawned": 0,
    "requested": {"background": 0, "foreground": 0, "unset": 0},
    "started_in_background": 0,
    "max_depth": 0,
    "spawned_by_subagents": 0,
    "completed": 0,
    "failed": 0,
    "killed": {"parent": 0, "user": 0, "system": 0},
    "refused": {"depth_limit": 0, "concurrency_limit": 0, "budget": 0},
    "by_type": {},
}


@dataclass
class Ending:
    """What a result event tells of how the turn ended.

    Attributes:
        command: the CLI's own command that the run was about, and no turn of the model.
    """

    reason: str
    stop_reason: str | None
    text: str | None = None
    errors: Sequence[str] = ()
    api: ApiAnswer | None = None
    command: str | None = None


@dataclass
class Figures:
    """What a turn took.

    Attributes:
        steps: model steps.
        run: used in this run.
        denials: `permission_denials`, in order.
    """

    steps: int = 0
    duration_ms: int = 0
    run: Tokens = field(default_factory=Tokens)
    denials: list[Event] = field(default_factory=list)


def result(events: Events, ending: Ending, figures: Figures, session: SessionState) -> Event:
    """The last event of a run, whose figures the session's state includes."""
    failed = bool(ending.errors) or ending.api is not None
    event: Event = {
        "duration_api_ms": figures.duration_ms,
        "stop_reason": ending.stop_reason,
        "session_id": events.session,
        "total_cost_usd": session.totals.cost_usd,
        "usage": _run_usage(Tokens() if ending.command else figures.run),
        "modelUsage": _model_usage(events.model, session.totals, session.window),
        "permission_denials": list(figures.denials),
        "terminal_reason": ending.reason,
        "fast_mode_state": "off",
        "fast_mode_disabled_reason": "sdk_opt_in_required",
        "subagent_stats": _NO_SUBAGENTS,
        "safety_stops": 0,
        "is_error": failed,
        "num_turns": figures.steps,
        "subtype": "error_during_execution" if ending.errors else "success",
        "type": "result",
        "duration_ms": figures.duration_ms,
        "uuid": new_uuid(),
        "queued_turn_count": 0,
        "result_index": 0,
        "model_usage_since_last_result": _model_usage(events.model, figures.run, session.window),
    }
    if ending.command is not None:
        del event["terminal_reason"]
        return event | {"local_command": ending.command, "result": ending.text}
    if ending.errors:
        return event | {"errors": list(ending.errors)}
    event |= {"api_error_status": None, "result": ending.text}
    if ending.api is not None:
        event |= {"api_error_status": ending.api.status, "result": ending.api.text}
        event |= {"api_error_type": ending.api.type} if ending.api.type else {}
        return event | ({"api_error": USAGE_LIMIT} if ending.api.limit is not None else {})
    times = ("ttft_ms", "ttft_stream_ms", "time_to_request_ms", "first_content_frame_ms")
    return event | dict.fromkeys(times, 0)


def no_conversation(events: Events, text: str) -> Event:
    """The result, and only event, of a run that was to resume an unknown session."""
    kept = (
        "type", "subtype", "duration_ms", "duration_api_ms", "is_error", "num_turns",
        "stop_reason", "session_id", "total_cost_usd", "usage", "modelUsage",
        "permission_denials", "uuid", "errors", "result_index",
    )  # fmt: skip
    event = result(events, Ending("", None, errors=[text]), Figures(), SessionState(Tokens()))
    return {name: event[name] for name in kept}


def _run_usage(tokens: Tokens) -> Event:
    return api_usage(tokens) | {
        "output_tokens_details": {"thinking_tokens": 0},
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
        "service_tier": "standard",
        "cache_creation": NO_CACHE,
        "inference_geo": "",
        "iterations": [],
        "speed": "standard",
        "fallback_credit": None,
    }


def _model_usage(model: str, tokens: Tokens, window: int) -> Event:
    if tokens == Tokens():
        return {}
    return {
        model: {
            "inputTokens": tokens.input_tokens,
            "outputTokens": tokens.output_tokens,
            "cacheReadInputTokens": tokens.cache_read_input_tokens,
            "cacheCreationInputTokens": tokens.cache_creation_input_tokens,
            "webSearchRequests": 0,
            "costUSD": tokens.cost_usd,
            "contextWindow": window,
            "maxOutputTokens": MAX_OUTPUT,
            "thinkingTokens": 0,
            "cacheCreationEphemeral5mInputTokens": 0,
            "cacheCreationEphemeral1hInputTokens": 0,
            "canonicalModel": model,
            "provider": "firstParty",
            "costBasis": "list",
        }
    }
