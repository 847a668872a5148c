"""What claude writes to its standard error: it is logged, and its end says why a turn failed."""

import logging
from typing import Final

from hyperhive.logs import fields

logger: Final = logging.getLogger(__name__)

KEPT: Final = 8 << 10
"""Bytes of its end that are kept."""
MOST_LINES: Final = 200
"""Lines of a turn that are logged: a claude, or what it started, may write without end."""
MOST_BYTES: Final = 4000
"""Of a line; what is longer goes on as another one."""


class ErrorOutput:
    """The standard error of one turn."""

    def __init__(self, turn: int) -> None:
        self._turn = turn
        self._kept = b""
        self._begun = b""
        self._lines = 0

    @property
    def end(self) -> str:
        """The end of it."""
        return self._kept.decode("utf-8", "replace")

    def feed(self, chunk: bytes) -> None:
        """Take what was written."""
        self._kept = (self._kept + chunk)[-KEPT:]
        if self._lines > MOST_LINES:
            return
        *lines, begun = (self._begun + chunk).split(b"\n")
        while len(begun) > MOST_BYTES:
            lines.append(begun[:MOST_BYTES])
            begun = begun[MOST_BYTES:]
        self._begun = begun
        for line in lines:
            self._log(line)

    def finish(self) -> None:
        """Take its end."""
        self._log(self._begun)
        self._begun = b""

    def _log(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        if not text or self._lines > MOST_LINES:
            return
        self._lines += 1
        if self._lines > MOST_LINES:
            text = f"more than {MOST_LINES} lines; no more of them are logged"
        extra = fields(turn=self._turn)
        logger.info("turn %d: claude's standard error: %s", self._turn, text, extra=extra)
