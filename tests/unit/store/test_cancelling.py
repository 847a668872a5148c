"""The operator ends turns, naps, waits and due compactions."""

import pytest

from hyperhive.store import turn_ends
from hyperhive.store.agents import Compaction, Hold, HoldKind, read_agent, set_hold, set_paused
from hyperhive.store.cancelling import NothingToCancelError, cancel, wish_of
from hyperhive.store.compaction import request_compaction, request_notes
from hyperhive.store.naps import begin_nap
from hyperhive.store.settlement import Cancellation, Fate
from hyperhive.store.transaction import Transaction
from hyperhive.store.turns import Overdue
from hyperhive.wire.harness import Outcome, OutcomeKind
from tests.unit.store.operations import OK, begin, end, look, mail, send, talk, told

BACK = Cancellation(Fate.BACK, "by the operator")


def test_there_must_be_something_to_cancel(tx: Transaction) -> None:
    with pytest.raises(NothingToCancelError, match="alice is idle: there is nothing to cancel"):
        cancel(tx, "alice", BACK, now=1.0)
    set_paused(tx, "alice", True, "enough", now=1.0)
    with pytest.raises(NothingToCancelError, match="alice is paused"):
        cancel(tx, "alice", BACK, now=1.0)
    assert told(tx, "cancel") == []


def test_a_running_turn_is_ended_by_the_next_look(tx: Transaction) -> None:
    turn = talk(tx)
    tx.woken.clear()
    cancelled = cancel(tx, "alice", BACK, now=2.0)
    assert (cancelled.turn, cancelled.ended) == (turn.id, [f"turn {turn.id}"])
    assert "alice" in tx.woken
    assert look(tx, at=3.0) == Overdue(turn.id, "by the operator")
    assert told(tx, "cancel") == [
        {"ended": [f"turn {turn.id}"], "messages": "back", "reason": "by the operator"}
    ]


def test_the_last_cancellation_decides_about_the_messages(tx: Transaction) -> None:
    turn = talk(tx)
    cancel(tx, "alice", BACK, now=2.0)
    drop = Cancellation(Fate.DROPPED, "after all")
    cancel(tx, "alice", drop, now=2.0)
    assert wish_of(tx, turn.id) == drop


@pytest.mark.parametrize(
    ("fate", "state", "attempts"),
    [(Fate.DONE, "acked", 0), (Fate.BACK, "queued", 0), (Fate.DROPPED, "dropped", 0)],
)
def test_a_harness_that_is_lost_settles_it_all_the_same(
    tx: Transaction, fate: Fate, state: str, attempts: int
) -> None:
    talk(tx)
    cancel(tx, "alice", Cancellation(fate, "why"), now=2.0)
    turn_ends.lost(tx, "alice", "gone", now=3.0)
    (message,) = mail(tx, "alice")
    assert (message["state"], message["attempts"]) == (state, attempts)
    assert message["note"] == ("" if fate is Fate.BACK else "why")


def test_the_next_turn_is_told_of_the_cancellation(tx: Transaction) -> None:
    turn = talk(tx)
    cancel(tx, "alice", BACK, now=2.0)
    end(tx, turn, Outcome(OutcomeKind.CANCELLED), Fate.BACK)
    following = begin(tx, at=3.0)
    assert following.cancelled == "by the operator"
    end(tx, following, OK)
    send(tx)
    assert begin(tx, at=4.0).cancelled is None


def test_naps_and_due_compactions_end(tx: Transaction) -> None:
    end(tx, talk(tx), Outcome(OutcomeKind.OK, session="S", notes_bytes=9))
    begin_nap(tx, "alice", 100.0, "tired", now=2.0)
    request_compaction(tx, "alice", Compaction.COMPACT, "why", now=2.0)
    request_notes(tx, "alice", "why", now=2.0)
    cancelled = cancel(tx, "alice", BACK, now=3.0)
    assert (cancelled.turn, cancelled.ended) == (None, ["its nap", "its compaction"])
    row = read_agent(tx, "alice")
    assert (row.nap, row.compaction, row.notes_due) == (None, None, None)
    assert told(tx, "cancel") == [
        {"ended": ["its nap", "its compaction"], "reason": "by the operator"}
    ]


@pytest.mark.parametrize("kind", [HoldKind.RATE_LIMITED, HoldKind.FAILED])
def test_a_wait_ends_and_the_next_failure_counts_as_the_first(
    tx: Transaction, kind: HoldKind
) -> None:
    end(tx, talk(tx), hold=Hold(kind, "why", 900.0), failures=3)
    send(tx)
    assert cancel(tx, "alice", BACK, now=3.0).ended == ["its wait"]
    assert read_agent(tx, "alice").failures == 0
    begin(tx, at=3.0)


@pytest.mark.parametrize("kind", [HoldKind.NEEDS_LOGIN, HoldKind.UNKNOWN_MODEL, HoldKind.NO_CLAUDE])
def test_what_only_a_mend_can_end_stays(tx: Transaction, kind: HoldKind) -> None:
    set_hold(tx, "alice", Hold(kind, "why", None), now=1.0)
    with pytest.raises(NothingToCancelError):
        cancel(tx, "alice", BACK, now=2.0)
    assert read_agent(tx, "alice").hold == Hold(kind, "why", None)
