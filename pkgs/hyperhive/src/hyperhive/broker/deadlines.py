"""What falls due by the clock: questions expire, reminders become messages, a harness that is gone
without a word turns out to have died.

The store's rows are what counts, so that a restart forgets nothing; this only knows when to look.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from hyperhive.store import crash_notices, questions, reminders
from hyperhive.store.database import Committed, Store
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.transaction import Transaction

logger: Final = logging.getLogger(__name__)

RETRY_SECONDS: Final = 5.0
"""When to look again after nothing could be written."""

GLANCE_SECONDS: Final = 30.0
"""Longest sleep: the clock may be set, and stands still for sleeps while the host is suspended."""


class _Due(Protocol):
    def __call__(self, tx: Transaction, *, now: float) -> float | None:
        """Does what is due; returns when the next is."""


class Deadlines:
    """`run` it in the broker's task group; `committed` is a listener of the store."""

    def __init__(
        self, store: Store, crash_reader: Callable[[str], str], clock: Callable[[], float]
    ) -> None:
        """Args:
        crash_reader: who is told that an agent's harness died.
        clock: seconds since the epoch.
        """
        self._store = store
        self._due: tuple[_Due, ...] = (
            questions.expire,
            reminders.deliver_due,
            partial(crash_notices.tell_lost_harnesses, reader_of=crash_reader),
        )
        self._clock = clock
        self._next: float | None = None
        self._sooner = asyncio.Event()

    def committed(self, commit: Committed) -> None:
        """Something new falls due."""
        if commit.due is not None and (self._next is None or commit.due < self._next):
            self._next = commit.due
            self._sooner.set()

    async def run(self) -> None:
        """Does what is due, until cancelled."""
        await self._do_due()
        while True:
            await self._sleep()
            if self._next is not None and self._next <= self._clock():
                await self._do_due()

    async def _do_due(self) -> None:
        self._next = None  # what is committed from here on is due on top of what is found now
        # One after the other: trouble with questions keeps no reminder back.
        found = [await self._do(what) for what in self._due]
        self._next = min((at for at in (self._next, *found) if at is not None), default=None)

    async def _do(self, what: _Due) -> float | None:
        """Does what is due of one kind; when the next of it is, or when to try again."""
        try:
            return await self._store.write(what, now=self._clock())
        except StoreUnavailableError as error:
            logger.error("what is due has to wait: %s", error.what)
        except Exception:
            logger.exception("what is due has to wait")
        return self._clock() + RETRY_SECONDS

    async def _sleep(self) -> None:
        self._sooner.clear()
        if self._next is None:
            await self._sooner.wait()
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(0.0, self._next - self._clock()), GLANCE_SECONDS)):
                await self._sooner.wait()
