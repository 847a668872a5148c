"""`/compact` with the stand-in: its events are the CLI's, and conversations weigh less after it."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.claude_events import assert_alike, recording, words
from tests.claude_runs import SESSION, Finished, Runs, finish, real_environment
from tests.scripted_api import ApiError, Call, ScriptedApi, Step

BEGIN: Final = ("--session-id", SESSION)
RESUME: Final = ("--resume", SESSION)
LIMIT_REASON: Final = (
    "Error during compaction: API Error: Request rejected (429) · scripted rate limit"
)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path, server=None)


def compacting(*steps: Mapping[str, Any]) -> dict[str, Any]:
    """A rule for compactions."""
    return {"when": {"prompt": "/compact"}, "do": steps}


def metadata(done: Finished) -> tuple[int, int, int]:
    """Tokens before and after a compaction, and those that all compactions took away."""
    [boundary] = done.of("system", "compact_boundary")
    told = boundary["compact_metadata"]
    return told["pre_tokens"], told["post_tokens"], told["cumulative_dropped_tokens"]


def weight(done: Finished) -> int:
    """Tokens of the last request of the model."""
    usage = done.of("assistant")[-1]["message"]["usage"]
    parts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(usage[part] for part in parts)


def test_as_recorded(runs: Runs) -> None:
    runs.rules({"do": [{"say": "x"}]}).run(*BEGIN)
    assert_alike(runs.run(*RESUME, prompt="/compact").events, recording("compact_manual"))


def test_with_instructions(runs: Runs) -> None:
    runs.rules({"do": [{"say": "x"}]}, compacting({"compact": {"summary": "All said."}}))
    runs.run(*BEGIN)
    done = runs.run(*RESUME, prompt="/compact keep the names\n")
    summary, told = map(words, done.of("user"))
    assert "\nSummary:\nAll said." in summary
    assert told == "<local-command-stdout>Compacted </local-command-stdout>"
    assert done.result["num_turns"] == 0
    assert done.result["usage"]["input_tokens"] == 0
    assert done.result["modelUsage"]["claude-sonnet-5-5"]["inputTokens"] == 22


def test_a_failure_as_recorded(runs: Runs) -> None:
    runs.rules({"do": [{"say": "x"}]}, compacting({"api_error": 429})).run(*BEGIN)
    done = runs.run(*RESUME, prompt="/compact")
    assert_alike(done.events, recording("compact_api_error"))
    assert (done.code, done.result["is_error"]) == (0, False)
    assert failure(done) == done.result["result"] == LIMIT_REASON


def failure(done: Finished) -> str | None:
    """Why a compaction failed."""
    last = done.of("system", "status")[-1]
    assert last["compact_result"] == "failed"
    assert done.of("system", "compact_boundary") == []
    reason: str = last["compact_error"]
    return reason


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"compact": {"error": "Error during compaction: no words"}}, "no words"),
        ({"api_error": "not_logged_in"}, "Not logged in · Please run /login"),
        ({"api_error": 404}, "There's an issue with the selected model (claude-sonnet-5-5)."),
        ({"api_error": "prompt_too_long"}, "could not be reduced below the context limit"),
        ({"api_error": 429, "resets_in": 60}, "You've hit your 5-hour limit · resets "),
    ],
)
def test_failures(runs: Runs, step: Mapping[str, Any], reason: str) -> None:
    runs.rules({"do": [{"say": "x"}]}, compacting(step)).run(*BEGIN)
    done = runs.run(*RESUME, prompt="/compact")
    assert reason in (failure(done) or "")
    assert (done.code, done.result["is_error"]) == (0, False)
    assert bool(done.of("rate_limit_event")) is ("resets_in" in step)


def test_no_conversation_as_recorded(runs: Runs) -> None:
    done = runs.rules().run(*BEGIN, prompt="/compact")
    assert_alike(done.events, recording("compact_no_session"))
    assert words(done.of("assistant")[0]) == "Error: No messages to compact"


def test_a_conversation_that_was_never_answered(runs: Runs) -> None:
    """So that nothing helps where the very first prompt is too long."""
    runs.script({"api_error": "prompt_too_long"}).run(*BEGIN)
    done = runs.run(*RESUME, prompt="/compact")
    assert failure(done) == words(done.of("assistant")[0]) == "Not enough messages to compact."
    assert done.code == 0


def test_an_unknown_conversation(runs: Runs) -> None:
    done = runs.rules().run(*RESUME, prompt="/compact")
    assert done.code == 1
    assert done.result["errors"] == [f"No conversation found with session ID: {SESSION}"]


@pytest.mark.parametrize("prompt", [" /compact", "/compactly", "x\n/compact"])
def test_prompts_that_compact_nothing(runs: Runs, prompt: str) -> None:
    runs.rules({"do": [{"say": "x"}]}, {"when": {"prompt": prompt}, "do": [{"say": "y"}]})
    runs.run(*BEGIN)
    assert runs.run(*RESUME, prompt=prompt).result["result"] == "y"


def test_what_it_weighs(runs: Runs) -> None:
    runs.rules({"do": [{"context": 60_000}]}, compacting({"compact": {"tokens": 1_000}}))
    first, second = runs.run(*BEGIN), runs.run(*RESUME)
    assert (weight(first), weight(second)) == (60_000 - 7, 120_000 - 7)
    assert metadata(runs.run(*RESUME, prompt="/compact")) == (120_000, 1_000, 119_000)
    assert weight(runs.run(*RESUME)) == 61_000 - 7
    assert metadata(runs.run(*RESUME, prompt="/compact")) == (61_000, 1_000, 179_000)
    assert weight(runs.rules({"do": []}).run(*RESUME)) == 1_000 - 7


def test_too_long_until_compacted(runs: Runs) -> None:
    runs.rules({"do": [{"window": 100_000}, {"context": 70_000}, {"say": "x"}]})
    first = runs.run(*BEGIN)
    assert first.result["modelUsage"]["claude-sonnet-5-5"]["contextWindow"] == 100_000
    for _ in range(2):
        full = runs.run(*RESUME)
        assert (full.code, full.result["terminal_reason"]) == (1, "prompt_too_long")
    assert metadata(runs.run(*RESUME, prompt="/compact")) == (70_000, 500, 69_500)
    again = runs.run(*RESUME)
    assert (again.code, weight(again)) == (0, 70_500 - 7)


def test_a_rule_until_it_is_compacted(runs: Runs) -> None:
    runs.rules(
        {
            "when": {"compacted": False, "contains": "new", "attempt": 1},
            "do": [{"say": "x"}, {"api_error": "prompt_too_long"}],
        },
        {"do": [{"say": "Room again."}]},
    )
    assert runs.run(*BEGIN).code == 1
    assert runs.run(*RESUME).code == 1
    assert runs.run(*RESUME, prompt="/compact").code == 0
    assert runs.run(*RESUME).result["result"] == "Room again."


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_breaks_it_off(runs: Runs, number: signal.Signals) -> None:
    runs.rules({"do": [{"context": 5_000}]}, compacting({"sleep": 60})).run(*BEGIN)
    process = runs.start(*RESUME)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("/compact")
    process.stdin.close()
    process.stdin = None
    assert '"compacting"' in process.stdout.readline()
    process.send_signal(number)
    done = finish(process)
    if number == signal.SIGTERM:
        assert (done.code, done.events) == (143, [])
    else:
        assert failure(done) == "API Error: Request was aborted."
        assert words(done.of("assistant")[0]) == "Compaction canceled."
        assert (done.code, done.result["is_error"], done.result["result"]) == (0, False, "")
    assert weight(runs.script().run(*RESUME)) == 5_000 - 7


def test_steps_that_are_none_of_a_compaction(runs: Runs) -> None:
    runs.rules({"do": [{"say": "x"}]}, compacting({"say": "x"})).run(*BEGIN)
    done = runs.run(*RESUME, prompt="/compact")
    assert (done.code, done.stderr) == (1, "not a step of a compaction: Say\n")


@pytest.mark.claude
def test_side_by_side_with_the_real_cli(tmp_path: Path, claude_cli: Path) -> None:
    """Nothing to compact, nothing said yet, a success, failures: the same prompts to both."""
    errors: dict[str, int] = {}

    def respond(call: Call) -> Step:
        if "Respond with TEXT ONLY" in call.prompt:
            status = errors.get("/compact")
            return Step(error=ApiError(status)) if status else Step(text="<summary>x</summary>")
        return Step(error=ApiError(529)) if call.prompt == "full" else Step(text="x")

    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    mine.mkdir()
    theirs.mkdir()
    stand_in = Runs(mine).rules(
        {"when": {"prompt": "full"}, "do": [{"api_error": 529}]},
        {"when": {"prompt": "/compact fail"}, "do": [{"api_error": 429}]},
        {"when": {"prompt": "hello"}, "do": [{"say": "x"}]},
    )
    with ScriptedApi(respond) as api:
        real = Runs(theirs, command=[str(claude_cli)], environment=real_environment(api.url))
        for prompt in ("/compact", "full", "/compact", "hello", "/compact a b", "/compact fail"):
            errors |= {"/compact": 429} if prompt == "/compact fail" else {}
            flags = RESUME if api.calls or prompt == "full" else BEGIN
            ours, true = stand_in.run(*flags, prompt=prompt), real.run(*flags, prompt=prompt)
            assert ours.code == true.code
            assert_alike(ours.events, true.events)
            assert [*map(told, ours.of("assistant"))] == [*map(told, true.of("assistant"))]
            assert ours.result["num_turns"] == true.result["num_turns"]


def told(event: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is told of a command; the API's words are the API's."""
    source = event.get("local_command_source") or ""
    return (
        source.split("API Error")[0],
        event.get("local_command_run"),
        event.get("local_command_outcome"),
    )
