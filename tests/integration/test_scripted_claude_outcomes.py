"""The harness reads what the stand-in prints, to the outcome that the script meant."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hyperhive.harness.stream import TurnStream
from hyperhive.harness.verdict import Ending
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnEvent, TurnEventKind, TurnKind
from tests.claude_runs import SESSION, Finished, Runs

RESUME = ("--resume", SESSION)


def read(done: Finished, kind: TurnKind = TurnKind.MESSAGE) -> tuple[list[TurnEvent], Outcome]:
    """What the harness makes of a run."""
    stream = TurnStream(started=0.0, kind=kind)
    lines = b"".join(json.dumps(event).encode() + b"\n" for event in done.events)
    events = stream.feed(lines, now=1.0)
    last, outcome = stream.finish(Ending(done.code, done.stderr), now=1.0)
    return [*events, *last], outcome


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([{"say": "x"}], OutcomeKind.OK),
        ([{"bash": "touch x"}], OutcomeKind.OK),
        ([{"api_error": 401}], OutcomeKind.NEEDS_LOGIN),
        ([{"api_error": "not_logged_in"}], OutcomeKind.NEEDS_LOGIN),
        ([{"api_error": 404}], OutcomeKind.UNKNOWN_MODEL),
        ([{"api_error": 429}], OutcomeKind.RATE_LIMITED),
        ([{"api_error": 500}], OutcomeKind.OVERLOADED),
        ([{"api_error": 529}], OutcomeKind.OVERLOADED),
        ([{"api_error": "prompt_too_long"}], OutcomeKind.PROMPT_TOO_LONG),
        ([{"say": "x"}, {"exit": 3}], OutcomeKind.FAILED),
    ],
)
def test_outcomes(tmp_path: Path, steps: list[Mapping[str, Any]], kind: OutcomeKind) -> None:
    _, outcome = read(Runs(tmp_path).script(*steps).run())
    assert outcome.kind is kind


def test_figures_and_events(tmp_path: Path) -> None:
    runs = Runs(tmp_path).script(
        {"usage": {"input_tokens": 100, "output_tokens": 5, "cost_usd": 0.25}},
        {"bash": "echo hi"},
        {"bash": "git push origin main"},
        {"say": "Over."},
    )
    events, outcome = read(runs.run())
    assert (outcome.session, outcome.steps, outcome.session_cost_usd) == (SESSION, 3, 0.75)
    assert (outcome.usage.input, outcome.usage.output) == (300, 15)
    assert outcome.context_tokens == 100
    assert outcome.context_window == 200_000
    assert [denial.input for denial in outcome.denials] == [{"command": "git push origin main"}]
    assert [event.kind for event in events] == [
        TurnEventKind.INIT,
        TurnEventKind.TOOL_USE,
        TurnEventKind.TOOL_RESULT,
        TurnEventKind.TOOL_USE,
        TurnEventKind.DENIED,
        TurnEventKind.TOOL_RESULT,
        TurnEventKind.TEXT,
    ]


def test_a_missing_session_is_seen(tmp_path: Path) -> None:
    _, outcome = read(Runs(tmp_path).script({"say": "x"}).run("--resume", SESSION))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.session_missing


def test_a_server_that_is_down_is_seen(tmp_path: Path) -> None:
    runs = Runs(tmp_path, environment={"FAKE_MCP": "gone"}).script({"say": "x"})
    _, outcome = read(runs.run())
    assert outcome.mcp_failed == ["fake"]


def test_the_end_of_a_limit_is_seen(tmp_path: Path) -> None:
    done = Runs(tmp_path).script({"api_error": 429, "resets_in": 600}).run()
    _, outcome = read(done)
    assert outcome.kind is OutcomeKind.RATE_LIMITED
    [limit] = done.of("rate_limit_event")
    assert outcome.retry_at == limit["rate_limit_info"]["resetsAt"]


def test_a_full_window_and_its_compaction(tmp_path: Path) -> None:
    """What a conversation weighs is seen, before and after it is compacted."""
    runs = Runs(tmp_path).rules({"do": [{"window": 100_000}, {"context": 80_000}]})
    _, filled = read(runs.run())
    assert (filled.context_tokens, filled.context_window) == (80_000, 100_000)
    _, full = read(runs.run(*RESUME))
    assert full.kind is OutcomeKind.PROMPT_TOO_LONG
    events, compacted = read(runs.run(*RESUME, prompt="/compact"), TurnKind.COMPACT)
    assert compacted.kind is OutcomeKind.OK
    assert (compacted.context_tokens, compacted.context_window) == (500, 100_000)
    done = [event.data for event in events if event.kind is TurnEventKind.COMPACTION]
    assert [data["status"] for data in done] == ["compacting", "success"]
    _, again = read(runs.run(*RESUME))
    assert (again.kind, again.context_tokens) == (OutcomeKind.OK, 80_500)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ({"compact": {"error": "no"}}, OutcomeKind.FAILED),
        ({"api_error": 529}, OutcomeKind.OVERLOADED),
        ({"api_error": 429, "resets_in": 60}, OutcomeKind.RATE_LIMITED),
        ({"api_error": "not_logged_in"}, OutcomeKind.NEEDS_LOGIN),
        ({"api_error": 404}, OutcomeKind.UNKNOWN_MODEL),
        ({"api_error": "prompt_too_long"}, OutcomeKind.PROMPT_TOO_LONG),
    ],
)
def test_failed_compactions(tmp_path: Path, step: Mapping[str, Any], kind: OutcomeKind) -> None:
    rule = {"when": {"prompt": "/compact"}, "do": [step]}
    runs = Runs(tmp_path).rules({"do": [{"say": "x"}]}, rule)
    runs.run()
    _, outcome = read(runs.run(*RESUME, prompt="/compact"), TurnKind.COMPACT)
    assert outcome.kind is kind


def test_a_compaction_of_nothing(tmp_path: Path) -> None:
    _, outcome = read(Runs(tmp_path).rules().run(prompt="/compact"), TurnKind.COMPACT)
    assert outcome.kind is OutcomeKind.FAILED
    assert "No messages to compact" in outcome.detail
