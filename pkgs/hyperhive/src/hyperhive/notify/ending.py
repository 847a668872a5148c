"""Ends the process when it is told to, and the operator's program with it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Ending:
    """How SIGTERM ends the process: at once, as a power failure would, with status 0.

    What is on disk is whole at any moment, so nothing is left to finish. The handler raises
    nothing: an exception between any two instructions of subprocess leaves its locks taken, and
    whoever waits for the process then waits for ever.
    """

    def __init__(self) -> None:
        self._group: int | None = None
        self._postponed = False
        self._due = False

    def install(self) -> None:
        """End by SIGTERM from now on; only the main thread can say so."""
        signal.signal(signal.SIGTERM, self._handle)

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """End only after the block; for the moment in which a program has no known number yet."""
        self._postponed = True
        try:
            yield
        finally:
            self._postponed = False
            if self._due:
                self._end()

    def takes(self, group: int) -> None:
        """A group of processes runs, and is killed at the end."""
        self._group = group

    def forgets(self) -> None:
        """The group has ended."""
        self._group = None

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._postponed:
            self._due = True
        else:
            self._end()

    def _end(self) -> None:
        if self._group is not None:
            with suppress(ProcessLookupError):  # It has just ended.
                os.killpg(self._group, signal.SIGKILL)
        os._exit(0)
