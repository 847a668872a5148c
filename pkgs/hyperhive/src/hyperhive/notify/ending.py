"""Ends the process when it is told to, and the operator's program with it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Ending:
    """How SIGTERM ends the process: where it waits, at once, with status 0.

    Between two waits it finishes what it does, so that what the operator has been told is written
    down. The handler raises nothing: an exception between any two instructions of subprocess leaves
    its locks taken, and whoever waits for the process then waits for ever.
    """

    def __init__(self) -> None:
        self._waits = False
        self._group: int | None = None
        self._due = False

    def install(self) -> None:
        """End by SIGTERM from now on; only the main thread can say so."""
        signal.signal(signal.SIGTERM, self._handle)

    @contextmanager
    def allowed(self, group: int | None = None) -> Iterator[None]:
        """End within the block, which only waits.

        Args:
            group: of processes that is killed at the end.
        """
        self._group = group
        self._waits = True
        try:
            if self._due:
                self._end()
            yield
        finally:
            self._waits = False

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._due = True
        if self._waits:
            self._end()

    def _end(self) -> None:
        if self._group is not None:
            with suppress(ProcessLookupError):  # It has just ended.
                os.killpg(self._group, signal.SIGKILL)
        os._exit(0)
