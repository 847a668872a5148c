"""What the recorded cases tell besides their outcome: events, figures, reasons."""

import pytest

from hyperhive.harness.stream import TurnStream
from hyperhive.harness.verdict import Ending
from hyperhive.wire.harness import OutcomeKind, TurnEventKind, Usage
from tests.unit.harness import recordings
from tests.unit.harness.recordings import play, told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("err_bogus_flag", "unknown option '--bogus-flag'"),
        ("err_unknown_model", "no-such-model-x"),
        ("err_unknown_model_2_1_197", "the selected model (claude-sonnet-5-5)"),
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
    assert words in play(name)[1].detail


def test_a_session_that_is_gone_is_told() -> None:
    assert play("resume_unknown")[1].session_missing
    assert not play("session_id_again")[1].session_missing
    assert not play("plain")[1].session_missing


def test_figures_of_a_plain_turn() -> None:
    _, outcome = play("plain")
    assert outcome.usage == Usage(input=11, output=7, cache_read=33, cache_creation=22)
    assert outcome.context_tokens == 11 + 33 + 22 + 7
    assert outcome.context_window == 1_000_000
    assert outcome.steps == 1
    assert outcome.session_cost_usd == pytest.approx(0.0001503)
    assert (outcome.model, outcome.claude_version) == ("claude-sonnet-5-5", "2.1.330")


def test_usage_of_two_results_in_one_process_is_summed() -> None:
    events, outcome = play("bash_background")
    assert outcome.usage == Usage(input=33, output=21, cache_read=99, cache_creation=66)
    assert outcome.steps == 3
    assert len(told(events, TurnEventKind.INIT)) == 2


def test_a_process_killed_after_its_first_result_and_within_the_next_run_has_failed() -> None:
    lines = recordings.output("bash_background").splitlines(keepends=True)
    stream = TurnStream(started=0.0)
    stream.feed(b"".join(lines[:-1]), now=1.0)
    _, outcome = stream.finish(Ending(exit_code=-9), now=2.0)
    assert outcome.kind is OutcomeKind.FAILED


def test_a_process_killed_after_its_last_result_has_done_its_turn() -> None:
    _, outcome = play("plain", Ending(exit_code=-9))
    assert (outcome.kind, outcome.detail) == (
        OutcomeKind.OK,
        "claude was killed by SIGKILL after its result",
    )


def test_denials() -> None:
    events, outcome = play("tool_denied")
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
    events, _ = play("tool_allowed")
    (call,) = told(events, TurnEventKind.TOOL_USE)
    (result,) = told(events, TurnEventKind.TOOL_RESULT)
    assert call.data["tool"] == "Bash"
    assert result.data["id"] == call.data["id"]
    assert result.data["error"] is False
    assert isinstance(result.data["content"], str)


@pytest.mark.parametrize("name", ["mcp_http_down", "mcp_slow_timeout"])
def test_mcp_server_that_is_down(name: str) -> None:
    events, outcome = play(name)
    assert outcome.mcp_failed == ["tiny"]
    assert told(events, TurnEventKind.INIT)[0].data["mcp"] == {"tiny": "failed"}


def test_compaction_is_told() -> None:
    events, outcome = play("compact_manual")
    assert [event.data["status"] for event in told(events, TurnEventKind.COMPACTION)] == [
        "compacting",
        "success",
    ]
    assert told(events, TurnEventKind.COMPACTION)[1].data["trigger"] == "manual"
    assert outcome.context_tokens == 718
    assert outcome.steps == 0


def test_failed_compaction_is_told() -> None:
    events, _ = play("compact_api_error")
    failed = told(events, TurnEventKind.COMPACTION)[-1]
    assert failed.data["status"] == "failed"
    assert "429" in failed.data["error"]


def test_retries_are_told() -> None:
    (retry,) = told(play("err_429_max_retries_1")[0], TurnEventKind.RETRY)
    assert (retry.data["attempt"], retry.data["status"]) == (1, 429)
    assert retry.data["error"] == "rate_limit"


def test_rate_limit_warning_is_told_and_ends_nothing() -> None:
    events, outcome = play("warn_unified_oauth")
    (warning,) = told(events, TurnEventKind.RATE_LIMIT)
    assert warning.data == {
        "status": "allowed_warning",
        "resets_at": 1795334258.0,
        "type": "five_hour",
    }
    assert outcome.retry_at is None


@pytest.mark.parametrize("name", ["err_429_limit_oauth", "compact_limit_oauth"])
def test_rejected_limit_says_when_to_come_back(name: str) -> None:
    events, outcome = play(name)
    (limit,) = told(events, TurnEventKind.RATE_LIMIT)
    assert limit.data["status"] == "rejected"
    assert (outcome.kind, outcome.retry_at) == (OutcomeKind.RATE_LIMITED, limit.data["resets_at"])
    assert "hit your" in outcome.detail


def test_model_fallback_and_stderr_are_notices() -> None:
    assert told(play("err_529_fallback")[0], TurnEventKind.NOTICE)
    last = told(play("err_unknown_model")[0], TurnEventKind.NOTICE)[-1]
    assert "unrecognized_model" in last.data["text"]


def test_older_claude_without_terminal_reason() -> None:
    """2.1.197 says terminal_reason "completed" of a prompt that was too long."""
    data = recordings.output("err_prompt_too_long").replace(
        b'"terminal_reason":"prompt_too_long"', b'"terminal_reason":"completed"'
    )
    stream = TurnStream(started=0.0)
    stream.feed(data, now=1.0)
    assert stream.finish(Ending(exit_code=1), now=2.0)[1].kind is OutcomeKind.PROMPT_TOO_LONG
