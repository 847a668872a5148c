"""What follows from a turn's end, as the store is told it; broker/outcomes.py decides it."""

from dataclasses import dataclass
from enum import StrEnum

from hyperhive.store.agents import Compaction, Hold
from hyperhive.wire.harness import TurnKind


class Fate(StrEnum):
    """What becomes of the messages that a turn had leased."""

    DONE = "done"
    """Acknowledged."""
    BACK = "back"
    """Returned to the queue; the turn's end is not their fault."""
    FAILED = "failed"
    """Returned as a failed attempt, the fifth of which makes a dead letter."""
    DROPPED = "dropped"
    """Given up by the operator."""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A running turn is to be ended.

    Attributes:
        fate: of its messages.
        reason: one line for a reader.
    """

    fate: Fate
    reason: str


@dataclass(frozen=True, slots=True)
class EndingTurn:
    """What the store knows of a turn that ends.

    Attributes:
        message: the message that began it.
        model: what it was to run with.
        cut: whether the broker was away during it.
        cancellation: the wish to end it, if there was one.
    """

    id: int
    kind: TurnKind
    message: int | None
    model: str
    cut: bool
    cancellation: Cancellation | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What follows from a turn's end.

    Attributes:
        fate: of its messages.
        note: kept with messages that are done or dropped.
        hold: a time without turns that begins now.
        failures: consecutive failed turns, this one included.
        forget_session: begin a new session with the next turn.
        reason: why the messages return, where the outcome does not say it.
        compaction, compaction_reason, compacted_for, notes_due: as in `AgentRow`, from now on.
        notes_tried: size of the notes for which their compaction was just tried.
    """

    fate: Fate
    note: str = ""
    hold: Hold | None = None
    failures: int = 0
    forget_session: bool = False
    reason: str = ""
    compaction: Compaction | None = None
    compaction_reason: str = ""
    compacted_for: int | None = None
    notes_due: str | None = None
    notes_tried: int | None = None
