"""Turns whose prompt is `/compact`: only the events prove that the conversation was compacted."""

import json

import pytest

from hyperhive.harness.stream import TurnStream
from hyperhive.harness.verdict import Ending
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnEventKind, TurnKind
from tests.unit.harness import recordings
from tests.unit.harness.recordings import play, told


def outcome_of(data: bytes, exit_code: int = 0) -> Outcome:
    stream = TurnStream(100.0, TurnKind.COMPACT)
    stream.feed(data, now=101.0)
    return stream.finish(Ending(exit_code), now=102.0)[1]


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("compact_manual", 718),
        ("compact_manual_2_1_197", None),
        ("compact_manual_instructions", None),
    ],
)
def test_a_conversation_that_was_compacted(name: str, tokens: int | None) -> None:
    events, outcome = play(name, kind=TurnKind.COMPACT)
    assert (outcome.kind, outcome.detail) == (OutcomeKind.OK, "")
    success = told(events, TurnEventKind.COMPACTION)[-1].data
    assert (success["status"], success["trigger"]) == ("success", "manual")
    assert outcome.context_tokens == success["post_tokens"]
    assert tokens in (None, outcome.context_tokens)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("compact_api_error", OutcomeKind.RATE_LIMITED, "Request rejected (429)"),
        ("compact_limit_oauth", OutcomeKind.RATE_LIMITED, "hit your 5-hour limit"),
        ("compact_limit_oauth_2_1_197", OutcomeKind.RATE_LIMITED, "hit your session limit"),
        ("compact_unknown_model", OutcomeKind.UNKNOWN_MODEL, "the selected model"),
        ("compact_unknown_model_2_1_197", OutcomeKind.UNKNOWN_MODEL, "the selected model"),
        ("compact_unreachable", OutcomeKind.OVERLOADED, "Connection refused"),
        ("compact_unreachable_2_1_197", OutcomeKind.OVERLOADED, "Unable to connect"),
        ("compact_too_long", OutcomeKind.PROMPT_TOO_LONG, "could not be reduced"),
        ("compact_not_logged_in", OutcomeKind.NEEDS_LOGIN, "/login"),
        ("compact_too_short_2_1_197", OutcomeKind.FAILED, "Not enough messages"),
        ("compact_no_session", OutcomeKind.FAILED, "No messages to compact"),
        ("compact_slash_disabled", OutcomeKind.FAILED, "isn't available"),
        ("plain", OutcomeKind.FAILED, "did not compact"),
        ("sig_term_streaming", OutcomeKind.FAILED, "143"),
    ],
)
def test_a_conversation_that_was_not(name: str, kind: OutcomeKind, words: str) -> None:
    """Though claude says exit status 0, is_error false and subtype success of most of these."""
    _, outcome = play(name, kind=TurnKind.COMPACT)
    assert outcome.kind is kind
    assert words in outcome.detail


@pytest.mark.parametrize("proof", ["compact_boundary", "compact_result"])
def test_either_event_proves_it(proof: str) -> None:
    lines = recordings.output("compact_manual").splitlines(keepends=True)
    kept = [line for line in lines if proof.encode() in line or b"compact_" not in line]
    assert outcome_of(b"".join(kept)).kind is OutcomeKind.OK
    neither = [line for line in lines if b"compact_" not in line]
    assert outcome_of(b"".join(neither)).kind is OutcomeKind.FAILED


def test_a_compaction_that_failed_after_one_that_succeeded() -> None:
    failed = {"type": "system", "subtype": "status", "compact_result": "failed"}
    lines = recordings.output("compact_manual").splitlines(keepends=True)
    again = json.dumps(failed | {"compact_error": "odd"}).encode() + b"\n"
    outcome = outcome_of(b"".join([*lines[:-1], again, lines[-1]]))
    assert (outcome.kind, outcome.detail) == (OutcomeKind.FAILED, "odd")


def test_a_message_may_be_answered_without_compaction() -> None:
    assert play("compact_no_session")[1].kind is OutcomeKind.OK
