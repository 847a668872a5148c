"""When a turn stops waiting for the API, and when it says to come back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.harness.record import TurnRecord
from hyperhive.harness.stream import TurnStream
from hyperhive.harness.verdict import MAX_WAIT_SECONDS, Ending, gives_up
from hyperhive.wire.harness import Outcome, OutcomeKind
from tests.unit.harness import recordings

ENDED = 5000.0


def retry(attempt: int, seconds: float, status: int | None = 429, error: str = "rate_limit") -> Any:
    return {
        "type": "system",
        "subtype": "api_retry",
        "attempt": attempt,
        "retry_delay_ms": seconds * 1000,
        "error_status": status,
        "error": error,
    }


def record_of(*events: Any) -> TurnRecord:
    record = TurnRecord()
    for event in events:
        record.update(event)
    return record


def recorded(name: str) -> TurnRecord:
    return record_of(*map(json.loads, recordings.output(name).splitlines()))


def ended(*events: Any) -> Outcome:
    """The outcome of a turn whose claude was ended for its wait, or gave up itself."""
    stream = TurnStream(started=4000.0)
    stream.feed(b"".join(json.dumps(event).encode() + b"\n" for event in events), now=4500.0)
    return stream.finish(Ending(exit_code=1, stopped=gives_up(stream.record)), now=ENDED)[1]


def test_a_long_wait_that_the_api_asked_for_ends_the_turn() -> None:
    stopped = gives_up(recorded("wait_429_retry_after_3600"))
    assert stopped is not None
    kind, detail = stopped
    assert kind is OutcomeKind.RATE_LIMITED
    assert detail.startswith("the API asks to wait 3")
    assert detail.endswith(" s: 429 rate_limit")


def test_a_subagents_wait_ends_the_turn() -> None:
    stopped = gives_up(recorded("wait_in_subagent"))
    assert stopped is not None
    assert stopped[0] is OutcomeKind.RATE_LIMITED


def test_the_same_error_again_and_again_ends_the_turn() -> None:
    assert gives_up(recorded("wait_529")) == (
        OutcomeKind.OVERLOADED,
        "the API's error was the same 3 times: 529 overloaded",
    )


@pytest.mark.parametrize("name", ["plain", "err_429_max_retries_1", "err_401_max_retries_1"])
def test_what_claude_ends_itself_is_left_to_it(name: str) -> None:
    assert gives_up(recorded(name)) is None


def test_an_answer_ends_the_wait() -> None:
    answer = {"type": "assistant", "message": {"id": "m", "model": "x", "content": []}}
    assert gives_up(record_of(retry(3, 4000), answer)) is None


def test_retry_after_is_counted_from_the_end() -> None:
    outcome = ended(retry(1, 3700.5))
    assert (outcome.kind, outcome.retry_at) == (OutcomeKind.RATE_LIMITED, ENDED + 3700.5)
    outcome = ended(retry(1, 3700, 503, "server_error"))
    assert (outcome.kind, outcome.retry_at) == (OutcomeKind.OVERLOADED, ENDED + 3700)


def test_claudes_own_waits_say_nothing_of_the_apis() -> None:
    assert ended(retry(1, 0.6), retry(2, 1.2), retry(3, 2.5)).retry_at is None


def test_a_claude_that_gave_up_after_waits_that_the_api_named() -> None:
    """The last answer's own retry-after is not told; it asked for as much before."""
    result = {"type": "result", "is_error": True, "api_error_status": 429, "result": "no"}
    outcome = ended(retry(1, 6.0), retry(2, 5.5), result)
    assert (outcome.kind, outcome.retry_at) == (OutcomeKind.RATE_LIMITED, ENDED + 5.5)


def test_the_end_of_a_subscriptions_limit_goes_before_the_wait() -> None:
    info = {"status": "rejected", "resetsAt": 9000}
    outcome = ended({"type": "rate_limit_event", "rate_limit_info": info}, retry(1, 7000))
    assert (outcome.kind, outcome.retry_at) == (OutcomeKind.RATE_LIMITED, 9000)


def test_no_other_outcome_says_when_to_come_back() -> None:
    outcome = ended(retry(3, 5.0, 401, "authentication_failed"))
    assert (outcome.kind, outcome.retry_at) == (OutcomeKind.NEEDS_LOGIN, None)


@given(st.integers(0, 5), st.floats(0, 1e6), st.sampled_from([429, 500, 503, 529, 401, None]))
def test_a_turn_waits_for_two_short_times_at_most(
    attempt: int, seconds: float, status: int | None
) -> None:
    stopped = gives_up(record_of(retry(attempt, seconds, status, "")))
    assert (stopped is None) == (attempt <= 2 and seconds <= MAX_WAIT_SECONDS)
