"""What follows from each outcome, in each kind of turn."""

from typing import Any

import pytest

from hyperhive.broker.outcomes import LIMIT_FIRST, LIMIT_MOST, settlement
from hyperhive.hive.models import Conversation
from hyperhive.store.agents import (
    AgentRow,
    AgentState,
    Compaction,
    Hold,
    HoldKind,
    Standing,
)
from hyperhive.store.container_rows import Link
from hyperhive.store.settlement import Cancellation, EndingTurn, Fate, Settlement
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnKind

NOW = 1000.0
RULES = Conversation()
MESSAGE = 7


def agent(**more: Any) -> AgentRow:
    row: dict[str, Any] = {
        "name": "alice",
        "link": Link.CONNECTED,
        "link_reason": "",
        "paused": False,
        "pause_reason": "",
        "hold": None,
        "nap": None,
        "turn": 1,
        "failures": 0,
        "session": "S",
        "compacting": False,
        "compaction": None,
        "compaction_reason": "",
        "compacted_for": None,
        "notes_due": None,
        "notes_bytes": None,
        "notes_tried": 0,
        "new_session": False,
        "model": "opus",
        "standing": Standing(AgentState.THINKING, "turn 1"),
    }
    return AgentRow(**(row | more))


def turn(
    kind: TurnKind = TurnKind.MESSAGE,
    *,
    cut: bool = False,
    cancel: Cancellation | None = None,
    model: str = "opus",
) -> EndingTurn:
    return EndingTurn(1, kind, MESSAGE if kind is TurnKind.MESSAGE else None, model, cut, cancel)


def settle(
    outcome: Outcome, failures: int = 0, of: EndingTurn | None = None, **known: Any
) -> Settlement:
    return settlement(outcome, agent(failures=failures, **known), of or turn(), RULES, now=NOW)


def test_a_good_turn_acks_and_forgets_failures() -> None:
    assert settle(Outcome(OutcomeKind.OK), 3, compacted_for=MESSAGE) == Settlement(Fate.DONE)


def test_a_good_turn_that_was_cut_off_gives_its_messages_back_uncounted() -> None:
    after = settle(Outcome(OutcomeKind.OK), of=turn(cut=True))
    assert (after.fate, after.hold) == (Fate.BACK, None)
    assert after.reason == "the broker was away during the turn"


def test_a_turn_without_the_hives_tools_failed() -> None:
    after = settle(Outcome(OutcomeKind.OK, mcp_failed=["github", "hyperhive"]), failures=1)
    assert (after.fate, after.failures) == (Fate.FAILED, 2)
    assert after.hold == Hold(HoldKind.FAILED, "the turn had no hyperhive tools", NOW + 15)
    assert settle(Outcome(OutcomeKind.OK, mcp_failed=["github"])).fate is Fate.DONE


@pytest.mark.parametrize("kind", ["failed", "timeout"])
def test_failures_wait_longer_each_time_up_to_five_minutes(kind: str) -> None:
    delays = []
    for failures in range(6):
        after = settle(Outcome(OutcomeKind(kind), "why"), failures)
        assert (after.fate, after.failures) == (Fate.FAILED, failures + 1)
        assert after.hold is not None
        assert (after.hold.kind, after.hold.reason) == (HoldKind.FAILED, "why")
        assert after.hold.until is not None
        delays.append(after.hold.until - NOW)
    assert delays == [5, 15, 60, 300, 300, 300]


@pytest.mark.parametrize("of", list(TurnKind))
@pytest.mark.parametrize("kind", ["rate_limited", "overloaded"])
def test_a_limit_waits_as_long_as_it_says_or_doubles(kind: str, of: TurnKind) -> None:
    told = settle(Outcome(OutcomeKind(kind), retry_at=NOW + 7), failures=9999, of=turn(of))
    assert told.hold == Hold(HoldKind.RATE_LIMITED, kind, NOW + 7)
    assert told.fate is Fate.BACK
    past = settle(Outcome(OutcomeKind(kind), retry_at=NOW - 7))  # whose clock is wrong?
    assert past.hold is not None
    assert past.hold.until == NOW + LIMIT_FIRST
    waits = [settle(Outcome(OutcomeKind(kind)), failures).hold for failures in range(8)]
    assert [hold.until - NOW for hold in waits if hold and hold.until] == [
        min(LIMIT_FIRST * 2**n, LIMIT_MOST) for n in range(8)
    ]


