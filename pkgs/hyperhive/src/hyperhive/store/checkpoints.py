"""Checkpoints of the write-ahead log, beside the writer.

Left to itself SQLite copies the log into the database in the commit that makes it 1,000 pages long:
whoever writes then waits for pages all over the file, the longer the more history there is. Here a
thread of its own copies them. What is written meanwhile is left over, and the log begins anew only
when nothing is: so once it is long, the writer itself copies what is left, which is little.
"""

import asyncio
import logging
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

logger: Final = logging.getLogger(__name__)

EVERY_ROWS: Final = 300
"""Changed rows after which the log is copied: about 1,000 pages, were each committed alone."""

LONG: Final = 4000
"""Pages of a log (16 MiB) that the writer is to end. A writer that rests ends it by chance."""


class Checkpoints:
    """The thread that makes them. Only `wrote` is the writer's to call."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Takes a connection of its own."""
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-checkpoint")
        self._under_way: Future[None] | None = None
        self._rows = 0
        self._long = False

    def wrote(self, writer: sqlite3.Connection) -> None:
        """To be called after each commit."""
        if self._under_way is not None and not self._under_way.done():
            return
        if self._long:
            self._long = False
            _checkpoint(writer)
        elif writer.total_changes - self._rows >= EVERY_ROWS:
            self._rows = writer.total_changes
            self._under_way = self._thread.submit(self._copy)

    async def made(self) -> None:
        """Makes one now, and waits for it."""
        await asyncio.wrap_future(self._thread.submit(self._copy))

    def close(self) -> None:
        """Ends the thread and the connection."""
        self._thread.shutdown()
        self._connection.close()

    def _copy(self) -> None:
        self._long = _checkpoint(self._connection) >= LONG


def _checkpoint(connection: sqlite3.Connection) -> int:
    """Copies what can be copied now; returns the pages in the log. The rest is safe there."""
    try:
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error as error:
        logger.warning("the write-ahead log cannot be copied into the store: %s", error)
        return 0
    return int(pages)
