"""What follows from each outcome."""

import pytest

from hyperhive.broker.outcomes import LIMIT_FIRST, LIMIT_MOST, settlement
from hyperhive.store.agents import Hold, HoldKind
from hyperhive.store.turns import Settlement
from hyperhive.wire.harness import Outcome, OutcomeKind

NOW = 1000.0


def settle(outcome: Outcome, failures: int = 0, cut: bool = False) -> Settlement:
    return settlement(outcome, failures, cut=cut, now=NOW)


def test_a_good_turn_acks_and_forgets_failures() -> None:
    assert settle(Outcome(OutcomeKind.OK), failures=3) == Settlement(ack=True)


def test_a_good_turn_that_was_cut_off_gives_its_messages_back_uncounted() -> None:
    after = settle(Outcome(OutcomeKind.OK), cut=True)
    assert (after.ack, after.failed, after.hold) == (False, False, None)
    assert after.reason == "the broker was away during the turn"


def test_a_turn_without_the_hives_tools_failed() -> None:
    after = settle(Outcome(OutcomeKind.OK, mcp_failed=["github", "hyperhive"]), failures=1)
    assert (after.ack, after.failed, after.failures) == (False, True, 2)
    assert after.hold == Hold(HoldKind.FAILED, "the turn had no hyperhive tools", NOW + 15)
    assert settle(Outcome(OutcomeKind.OK, mcp_failed=["github"])).ack


@pytest.mark.parametrize("kind", ["failed", "timeout", "prompt_too_long"])
def test_failures_wait_longer_each_time_up_to_five_minutes(kind: str) -> None:
    delays = []
    for failures in range(6):
        after = settle(Outcome(OutcomeKind(kind), "why"), failures)
        assert (after.ack, after.failed, after.failures) == (False, True, failures + 1)
        assert after.hold is not None
        assert (after.hold.kind, after.hold.reason) == (HoldKind.FAILED, "why")
        assert after.hold.until is not None
        delays.append(after.hold.until - NOW)
    assert delays == [5, 15, 60, 300, 300, 300]


@pytest.mark.parametrize("kind", ["rate_limited", "overloaded"])
def test_a_limit_waits_as_long_as_it_says_or_doubles(kind: str) -> None:
    told = settle(Outcome(OutcomeKind(kind), retry_at=NOW + 7), failures=9)
    assert told.hold == Hold(HoldKind.RATE_LIMITED, kind, NOW + 7)
    assert (told.ack, told.failed) == (False, False)
    past = settle(Outcome(OutcomeKind(kind), retry_at=NOW - 7))
    assert past.hold is not None
    assert past.hold.until == NOW
    waits = [settle(Outcome(OutcomeKind(kind)), failures).hold for failures in range(8)]
    assert [hold.until - NOW for hold in waits if hold and hold.until] == [
        min(LIMIT_FIRST * 2**n, LIMIT_MOST) for n in range(8)
    ]


def test_a_missing_login_waits_for_a_person() -> None:
    after = settle(Outcome(OutcomeKind.NEEDS_LOGIN, "Not logged in"), failures=2)
    assert after.hold == Hold(HoldKind.NEEDS_LOGIN, "Not logged in", None)
    assert (after.ack, after.failed, after.failures) == (False, False, 2)


def test_a_cancelled_turn_gives_its_messages_back_uncounted() -> None:
    after = settle(Outcome(OutcomeKind.CANCELLED), failures=2)
    assert (after.ack, after.failed, after.hold, after.failures) == (False, False, None, 2)


def test_a_lost_session_is_forgotten() -> None:
    assert settle(Outcome(OutcomeKind.FAILED, session_missing=True)).forget_session
    assert not settle(Outcome(OutcomeKind.FAILED)).forget_session
