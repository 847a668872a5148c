"""How long to wait before trying again. Pure."""

from collections.abc import Callable


class Backoff:
    """Delays that double from `first` to `limit` seconds.

    Args:
        jitter: a number from 0 to 1, a new one each time: harnesses that lost one broker together
            must not come back together.
    """

    def __init__(self, first: float, limit: float, jitter: Callable[[], float]) -> None:
        self._first, self._limit, self._jitter = first, limit, jitter
        self._next = first

    def delay(self) -> float:
        """Seconds to wait now: from half of the doubled time to all of it."""
        full, self._next = self._next, min(self._limit, 2 * self._next)
        return full * (0.5 + 0.5 * self._jitter())

    def reset(self) -> None:
        """It worked: begin small the next time."""
        self._next = self._first
