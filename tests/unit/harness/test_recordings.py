"""Every recorded case gives the outcome that its name says."""

from dataclasses import replace
from typing import Final

import pytest

from hyperhive.harness.stream import TurnStream
from hyperhive.harness.verdict import Ending
from hyperhive.wire import jsonrpc
from hyperhive.wire.harness import (
    Outcome,
    OutcomeKind,
    TurnEvent,
    TurnEventKind,
    TurnEvents,
    TurnFinished,
    Usage,
)
from hyperhive.wire.records import from_json, to_json
from tests.unit.harness import recordings

OK: Final = OutcomeKind.OK
FAILED: Final = OutcomeKind.FAILED
RATE_LIMITED: Final = OutcomeKind.RATE_LIMITED
NEEDS_LOGIN: Final = OutcomeKind.NEEDS_LOGIN
OVERLOADED: Final = OutcomeKind.OVERLOADED
PROMPT_TOO_LONG: Final = OutcomeKind.PROMPT_TOO_LONG

OUTCOMES: Final = {
    "at_mention": OK,
    "bang_prompt": OK,
    "bash_background": OK,
    "bash_background_disabled": OK,
    "compact_api_error": RATE_LIMITED,  # the error is a 429
    "compact_auto_not_triggered": OK,
    "compact_manual": OK,
    "compact_manual_instructions": OK,
    "compact_no_session": OK,  # nothing to compact
    "compact_slash_disabled": OK,
    "compact_then_continue": OK,
    "continue_no_session": OK,
    "empty_text": OK,
    "err_401": NEEDS_LOGIN,  # the recording was cut while claude still retried
    "err_401_max_retries_1": NEEDS_LOGIN,
    "err_401_oauth": NEEDS_LOGIN,
    "err_403": NEEDS_LOGIN,  # claude calls it authentication_failed
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
    "err_unknown_model": FAILED,
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
    "warn_unified_oauth": OK,
}


def run(name: str, ending: Ending | None = None) -> tuple[list[TurnEvent], Outcome]:
    """Play a recording, byte by byte in pieces of 4096."""
    stream = TurnStream(started=100.0)
    data = recordings.output(name)
    events = []
    for start in range(0, len(data), 4096):
        events += stream.feed(data[start : start + 4096], now=101.0)
    last, outcome = stream.finish(ending or recordings.ending(name), now=102.5)
    return events + last, outcome


def told(events: list[TurnEvent], kind: TurnEventKind) -> list[TurnEvent]:
    """The events of one kind."""
    return [event for event in events if event.kind is kind]


def test_every_recording_has_an_expected_outcome() -> None:
    assert recordings.names() == sorted(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_outcome(name: str) -> None:
    events, outcome = run(name)
    assert outcome.kind is OUTCOMES[name], outcome.detail
    assert (outcome.detail == "") == (outcome.kind is OK)
    assert "\n" not in outcome.detail
    assert outcome.exit_code == recordings.ending(name).exit_code
    assert outcome.duration_ms == 2500
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("name", OUTCOMES)
def test_events_and_outcome_survive_the_wire(name: str) -> None:
    events, outcome = run(name)
    for record in (TurnEvents(7, events), TurnFinished(7, outcome)):
        line = jsonrpc.encode(jsonrpc.Request(1, "x", to_json(record)))
        back = jsonrpc.decode(line)
        assert isinstance(back, jsonrpc.Request)
        assert from_json(type(record), back.params) == record


@pytest.mark.parametrize("name", [name for name in OUTCOMES if name.startswith("sig_")])
def test_a_turn_that_the_harness_ended(name: str) -> None:
    stopped = (OutcomeKind.CANCELLED, "the operator cancelled it")
    _, outcome = run(name, replace(recordings.ending(name), stopped=stopped))
    assert (outcome.kind, outcome.detail) == stopped


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("err_bogus_flag", "unknown option '--bogus-flag'"),
        ("err_unknown_model", "no-such-model-x"),
        ("err_settings_missing", "Settings file not found"),
        ("err_mcp_config_missing", "MCP config file not found"),
        ("max_turns_1", "Reached maximum number of turns (1)"),
        ("resume_unknown", "No conversation found"),
        ("session_id_again", "already in use"),
        ("sig_kill_streaming", "killed by SIGKILL"),
        ("sig_term_streaming", "exited with status 143"),
        ("err_401", "401"),
        ("err_prompt_too_long", "215000 tokens"),
        ("compact_api_error", "Request rejected (429)"),
    ],
)
def test_detail_says_why(name: str, words: str) -> None:
    assert words in run(name)[1].detail


def test_a_session_that_is_gone_is_told() -> None:
    assert run("resume_unknown")[1].session_missing
    assert not run("session_id_again")[1].session_missing
    assert not run("plain")[1].session_missing


def test_figures_of_a_plain_turn() -> None:
    _, outcome = run("plain")
    assert outcome.usage == Usage(input=11, output=7, cache_read=33, cache_creation=22)
    assert outcome.context_tokens == 11 + 33 + 22 + 7
    assert outcome.context_window == 1_000_000
    assert outcome.steps == 1
    assert outcome.session_cost_usd == pytest.approx(0.0001503)
    assert (outcome.model, outcome.claude_version) == ("claude-sonnet-5-5", "2.1.330")


