"""The write-ahead log: copied beside the writer, and never long."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperhive.store import checkpoints, listing, messages
from hyperhive.store.checkpoints import Checkpoints
from hyperhive.store.database import Store
from hyperhive.store.messages import NewMessage
from tests.unit.store.conftest import Body, opened

WithStore = Callable[[Body], None]
HELLO = NewMessage("operator", "alice", "hello")
PAGE = 4096


def log_pages(store: Store) -> int:
    """How long the log has been at most: SQLite begins it anew without making the file shorter."""
    return Path(f"{store.path}-wal").stat().st_size // PAGE


def test_a_writer_that_never_rests_does_not_let_the_log_grow(
    with_store: WithStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "EVERY_ROWS", 20)
    monkeypatch.setattr(checkpoints, "LONG", 100)

    async def body(store: Store) -> None:
        async def send_many() -> None:
            for _ in range(600):
                await store.write(messages.send, HELLO, now=1.0)

        await asyncio.gather(*(send_many() for _ in range(4)))
        # Each commit adds about ten pages: without an end there would be thousands.
        assert log_pages(store) < 1000
        assert len(await store.read(listing.messages, agent="alice", after=0, limit=9999)) == 2400

    with_store(body)


def test_the_writer_itself_copies_only_what_is_left_of_a_long_log(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("CREATE TABLE t (a)")
    making = Checkpoints(sqlite3.connect(path, isolation_level=None, check_same_thread=False))
    try:
        writer.execute("INSERT INTO t VALUES (zeroblob(?))", (PAGE * checkpoints.LONG,))
        asyncio.run(making.made())
        assert path.stat().st_size > PAGE  # copied, and the log is still there
        writer.execute("INSERT INTO t VALUES (zeroblob(100000))")  # left over
        copied = path.stat().st_size
        making.wrote(writer)
        assert path.stat().st_size > copied
        before = Path(f"{path}-wal").read_bytes()
        writer.execute("INSERT INTO t VALUES (2)")
        after = Path(f"{path}-wal").read_bytes()
        assert len(after) == len(before)  # written at its beginning, not added
    finally:
        making.close()
        writer.close()


def test_a_log_that_cannot_be_copied_is_said_and_loses_nothing(
    with_store: WithStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(sqlite3.Connection):
        def execute(self, *_: object) -> sqlite3.Cursor:
            raise sqlite3.OperationalError("disk I/O error")

    async def body(store: Store) -> None:
        monkeypatch.setattr(
            store._checkpoints, "_connection", sqlite3.connect(":memory:", factory=Broken)
        )
        sent = await store.write(messages.send, HELLO, now=1.0)
        with caplog.at_level(logging.WARNING):
            await store.checkpoint()
        assert "cannot be copied into the store: disk I/O error" in caplog.text
        assert await store.write(messages.send, HELLO, now=1.0) > sent

    with_store(body)


def test_nothing_is_left_beside_the_store_once_it_is_closed(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path / "hive.sqlite") as store:
            await store.write(messages.send, HELLO, now=1.0)
            await store.checkpoint()
        await store.checkpoint()

    asyncio.run(main())
    assert {path.name for path in tmp_path.iterdir()} == {"hive.sqlite", "hive.lock"}
