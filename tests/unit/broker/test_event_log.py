"""What the journal is told of the hive's events."""

import logging

import pytest

from hyperhive.broker.event_log import log_committed
from hyperhive.log_events import LogEvent
from hyperhive.store.database import Committed
from hyperhive.store.transaction import HiveEvent
from hyperhive.wire.harness import OutcomeKind

ALICE = {"HYPERHIVE_AGENT": "alice"}
TURN = {**ALICE, "HYPERHIVE_TURN": "7"}


def told(kind: str, data: dict[str, object], turn: int | None = None) -> HiveEvent:
    """Make an event of alice's."""
    return HiveEvent(kind, data, "alice", turn)


@pytest.mark.parametrize(
    ("event", "level", "text", "fields"),
    [
        (
            told("turn_started", {"message": 12, "from": "bob", "kind": "message"}, 7),
            logging.INFO,
            "alice: turn 7 begins: message 12 from bob",
            {**TURN, "MESSAGE_ID": LogEvent.TURN_STARTED},
        ),
        (
            told("turn_started", {"kind": "compact", "reason": "asked"}, 7),
            logging.INFO,
            "alice: turn 7 begins: compact",
            {**TURN, "MESSAGE_ID": LogEvent.TURN_STARTED},
        ),
        (
            told("turn_finished", {"outcome": OutcomeKind.OK, "detail": ""}, 7),
            logging.INFO,
            "alice: turn 7 has ended: ok",
            {**TURN, "MESSAGE_ID": LogEvent.TURN_ENDED, "HYPERHIVE_OUTCOME": "ok"},
        ),
        (
            told("turn_finished", {"outcome": OutcomeKind.FAILED, "detail": "no key"}, 7),
            logging.WARNING,
            "alice: turn 7 has ended: failed: no key",
            {**TURN, "MESSAGE_ID": LogEvent.TURN_ENDED, "HYPERHIVE_OUTCOME": "failed"},
        ),
        (
            told("harness_crash", {"turn": 7}, 7),
            logging.ERROR,
            "alice: its harness ended without a word, and turn 7 is lost",
            {**TURN, "MESSAGE_ID": LogEvent.HARNESS_CRASHED},
        ),
        (
            told("harness_crash", {"turn": None}),
            logging.ERROR,
            "alice: its harness ended without a word",
            {**ALICE, "MESSAGE_ID": LogEvent.HARNESS_CRASHED},
        ),
        (
            told("loop_guard", {"reason": "loop guard: too often"}),
            logging.WARNING,
            "alice: paused: loop guard: too often",
            {**ALICE, "MESSAGE_ID": LogEvent.LOOP_GUARD},
        ),
        (
            told("state", {"state": "needs_login", "reason": "no key"}),
            logging.WARNING,
            "alice: needs_login: no key",
            ALICE,
        ),
        (
            told("dead", {"id": 12, "reason": "failed"}, 7),
            logging.WARNING,
            "alice: gave message 12 up: failed",
            TURN,
        ),
        (
            told("reminder_parked", {"id": 3, "reason": "full"}),
            logging.WARNING,
            "alice: cannot deliver reminder 3: full",
            ALICE,
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, HiveEvent) else "",
)
def test_an_event_is_logged(
    caplog: pytest.LogCaptureFixture,
    event: HiveEvent,
    level: int,
    text: str,
    fields: dict[str, str],
) -> None:
    caplog.set_level(logging.INFO)
    log_committed(Committed(frozenset(), 1, told=(event,)))
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (level, text)
    assert record.__dict__["journal"] == fields


def test_what_happens_all_the_time_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    often = (
        told("state", {"state": "thinking", "reason": ""}),
        told("message", {"id": 12, "from": "bob", "to": "alice"}),
    )
    log_committed(Committed(frozenset(), 2, told=often))
    assert caplog.records == []