@pytest.mark.parametrize("kind", ["rate_limited", "overloaded", "needs_login", "unknown_model"])
def test_what_was_due_is_due_after_a_wait(kind: str) -> None:
    after = settle(
        Outcome(OutcomeKind(kind)),
        of=turn(TurnKind.CHECKPOINT),
        compaction=Compaction.CHECKPOINT,
        compaction_reason="full",
        notes_due="large",
    )
    assert (after.compaction, after.compaction_reason) == (Compaction.CHECKPOINT, "full")
    assert after.notes_due == "large"


def test_a_missing_login_waits_for_a_person() -> None:
    after = settle(Outcome(OutcomeKind.NEEDS_LOGIN, "Not logged in"), failures=2)
    assert after.hold == Hold(HoldKind.NEEDS_LOGIN, "Not logged in", None)
    assert (after.fate, after.failures) == (Fate.BACK, 2)


def test_a_missing_claude_waits_for_a_harness_that_has_one_and_blames_no_message() -> None:
    after = settle(Outcome(OutcomeKind.FAILED, "no claude", no_claude=True))
    assert (after.fate, after.hold) == (Fate.BACK, Hold(HoldKind.NO_CLAUDE, "no claude", None))


def test_an_unknown_model_waits_for_another_and_blames_no_message() -> None:
    after = settle(Outcome(OutcomeKind.UNKNOWN_MODEL, "model: opus"))
    assert after.fate is Fate.BACK
    assert after.hold is not None
    assert (after.hold.kind, after.hold.until) == (HoldKind.UNKNOWN_MODEL, None)
    assert "hyperhive model alice NAME" in after.hold.reason
    switched = settle(Outcome(OutcomeKind.UNKNOWN_MODEL), of=turn(model="opsu"))
    assert switched.hold is None


def test_a_turn_that_the_harness_ended_gives_its_messages_back_uncounted() -> None:
    after = settle(Outcome(OutcomeKind.CANCELLED), 2, compaction=Compaction.COMPACT)
    assert (after.fate, after.hold, after.failures) == (Fate.BACK, None, 2)
    assert after.compaction is Compaction.COMPACT


@pytest.mark.parametrize("fate", [Fate.DONE, Fate.BACK, Fate.DROPPED])
@pytest.mark.parametrize("kind", ["cancelled", "failed", "rate_limited", "prompt_too_long"])
def test_a_cancelled_turns_messages_go_where_the_operator_said(kind: str, fate: Fate) -> None:
    wish = Cancellation(fate, "enough")
    after = settle(Outcome(OutcomeKind(kind)), of=turn(cancel=wish), compaction=Compaction.COMPACT)
    assert (after.fate, after.note, after.hold, after.compaction) == (fate, "enough", None, None)


def test_a_turn_that_was_done_before_it_could_be_cancelled_is_done() -> None:
    wish = Cancellation(Fate.DROPPED, "enough")
    full = Outcome(OutcomeKind.OK, context_tokens=190, context_window=200)
    after = settle(full, of=turn(cancel=wish))
    assert (after.fate, after.compaction) == (Fate.DONE, None)
    checkpoint = settle(Outcome(OutcomeKind.OK), of=turn(TurnKind.CHECKPOINT, cancel=wish))
    assert checkpoint.compaction is None


def test_a_cancelled_turn_that_may_have_lost_something_is_not_repeated_either() -> None:
    wish = Cancellation(Fate.DROPPED, "enough")
    assert settle(Outcome(OutcomeKind.OK), of=turn(cut=True, cancel=wish)).fate is Fate.DROPPED
    toolless = Outcome(OutcomeKind.OK, mcp_failed=["hyperhive"])
    after = settle(toolless, of=turn(cancel=wish))
    assert (after.fate, after.hold) == (Fate.DROPPED, None)


def test_a_lost_session_is_forgotten() -> None:
    assert settle(Outcome(OutcomeKind.FAILED, session_missing=True)).forget_session
    assert not settle(Outcome(OutcomeKind.FAILED)).forget_session


