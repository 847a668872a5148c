"""Every recorded case gives the outcome that its name says."""

from dataclasses import replace
from typing import Final

import pytest

from hyperhive.wire import jsonrpc
from hyperhive.wire.harness import OutcomeKind, TurnEvents, TurnFinished
from hyperhive.wire.records import from_json, to_json
from tests.unit.harness import recordings
from tests.unit.harness.recordings import play

OK: Final = OutcomeKind.OK
FAILED: Final = OutcomeKind.FAILED
RATE_LIMITED: Final = OutcomeKind.RATE_LIMITED
NEEDS_LOGIN: Final = OutcomeKind.NEEDS_LOGIN
OVERLOADED: Final = OutcomeKind.OVERLOADED
PROMPT_TOO_LONG: Final = OutcomeKind.PROMPT_TOO_LONG
UNKNOWN_MODEL: Final = OutcomeKind.UNKNOWN_MODEL

OUTCOMES: Final = {
    "at_mention": OK,
    "bang_prompt": OK,
    "bash_background": OK,
    "bash_background_disabled": OK,
    "compact_api_error": RATE_LIMITED,  # the error is a 429
    "compact_auto_not_triggered": OK,
    "compact_limit_oauth": RATE_LIMITED,
    "compact_limit_oauth_2_1_197": RATE_LIMITED,
    "compact_manual": OK,
    "compact_manual_2_1_197": OK,
    "compact_manual_instructions": OK,
    "compact_no_session": OK,  # nothing to compact
    "compact_not_logged_in": NEEDS_LOGIN,
    "compact_slash_disabled": OK,
    "compact_then_continue": OK,
    "compact_too_long": PROMPT_TOO_LONG,
    "compact_too_short_2_1_197": FAILED,
    "compact_unknown_model": UNKNOWN_MODEL,
    "compact_unknown_model_2_1_197": UNKNOWN_MODEL,
    "compact_unreachable": OVERLOADED,
    "compact_unreachable_2_1_197": OVERLOADED,
    "continue_no_session": OK,
    "empty_text": OK,
    "err_401": NEEDS_LOGIN,  # the recording was cut while claude still retried
    "err_401_max_retries_1": NEEDS_LOGIN,
    "err_401_oauth": NEEDS_LOGIN,
    "err_403": NEEDS_LOGIN,  # claude calls it authentication_failed
    "err_429_limit_oauth": RATE_LIMITED,
    "err_429_max_retries_0": RATE_LIMITED,
    "err_429_max_retries_1": RATE_LIMITED,
    "err_429_no_retry_after": RATE_LIMITED,
    "err_429_retry_after_1": RATE_LIMITED,
    "err_429_retry_after_3600": RATE_LIMITED,
    "err_429_should_retry_false": RATE_LIMITED,
    "err_429_then_continue": OK,
    "err_429_unified_apikey": RATE_LIMITED,
    "err_500_max_retries_1": OVERLOADED,
    "err_529": OVERLOADED,
    "err_529_fallback": OK,
    "err_529_max_retries_1": OVERLOADED,
    "err_bogus_flag": FAILED,
    "err_connection_refused": OVERLOADED,
    "err_empty_prompt": FAILED,
    "err_mcp_config_missing": FAILED,
    "err_no_key": NEEDS_LOGIN,
    "err_no_key_json": NEEDS_LOGIN,
    "err_no_key_text": NEEDS_LOGIN,
    "err_prompt_too_long": PROMPT_TOO_LONG,
    "err_settings_bad": OK,
    "err_settings_invalid": OK,
    "err_settings_missing": FAILED,
    "err_sp_missing": FAILED,
    "err_unknown_model": UNKNOWN_MODEL,
    "err_unknown_model_2_1_197": UNKNOWN_MODEL,
    "hook_pretooluse": OK,
    "input_stream_json": OK,
    "input_stream_json_control": OK,
    "max_turns_1": FAILED,
    "mcp_http": OK,
    "mcp_http_down": OK,
    "mcp_slow_2": OK,
    "mcp_slow_8": OK,
    "mcp_slow_block": OK,
    "mcp_slow_timeout": OK,
    "mcp_stdio": OK,
    "partial_messages": OK,
    "permission_prompt_tool": OK,
    "plain": OK,
    "plain_continue": OK,
    "prompt_too_long_always": PROMPT_TOO_LONG,
    "prompt_too_long_no_autocompact": PROMPT_TOO_LONG,
    "prompt_too_long_reactive_compact": OK,
    "resume_known": OK,
    "resume_unknown": FAILED,
    "root_bypass_mode": FAILED,
    "root_dangerous": FAILED,
    "root_dangerous_is_sandbox": OK,
    "session_id": OK,
    "session_id_again": FAILED,
    "sig_hup_streaming": FAILED,  # nobody asked for it: see test_a_turn_that_the_harness_ended
    "sig_hup_streaming_continue": OK,
    "sig_int_in_tool_continue": OK,
    "sig_int_streaming": FAILED,
    "sig_int_streaming_continue": OK,
    "sig_kill_in_tool": FAILED,
    "sig_kill_in_tool_continue": OK,
    "sig_kill_streaming": FAILED,
    "sig_kill_streaming_continue": OK,
    "sig_term_in_tool_continue": OK,
    "sig_term_streaming": FAILED,
    "sig_term_streaming_continue": OK,
    "slash_context": OK,
    "slash_path": OK,
    "slash_unknown": OK,
    "sse_error_midstream": OK,
    "stop_max_tokens": OK,
    "stream_dropped": OK,
    "tool_allowed": OK,
    "tool_denied": OK,
    "tool_exit3": OK,
    "tool_unknown": OK,
    "wait_429_retry_after_3600": RATE_LIMITED,  # the harness ended it: see test_waits.py
    "wait_529": OVERLOADED,
    "wait_in_subagent": RATE_LIMITED,
    "warn_unified_oauth": OK,
}


def test_every_recording_has_an_expected_outcome() -> None:
    assert recordings.names() == sorted(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome(name: str) -> None:
    events, outcome = play(name)
    assert outcome.kind is OUTCOMES[name], outcome.detail
    assert (outcome.detail == "") == (outcome.kind is OK)
    assert "\n" not in outcome.detail
    assert outcome.exit_code == recordings.ending(name).exit_code
    assert outcome.duration_ms == 2500
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("name", OUTCOMES)
def test_events_and_outcome_survive_the_wire(name: str) -> None:
    events, outcome = play(name)
    for record in (TurnEvents(7, events), TurnFinished(7, outcome)):
        line = jsonrpc.encode(jsonrpc.Request(1, "x", to_json(record)))
        back = jsonrpc.decode(line)
        assert isinstance(back, jsonrpc.Request)
        assert from_json(type(record), back.params) == record


@pytest.mark.parametrize("name", [name for name in OUTCOMES if name.startswith("sig_")])
def test_a_turn_that_the_harness_ended(name: str) -> None:
    stopped = (OutcomeKind.CANCELLED, "the operator cancelled it")
    _, outcome = play(name, replace(recordings.ending(name), stopped=stopped))
    assert (outcome.kind, outcome.detail) == stopped
