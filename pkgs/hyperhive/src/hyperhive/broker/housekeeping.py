"""Retention: what is too old is removed, soon after the start, hourly, and on demand.

It is removed in batches that take the writer for about `AIM` seconds each, and between two of them
the writer is everyone else's for at least as long.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.store import retention
from hyperhive.store.database import Store
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.retention import History, Removal, Rules
from hyperhive.store.transaction import Transaction

logger: Final = logging.getLogger(__name__)

FIRST: Final = 60.0
"""Seconds after the start: agents that connect and wake come first."""

EVERY: Final = 3600.0
"""Seconds between the end of one removal and the beginning of the next."""

AIM: Final = 0.010
"""How long a batch is to hold the writer, in seconds, its commit included; 50 ms is too long."""

_WORDS: Final = {kind: kind.replace("_", " ") for kind in History}

_FIRST_BATCH: Final = 50
_MIN_BATCH: Final = 10
_MAX_BATCH: Final = 2000
_GROWTH: Final = 2.0
"""By how much a batch may grow over the one before: a quick one may have been luck."""


def next_batch(size: int, held: float) -> int:
    """The size of the batch after one of `size` rows that held the writer for `held` seconds."""
    growth = _GROWTH if held <= 0 else min(_GROWTH, AIM / held)
    return max(_MIN_BATCH, min(_MAX_BATCH, int(size * growth)))


class Housekeeping:
    """Removes what the rules do not keep: on demand, and hourly while somebody `run`s it."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        clock: Callable[[], float],
        *,
        timer: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Args:
        clock: seconds since the epoch.
        timer: seconds since any moment, to measure durations with.
        sleep: waits for seconds.
        """
        self._store = store
        self._rules = rules
        self._clock = clock
        self._timer = timer
        self._sleep = sleep
        self._one = asyncio.Lock()

    async def run(self) -> None:
        """Removes what is due, first soon and then hourly, until cancelled."""
        await self._sleep(FIRST)
        while True:
            try:
                await self.vacuum()
            except StoreUnavailableError as error:
                logger.error("vacuum: %s", error.what)
            except Exception:
                logger.exception("vacuum failed")
            await self._sleep(EVERY)

    async def vacuum(self, dry_run: bool = False) -> dict[str, int]:
        """Removes what the rules do not keep, after a removal that is under way.

        Args:
            dry_run: count only.

        Returns:
            How many rows of each kind of history (`messages`, `events`, `stream_events`, `turns`).

        Raises:
            StoreUnavailableError: nothing (more) could be removed.
        """
        rows: Counter[History] = Counter()
        if dry_run:
            async for removal in self._due():
                rows[removal.history] += await self._store.read(retention.count, removal)
        else:
            async with self._one:
                try:
                    async for removal in self._due():
                        await self._remove(removal, rows)
                finally:
                    _log(rows)
        return {str(history): rows[history] for history in History}

    async def _due(self) -> AsyncIterator[Removal]:
        now, read = self._clock(), self._store.read
        for removal in retention.aged(self._rules, now=now):
            yield removal
        # One agent a query: each looks at as many events as are kept, and others read as well.
        for agent in await read(retention.agents):
            surplus = await read(retention.surplus, agent, self._rules, now=now)
            if surplus is not None:
                yield surplus

    async def _remove(self, removal: Removal, rows: Counter[History]) -> None:
        size = _FIRST_BATCH
        while True:
            removed, began = await self._store.write(_batch, removal, size, self._timer)
            ended = self._timer()
            if removed:
                rows[removal.history] += removed
                await self._store.checkpoint()
                await self._sleep(max(0.0, (ended - began) - (self._timer() - ended)))
            if removed < size:
                return
            size = next_batch(size, ended - began)


def _batch(
    tx: Transaction, removal: Removal, size: int, timer: Callable[[], float]
) -> tuple[int, float]:
    """Removes up to `size` rows; returns how many, and when that began."""
    began = timer()
    return retention.remove(tx, removal, size), began


def _log(rows: Counter[History]) -> None:
    if rows.total():
        counts = ", ".join(f"{rows[kind]} {_WORDS[kind]}" for kind in History if rows[kind])
        logger.info("vacuum: removed %s", counts, extra=fields(LogEvent.HISTORY_REMOVED))