def test_usage_of_two_results_in_one_process_is_summed() -> None:
    events, outcome = run("bash_background")
    assert outcome.usage == Usage(input=33, output=21, cache_read=99, cache_creation=66)
    assert outcome.steps == 3
    assert len(told(events, TurnEventKind.INIT)) == 2


def test_a_process_killed_after_its_first_result_and_within_the_next_run_has_failed() -> None:
    lines = recordings.output("bash_background").splitlines(keepends=True)
    stream = TurnStream(started=0.0)
    stream.feed(b"".join(lines[:-1]), now=1.0)
    _, outcome = stream.finish(Ending(exit_code=-9), now=2.0)
    assert outcome.kind is FAILED


def test_a_process_killed_after_its_last_result_has_done_its_turn() -> None:
    _, outcome = run("plain", Ending(exit_code=-9))
    assert (outcome.kind, outcome.detail) == (OK, "claude was killed by SIGKILL after its result")


def test_denials() -> None:
    events, outcome = run("tool_denied")
    command = {"command": "touch made-it", "description": "touch"}
    assert [(d.tool, d.input) for d in outcome.denials] == [("Bash", command)]
    (denied,) = told(events, TurnEventKind.DENIED)
    assert denied.data == {"tool": "Bash", "input": command, "reason": "mode"}


def test_denials_that_no_event_told_are_told_once_with_the_result() -> None:
    """2.1.197 has no permission_denied event, and no version sends one for a hook's denial."""
    lines = [
        line
        for line in recordings.output("tool_denied").splitlines(keepends=True)
        if b'"subtype":"permission_denied"' not in line
    ]
    stream = TurnStream(started=0.0)
    events = stream.feed(b"".join(lines + lines[-1:]), now=1.0)
    assert len(told(events, TurnEventKind.DENIED)) == 1


def test_tool_calls_and_results() -> None:
    events, _ = run("tool_allowed")
    (call,) = told(events, TurnEventKind.TOOL_USE)
    (result,) = told(events, TurnEventKind.TOOL_RESULT)
    assert call.data["tool"] == "Bash"
    assert result.data["id"] == call.data["id"]
    assert result.data["error"] is False
    assert isinstance(result.data["content"], str)


@pytest.mark.parametrize("name", ["mcp_http_down", "mcp_slow_timeout"])
def test_mcp_server_that_is_down(name: str) -> None:
    events, outcome = run(name)
    assert outcome.mcp_failed == ["tiny"]
    assert told(events, TurnEventKind.INIT)[0].data["mcp"] == {"tiny": "failed"}


def test_compaction_is_told() -> None:
    events, outcome = run("compact_manual")
    assert [event.data["status"] for event in told(events, TurnEventKind.COMPACTION)] == [
        "compacting",
        "success",
    ]
    assert told(events, TurnEventKind.COMPACTION)[1].data["trigger"] == "manual"
    assert outcome.context_tokens == 718
    assert outcome.steps == 0


def test_failed_compaction_is_told() -> None:
    events, _ = run("compact_api_error")
    failed = told(events, TurnEventKind.COMPACTION)[-1]
    assert failed.data["status"] == "failed"
    assert "429" in failed.data["error"]


def test_retries_are_told() -> None:
    (retry,) = told(run("err_429_max_retries_1")[0], TurnEventKind.RETRY)
    assert (retry.data["attempt"], retry.data["status"]) == (1, 429)
    assert retry.data["error"] == "rate_limit"


def test_rate_limit_warning_is_told_and_ends_nothing() -> None:
    events, outcome = run("warn_unified_oauth")
    (warning,) = told(events, TurnEventKind.RATE_LIMIT)
    assert warning.data == {
        "status": "allowed_warning",
        "resets_at": 1795334258.0,
        "type": "five_hour",
    }
    assert outcome.retry_at is None


def test_rejected_limit_says_when_to_come_back() -> None:
    """As with a subscription's token: a rate_limit_event comes before the error."""
    event = (
        b'{"type":"rate_limit_event","rate_limit_info":'
        b'{"status":"rejected","resetsAt":1795334258,"rateLimitType":"five_hour"}}\n'
    )
    stream = TurnStream(started=0.0)
    stream.feed(event + recordings.output("err_429_max_retries_0"), now=1.0)
    _, outcome = stream.finish(Ending(exit_code=1), now=2.0)
    assert (outcome.kind, outcome.retry_at) == (RATE_LIMITED, 1795334258.0)


def test_model_fallback_and_stderr_are_notices() -> None:
    assert told(run("err_529_fallback")[0], TurnEventKind.NOTICE)
    last = told(run("err_unknown_model")[0], TurnEventKind.NOTICE)[-1]
    assert "unrecognized_model" in last.data["text"]


def test_older_claude_without_terminal_reason() -> None:
    """2.1.197 says terminal_reason "completed" of a prompt that was too long."""
    data = recordings.output("err_prompt_too_long").replace(
        b'"terminal_reason":"prompt_too_long"', b'"terminal_reason":"completed"'
    )
    stream = TurnStream(started=0.0)
    stream.feed(data, now=1.0)
    assert stream.finish(Ending(exit_code=1), now=2.0)[1].kind is PROMPT_TOO_LONG
