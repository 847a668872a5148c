"""What the broker is told of a turn: order, repetition, batches."""

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.harness.outbox import FULL, MAX_BATCH, Outbox
from hyperhive.wire.harness import (
    Outcome,
    OutcomeKind,
    TurnEvent,
    TurnEventKind,
    TurnFinished,
    TurnStarted,
)
from hyperhive.wire.jsonrpc import MAX_LINE, Request, encode

STARTED = TurnStarted(turn=3, pid=9, at=1.0)
FINISHED = TurnFinished(3, Outcome(OutcomeKind.OK))


def event(seq: int, text: str = "x") -> TurnEvent:
    return TurnEvent(seq, 1.0, TurnEventKind.TEXT, {"text": text})


def drain(outbox: Outbox) -> list[str]:
    """Answer everything; the methods in order, with the events' numbers."""
    told = []
    while (call := outbox.next()) is not None:
        seqs = [e["seq"] for e in call.params.get("events", [])]
        told.append(f"{call.method} {seqs}" if seqs else call.method)
        outbox.answered()
    return told


def test_in_order_one_at_a_time() -> None:
    outbox = Outbox(3)
    outbox.finish(FINISHED)
    outbox.add([event(1), event(2)])
    outbox.start(STARTED)
    first = outbox.next()
    assert first is not None
    assert first.method == "turn.started"
    assert outbox.next() is None  # not before that is answered
    outbox.answered()
    assert drain(outbox) == ["turn.events [1, 2]", "turn.finished"]
    assert outbox.delivered
    assert outbox.next() is None


def test_events_that_come_while_others_are_unanswered_wait() -> None:
    outbox = Outbox(3)
    outbox.add([event(1)])
    assert outbox.next() is not None
    outbox.add([event(2), event(3)])
    outbox.answered()
    assert drain(outbox) == ["turn.events [2, 3]"]


def test_what_was_not_answered_is_told_again() -> None:
    outbox = Outbox(3)
    outbox.add([event(1), event(2)])
    assert outbox.next() is not None
    outbox.add([event(3)])
    outbox.repeat()
    assert drain(outbox) == ["turn.events [1, 2, 3]"]
    outbox.finish(FINISHED)
    assert outbox.next() is not None
    assert outbox.ending
    outbox.repeat()
    assert not outbox.delivered
    assert drain(outbox) == ["turn.finished"]


def test_an_answer_to_nothing_changes_nothing() -> None:
    outbox = Outbox(3)
    outbox.add([event(1)])
    outbox.answered()
    assert drain(outbox) == ["turn.events [1]"]


def test_full_until_enough_is_answered() -> None:
    outbox = Outbox(3)
    added = 0
    while not outbox.full:
        added += 1
        outbox.add([event(added, "x" * 16_000)])
    assert FULL <= added * 16_100 < FULL + 50_000
    assert outbox.next() is not None
    outbox.answered()
    assert [outbox.full] == [False]


@given(st.lists(st.integers(0, 290_000), max_size=12))
def test_batches_fit_a_line_and_lose_nothing(sizes: list[int]) -> None:
    outbox = Outbox(3)
    outbox.add([event(i, "x" * size) for i, size in enumerate(sizes, 1)])
    seqs: list[int] = []
    while (call := outbox.next()) is not None:
        assert len(encode(Request(1, call.method, call.params))) < MAX_LINE
        batch = call.params["events"]
        assert len(batch) == 1 or len(str(batch)) <= MAX_BATCH + 100 * len(batch)
        seqs += [e["seq"] for e in batch]
        outbox.answered()
    assert seqs == list(range(1, len(sizes) + 1))
    assert not outbox.full
