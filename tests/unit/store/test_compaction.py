"""Compactions on demand, and conversations begun anew."""

import pytest

from hyperhive.store.agents import AgentState, Compaction, read_agent, set_paused
from hyperhive.store.compaction import (
    NothingToCompactError,
    begin_anew,
    request_compaction,
    request_notes,
)
from hyperhive.store.transaction import Transaction
from hyperhive.store.turn_ends import MAX_LOST, lost
from hyperhive.store.turns import Waiting
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnKind
from tests.unit.store.operations import begin, end, look, send, talk, told

WITH_NOTES = Outcome(OutcomeKind.OK, session="S", notes_bytes=9)


def test_there_must_be_a_conversation(tx: Transaction) -> None:
    with pytest.raises(NothingToCompactError, match="alice has no conversation yet"):
        request_compaction(tx, "alice", Compaction.COMPACT, "why", now=1.0)
    assert told(tx, "compaction_due") == []
    talk(tx)  # it will have one
    request_compaction(tx, "alice", Compaction.COMPACT, "why", now=1.0)


@pytest.mark.parametrize("step", Compaction)
def test_it_comes_before_the_next_message(tx: Transaction, step: Compaction) -> None:
    end(tx, talk(tx))
    send(tx)
    tx.woken.clear()
    request_compaction(tx, "alice", step, "by the operator", now=3.0)
    assert told(tx, "compaction_due") == [{"step": step, "reason": "by the operator"}]
    assert "alice" in tx.woken
    turn = begin(tx, at=4.0)
    assert (turn.kind, turn.session, turn.resume) == (TurnKind(step), "S", True)
    assert (turn.delivery, turn.unread, turn.reason) == (None, 1, "by the operator")
    assert read_agent(tx, "alice").standing.state is AgentState.COMPACTING


def test_a_compaction_that_is_lost_with_its_harness_is_tried_again_and_then_given_up(
    tx: Transaction,
) -> None:
    end(tx, talk(tx))
    request_compaction(tx, "alice", Compaction.COMPACT, "why", now=3.0)
    for _ in range(MAX_LOST):
        assert begin(tx).kind is TurnKind.COMPACT
        lost(tx, "alice", "gone", now=4.0)
    assert read_agent(tx, "alice").compaction is None


def test_there_must_be_notes(tx: Transaction) -> None:
    with pytest.raises(NothingToCompactError, match="alice has no notes yet"):
        request_notes(tx, "alice", "why", now=1.0)
    assert told(tx, "notes_due") == []


def test_notes_come_after_messages_in_a_conversation_of_their_own(tx: Transaction) -> None:
    end(tx, talk(tx), WITH_NOTES)
    send(tx)
    tx.woken.clear()
    request_notes(tx, "alice", "by the operator", now=3.0)
    assert told(tx, "notes_due") == [{"reason": "by the operator"}]
    assert "alice" in tx.woken
    message = begin(tx, at=4.0)
    assert message.kind is TurnKind.MESSAGE
    end(tx, message, WITH_NOTES, notes_due="by the operator")
    notes = begin(tx, at=5.0)
    assert (notes.kind, notes.session, notes.resume) == (TurnKind.NOTES, "fresh", False)
    end(tx, notes, Outcome(OutcomeKind.OK, session="fresh", notes_bytes=4))
    row = read_agent(tx, "alice")
    assert (row.session, row.notes_bytes) == ("S", 4)


def test_an_idle_agent_begins_anew_at_once(tx: Transaction) -> None:
    end(tx, talk(tx))
    request_compaction(tx, "alice", Compaction.COMPACT, "why", now=3.0)
    begin_anew(tx, "alice", "by the operator", now=3.0)
    assert told(tx, "new_session") == [{"reason": "by the operator"}]
    send(tx)
    turn = begin(tx, at=4.0)
    assert (turn.kind, turn.session, turn.resume) == (TurnKind.MESSAGE, "fresh", False)


def test_a_running_turn_keeps_its_conversation_to_its_end(tx: Transaction) -> None:
    end(tx, talk(tx))
    turn = talk(tx)
    begin_anew(tx, "alice", "by the operator", now=3.0)
    assert read_agent(tx, "alice").session == "S"
    end(tx, turn, compaction=Compaction.CHECKPOINT)
    row = read_agent(tx, "alice")
    assert (row.session, row.compaction, row.new_session) == (None, None, False)
    send(tx)
    assert begin(tx, at=4.0).resume is False


def test_what_is_due_waits_while_the_agent_may_not_run(tx: Transaction) -> None:
    end(tx, talk(tx))
    request_compaction(tx, "alice", Compaction.COMPACT, "why", now=3.0)
    set_paused(tx, "alice", True, "enough", now=3.0)
    assert look(tx, at=4.0) == Waiting(None)
    set_paused(tx, "alice", False, "", now=5.0)
    assert begin(tx, at=6.0).kind is TurnKind.COMPACT