def test_a_prompt_that_is_too_long_is_tried_once_more_after_a_compaction() -> None:
    long = Outcome(OutcomeKind.PROMPT_TOO_LONG, "Prompt is too long")
    first = settle(long)
    assert (first.fate, first.hold, first.failures) == (Fate.BACK, None, 0)
    assert (first.compaction, first.compacted_for) == (Compaction.COMPACT, MESSAGE)
    second = settle(long, compacted_for=MESSAGE)
    assert (second.fate, second.failures, second.compaction) == (Fate.FAILED, 1, None)
    assert "hyperhive new-session alice" in second.reason
    other = settle(long, compacted_for=MESSAGE - 1)
    assert other.compaction is Compaction.COMPACT
    assert settle(long, session=None).fate is Fate.FAILED  # there is nothing to compact


def test_a_full_context_is_compacted_after_the_agent_has_saved_its_notes() -> None:
    def after(tokens: int | None, window: int | None, **known: Any) -> Settlement:
        full = Outcome(OutcomeKind.OK, context_tokens=tokens, context_window=window)
        return settle(full, **known)

    due = after(150_000, 200_000)
    assert (due.fate, due.compaction) == (Fate.DONE, Compaction.CHECKPOINT)
    assert due.compaction_reason == "the context is 75 % full"
    assert after(149_999, 200_000).compaction is None
    assert after(None, 200_000).compaction is None
    assert after(150_000, None).compaction is None
    asked = after(150_000, 200_000, compaction=Compaction.COMPACT, compaction_reason="asked")
    assert (asked.compaction, asked.compaction_reason) == (Compaction.COMPACT, "asked")


def test_never_compacts_by_itself_where_the_hive_says_so() -> None:
    full = Outcome(OutcomeKind.OK, context_tokens=199, context_window=200, notes_bytes=1 << 20)
    never = Conversation(compact_percent=0, notes_kib=0)
    after = settlement(full, agent(), turn(), never, now=NOW)
    assert (after.compaction, after.notes_due) == (None, None)


@pytest.mark.parametrize("kind", ["ok", "failed", "timeout", "prompt_too_long"])
def test_a_checkpoint_is_followed_by_the_compaction_whatever_came_of_it(kind: str) -> None:
    after = settle(
        Outcome(OutcomeKind(kind)),
        of=turn(TurnKind.CHECKPOINT),
        compaction=Compaction.CHECKPOINT,
        compaction_reason="full",
    )
    assert (after.compaction, after.compaction_reason) == (Compaction.COMPACT, "full")
    assert after.hold is None


def test_a_compaction_that_ends_is_not_due_again() -> None:
    compact = turn(TurnKind.COMPACT)
    full = Outcome(OutcomeKind.OK, context_tokens=199, context_window=200)
    done = settle(full, of=compact, compaction=Compaction.COMPACT, compacted_for=MESSAGE)
    assert (done.fate, done.compaction, done.compacted_for) == (Fate.DONE, None, MESSAGE)
    failed = settle(
        Outcome(OutcomeKind.FAILED, "no"), of=compact, compaction=Compaction.COMPACT, failures=1
    )
    assert (failed.compaction, failed.failures) == (None, 2)
    assert failed.hold == Hold(HoldKind.FAILED, "compaction failed: no", NOW + 15)


def test_notes_are_compacted_when_they_have_grown() -> None:
    def due(size: int | None, tried: int = 0) -> str | None:
        return settle(Outcome(OutcomeKind.OK, notes_bytes=size), notes_tried=tried).notes_due

    limit = RULES.notes_kib * 1024
    assert due(limit) == "notes.md has 64 KiB"
    assert due(limit - 1) is None
    assert due(None) is None
    assert due(limit + 10, tried=limit) is None  # the last attempt left it so large
    assert due(limit * 2, tried=limit) is not None


@pytest.mark.parametrize("kind", ["ok", "failed", "timeout"])
def test_notes_are_tried_once(kind: str) -> None:
    size = 70_000
    outcome = Outcome(OutcomeKind(kind), notes_bytes=size)
    after = settle(outcome, of=turn(TurnKind.NOTES), notes_due="large", notes_bytes=size)
    assert (after.notes_due, after.notes_tried, after.hold) == (None, size, None)
