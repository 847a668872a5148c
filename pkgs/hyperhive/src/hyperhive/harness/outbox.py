"""What the broker is still to be told of a turn: in order, one request at a time, kept until it is
answered. Pure.
"""

import json
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from hyperhive.wire.harness import TurnEvent, TurnFinished, TurnStarted
from hyperhive.wire.records import to_json

MAX_BATCH: Final = 256 << 10
"""Most bytes of events in one request. One event is under 300 KiB (trim.py), so that a line stays
under the 1 MiB of the agent plane."""
FULL: Final = 4 << 20
"""Bytes of events waiting at which nothing more should be read from claude."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to make."""

    method: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Waiting:
    event: dict[str, Any]
    size: int


class Outbox:
    """The messages of one turn."""

    def __init__(self, turn: int) -> None:
        self.turn: Final = turn
        self._started: TurnStarted | None = None
        self._events: deque[_Waiting] = deque()
        self._size = 0
        self._finished: TurnFinished | None = None
        self._sent: TurnStarted | TurnFinished | int | None = None  # int: that many events
        self.delivered = False
        """Whether the turn's end has been answered: nothing is left to tell, now or later."""

    @property
    def full(self) -> bool:
        """Whether too much is waiting to read more from claude."""
        return self._size >= FULL

    @property
    def ending(self) -> bool:
        """Whether the request that is unanswered is `turn.finished`."""
        return isinstance(self._sent, TurnFinished)

    def start(self, started: TurnStarted) -> None:
        """Have `turn.started` told."""
        self._started = started

    def add(self, events: list[TurnEvent]) -> None:
        """Have events told."""
        for event in events:
            plain = to_json(event)
            size = len(json.dumps(plain, ensure_ascii=False).encode("utf-8", "backslashreplace"))
            self._events.append(_Waiting(plain, size))
            self._size += size

    def finish(self, finished: TurnFinished) -> None:
        """Have the turn's end told, after everything else."""
        self._finished = finished

    def next(self) -> Call | None:
        """The request to make now; None while one is unanswered, and when all is told."""
        if self._sent is not None:
            return None
        if self._started is not None:
            self._sent = self._started
            return Call("turn.started", to_json(self._started))
        if self._events:
            batch = self._batch()
            self._sent = len(batch)
            return Call("turn.events", {"turn": self.turn, "events": batch})
        if self._finished is not None and not self.delivered:
            self._sent = self._finished
            return Call("turn.finished", to_json(self._finished))
        return None

    def answered(self) -> None:
        """The last request is on the broker's disk, or is not worth repeating."""
        match self._sent:
            case TurnStarted():
                self._started = None
            case TurnFinished():
                self.delivered = True
            case int(count):
                for _ in range(count):
                    self._size -= self._events.popleft().size
        self._sent = None

    def repeat(self) -> None:
        """The last request must be made again."""
        self._sent = None

    def _batch(self) -> list[dict[str, Any]]:
        batch: list[dict[str, Any]] = []
        size = 0
        for waiting in self._events:
            size += waiting.size + 1
            if batch and size > MAX_BATCH:
                break
            batch.append(waiting.event)
        return batch
