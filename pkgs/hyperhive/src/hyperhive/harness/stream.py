"""claude's standard output in pieces: bytes in, turn events out, an outcome at the end. Pure."""

import json
from typing import Any, Final

from hyperhive.harness.events import EventReader, Told, notice
from hyperhive.harness.record import TurnRecord
from hyperhive.harness.trim import one_line
from hyperhive.harness.verdict import Ending, judge
from hyperhive.wire.harness import Outcome, TurnEvent, TurnKind

MAX_LINE: Final = 32 << 20
"""Longest line that is read, in bytes; a longer one is dropped with a notice."""
_MAX_PLAIN: Final = 100
"""Lines that are not JSON which are told of in one turn."""


class TurnStream:
    """Reads what one claude process prints.

    Args:
        started: when the process was started, seconds since the epoch.
        kind: what the turn is for, which decides what counts as success.
    """

    def __init__(self, started: float, kind: TurnKind = TurnKind.MESSAGE) -> None:
        self.record: Final = TurnRecord()
        self._kind = kind
        self._started = started
        self._reader = EventReader()
        self._buffer = bytearray()
        self._scanned = 0
        self._dropped = 0
        self._plain = 0
        self._seq = 0

    def feed(self, chunk: bytes, now: float) -> list[TurnEvent]:
        """The events that the lines completed by `chunk` tell. Never fails, whatever they hold."""
        self._buffer += chunk
        told: list[Told] = []
        while (end := self._buffer.find(b"\n", self._scanned)) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._scanned = 0
            told += self._line(line)
        if len(self._buffer) > MAX_LINE:
            self._dropped += len(self._buffer)
            self._buffer.clear()
        self._scanned = len(self._buffer)
        return self._number(told, now)

    def remark(self, told: Told, now: float) -> list[TurnEvent]:
        """An event that is the harness's own."""
        return self._number([told], now)

    def finish(self, ending: Ending, now: float) -> tuple[list[TurnEvent], Outcome]:
        """The last events and the outcome, once the process has ended and its output is read."""
        told = self._line(bytes(self._buffer))
        self._buffer.clear()
        if words := ending.stderr.strip():
            told.append(notice(words))
        outcome = judge(self.record, ending, self._kind, self._started, now)
        return self._number(told, now), outcome

    def _number(self, told: list[Told], now: float) -> list[TurnEvent]:
        first = self._seq + 1
        self._seq += len(told)
        return [TurnEvent(first + i, now, kind, data) for i, (kind, data) in enumerate(told)]

    def _line(self, line: bytes) -> list[Told]:
        if self._dropped:
            size, self._dropped = self._dropped + len(line), 0
            return [notice(f"claude printed a line of {size} bytes, which was left out")]
        if not line.strip():
            return []
        event: Any
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict):
            self.record.update(event)
            return self._reader.read(event)
        self.record.plain = one_line(line[:4096].decode("utf-8", "replace"))
        self._plain += 1
        return [notice(self.record.plain)] if self._plain <= _MAX_PLAIN else []
