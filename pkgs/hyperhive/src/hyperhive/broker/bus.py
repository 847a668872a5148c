"""Wake-ups inside the broker: who waits for mail or for events is told after the commit.

Nothing polls: the store says what each commit touched, and the waiting are woken.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress

from hyperhive.store.database import Committed


class Bus:
    """Conditions that tasks wait for. Used from the event loop only."""

    def __init__(self) -> None:
        self._mail: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._events: set[asyncio.Event] = set()
        self._closed = False

    def committed(self, commit: Committed) -> None:
        """Wakes whoever waits for what a commit touched."""
        for agent in commit.woken:
            for bell in self._mail.get(agent, ()):
                bell.set()
        if commit.events:
            for bell in self._events:
                bell.set()

    def close(self) -> None:
        """Wakes everyone for good: waits end at once from now on."""
        self._closed = True
        for bell in [*self._events, *(bell for bells in self._mail.values() for bell in bells)]:
            bell.set()

    @property
    def closed(self) -> bool:
        """Whether the broker is ending."""
        return self._closed

    def mail_bell(self, agent: str) -> "Bell":
        """A bell that rings when mail may have come for an agent."""
        return Bell(self._mail[agent], self._closed)

    def event_bell(self) -> "Bell":
        """A bell that rings when events have been written."""
        return Bell(self._events, self._closed)


class Bell:
    """One waiter. Enter it before looking, so that nothing falls between look and wait."""

    def __init__(self, bells: set[asyncio.Event], rung: bool) -> None:
        self._bells = bells
        self._event = asyncio.Event()
        if rung:
            self._event.set()

    def __enter__(self) -> "Bell":
        self._bells.add(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        self._bells.discard(self._event)

    async def wait(self, seconds: float | None = None) -> None:
        """Until it rings, or at most `seconds`; then it can ring again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()
