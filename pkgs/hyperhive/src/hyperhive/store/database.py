"""The store's file and its threads: one writer that commits in groups, one reader, checkpoints.

Every operation is a function that is called with a `Transaction` in the writer's thread. Operations
that wait at the same moment share one commit, and none is answered before that commit is on disk
(WAL, synchronous=FULL).
"""

import asyncio
import contextlib
import fcntl
import logging
import math
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlite_utils import Database

from hyperhive.store.checkpoints import Checkpoints
from hyperhive.store.errors import ForeignStoreError, StoreInUseError, StoreUnavailableError
from hyperhive.store.migrations import migrate
from hyperhive.store.transaction import HiveEvent, Transaction

logger: Final = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

GROUP: Final = 256
"""Most operations that share one commit: bounds the time that one of them waits for the others."""

BUSY_MS: Final = 5000
"""How long to wait for a lock that another process (a backup, a shell) holds, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What one commit put on disk.

    Attributes:
        woken: agents to look at.
        events: how many events.
        due: the earliest time that something of it falls due, in seconds since the epoch.
        told: those events that are the hive's own.
    """

    woken: frozenset[str]
    events: int
    due: float | None = None
    told: tuple[HiveEvent, ...] = ()


@dataclass(slots=True)
class _Job:
    operation: Callable[[Transaction], Any]
    future: asyncio.Future[Any]
    value: Any = None
    error: BaseException | None = None


class Store:
    """The one owner of a hive's database.

    Made by `open_store`; used from one event loop; ended by `close`.
    """

    def __init__(
        self,
        path: Path,
        lock: int,
        writer: sqlite3.Connection,
        reader: sqlite3.Connection,
        checkpoints: Checkpoints,
    ) -> None:
        self.path = path
        self._lock = lock
        self._writer = writer
        self._reader = Database(reader)
        self._checkpoints = checkpoints
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._listeners: list[Callable[[Committed], None]] = []
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._writing = threading.Thread(target=self._write_all, name="store-writer", daemon=True)
        self._closed = False
        self._writing.start()

    def on_commit(self, listener: Callable[[Committed], None]) -> None:
        """Has `listener` called in the event loop after each commit that woke or told anything."""
        self._listeners.append(listener)

    async def write(
        self,
        operation: Callable[Concatenate[Transaction, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Runs one operation; returns its value once it is on disk.

        Raises:
            StoreUnavailableError: it could not be written, and nothing of it is.
            Exception: whatever the operation raised; nothing of it is written then.
        """
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        job = _Job(lambda tx: operation(tx, *args, **kwargs), self._loop.create_future())
        self._jobs.put(job)
        result: R = await job.future
        return result

    async def read(
        self, query: Callable[Concatenate[Database, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Runs one query on the last committed state, beside the writer.

        Raises:
            StoreUnavailableError: the file could not be read.
        """
        if self._closed:
            raise StoreUnavailableError("the store is closed")

        def run() -> R:
            return query(self._reader, *args, **kwargs)

        try:
            return await self._loop.run_in_executor(self._reading, run)
        except sqlite3.OperationalError as error:
            raise _unavailable(self.path, error) from error

    async def checkpoint(self) -> None:
        """Shortens the write-ahead log, beside the writer; to call after changing many pages."""
        if not self._closed:
            await self._checkpoints.made()

    async def close(self) -> None:
        """Finishes what is under way, checkpoints, and gives the file up. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._writing.join)
        self._reading.shutdown()
        self._checkpoints.close()
        self._reader.conn.close()
        os.close(self._lock)

    def _write_all(self) -> None:
        running = True
        while running:
            group: list[_Job] = []
            job = self._jobs.get()
            while True:
                if job is None:
                    running = False
                    break
                group.append(job)
                if len(group) == GROUP:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            if group:
                committed = self._commit(group)
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                    self._loop.call_soon_threadsafe(self._answer, group, committed)
                self._checkpoints.wrote(self._writer)
        self._writer.close()

    def _commit(self, group: list[_Job]) -> Committed:
        woken: set[str] = set()
        told: list[HiveEvent] = []
        events, due = 0, math.inf
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in group:
                transaction = Transaction(connection)
                connection.execute("SAVEPOINT operation")
                try:
                    job.value = job.operation(transaction)
                except sqlite3.OperationalError:
                    raise
                except Exception as error:  # noqa: BLE001 - belongs to the caller, who gets it
                    connection.execute("ROLLBACK TO operation")
                    job.error = error
                else:
                    woken |= transaction.woken
                    events += transaction.events
                    told += transaction.told
                    due = due if transaction.due is None else min(due, transaction.due)
                connection.execute("RELEASE operation")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            fault = _unavailable(self.path, error)
            logger.error("%s; %d operations undone", fault.what, len(group))
            for job in group:
                job.error = job.error or fault
            return Committed(frozenset(), 0)
        next_due = None if due == math.inf else due
        return Committed(frozenset(woken), events, next_due, tuple(told))

    def _answer(self, group: Iterable[_Job], committed: Committed) -> None:
        for job in group:
            if job.future.cancelled():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.value)
        if committed.woken or committed.events or committed.due is not None:
            for listener in self._listeners:
                listener(committed)


def open_store(path: Path, *, hive: str) -> Store:
    """Opens, or makes, the store of a hive. Call inside the event loop that will use it.

    Args:
        path: the database file; its directory exists.
        hive: the hive's name; a store remembers whose it is.

    Raises:
        StoreInUseError: another process has it open as its owner.
        ForeignStoreError: it belongs to another hive or to a newer version.
        StoreUnavailableError: it cannot be opened or written.
    """
    try:
        lock = _own(path.with_suffix(".lock"))
    except OSError as error:
        raise _unavailable(path, error) from error
    try:
        writer = _connect(path)
        try:
            _prepare(writer, hive)
            reader = _connect(path)
            reader.execute("PRAGMA query_only = 1")
            checkpoints = Checkpoints(_connect(path))
        except BaseException:
            writer.close()
            raise
    except sqlite3.Error as error:
        os.close(lock)
        raise _unavailable(path, error) from error
    except BaseException:
        os.close(lock)
        raise
    return Store(path, lock, writer, reader, checkpoints)


def _own(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise StoreInUseError(
            f"a broker (pid {owner}) is running on {path.parent}",
            "stop it first, or give this one another state directory",
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    return connection


def _prepare(connection: sqlite3.Connection, hive: str) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    migrate(Database(connection))
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('hive', ?) ON CONFLICT DO NOTHING", (hive,)
    )
    (owner,) = connection.execute("SELECT value FROM meta WHERE key = 'hive'").fetchone()
    if owner != hive:
        raise ForeignStoreError(
            f"this state belongs to hive {owner!r}, not {hive!r}",
            "give this hive a state directory of its own (--state DIR)",
        )


def _unavailable(path: Path, error: Exception) -> StoreUnavailableError:
    why = error.strerror if isinstance(error, OSError) else error
    return StoreUnavailableError(
        f"{path}: {why}",
        "check that the disk is not full and the directory can be written",
    )
