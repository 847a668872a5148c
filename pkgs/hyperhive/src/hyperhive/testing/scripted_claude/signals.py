"""SIGINT and SIGTERM, taken where the stand-in waits and never in the middle of an event."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_PULSE: Final = 0.1


class Signalled(BaseException):
    """A signal came. Not an Exception: it is no fault of what was being done."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def terminate(self) -> bool:
        """Whether it was SIGTERM, which ends the process, and not an interrupt of the turn."""
        return self.number == signal.SIGTERM


class Signals:
    """Keeps a signal that came until it can be taken."""

    def __init__(self) -> None:
        self._pending: int | None = None
        self._waiting = False

    def install(self) -> None:
        """Take SIGINT and SIGTERM from here on."""
        signal.signal(signal.SIGINT, self._came)
        signal.signal(signal.SIGTERM, self._came)
        signal.signal(signal.SIGALRM, lambda _number, _frame: None)

    def ignore(self) -> None:
        """Take neither from here on, in this process and in those that it starts."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def check(self) -> None:
        """Take the signal that came, if any.

        Raises:
            Signalled: once for each signal; SIGTERM beats SIGINT.
        """
        if self._pending is not None:
            number, self._pending = self._pending, None
            raise Signalled(number)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Wait inside this block: a signal ends the waiting at once.

        Raises:
            Signalled: a signal came, in the block or before it.
        """
        self._waiting = True
        # A signal that comes just before a system call begins does not end it, and Python's handler
        # runs only after it: the alarm ends every call soon, and Python goes on with it (PEP 475).
        signal.setitimer(signal.ITIMER_REAL, _PULSE, _PULSE)
        try:
            self.check()
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._waiting = False

    def _came(self, number: int, frame: FrameType | None) -> None:
        if self._pending != signal.SIGTERM:
            self._pending = number
        if self._waiting:
            self._waiting = False
            self.check()
