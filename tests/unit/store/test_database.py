"""The store's file: one owner, commits in groups, answers only for what is on disk."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from hyperhive.store import agents, listing, messages, migrations
from hyperhive.store.database import Committed, Store, open_store
from hyperhive.store.errors import (
    ForeignStoreError,
    StoreInUseError,
    StoreUnavailableError,
)
from hyperhive.store.messages import KeyReusedError, NewMessage
from hyperhive.store.transaction import Transaction
from tests.unit.store.conftest import Body, opened

WithStore = Callable[[Body], None]
HELLO = NewMessage("operator", "alice", "hello")


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path / "hive.sqlite"):
            with pytest.raises(StoreInUseError, match=r"a broker \(pid \d+\) is running on"):
                open_store(tmp_path / "hive.sqlite", hive="lab")
        open_again = open_store(tmp_path / "hive.sqlite", hive="lab")
        await open_again.close()

    asyncio.run(main())


def test_a_store_belongs_to_its_hive(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path / "hive.sqlite"):
            pass
        with pytest.raises(ForeignStoreError, match="belongs to hive 'lab', not 'other'"):
            open_store(tmp_path / "hive.sqlite", hive="other")

    asyncio.run(main())


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "hive.sqlite"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 999")
    database.close()

    async def main() -> None:
        with pytest.raises(ForeignStoreError, match="schema 999"):
            open_store(path, hive="lab")

    asyncio.run(main())


def test_a_step_that_fails_leaves_the_schema_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(db: Database) -> None:
        db.execute("CREATE TABLE half (a)")
        db.execute("CREATE TABLE half (a)")

    connection = sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)
    database = Database(connection)
    steps = migrations.STEPS
    monkeypatch.setattr(migrations, "STEPS", (*steps, broken))
    with pytest.raises(sqlite3.OperationalError):
        migrations.migrate(database)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(steps),)
    assert "half" not in database.table_names()
    monkeypatch.setattr(migrations, "STEPS", steps)
    assert migrations.migrate(database) == 0
    connection.close()


@pytest.mark.parametrize("content", [b"this is no database, it only looks like one" * 100])
def test_a_file_that_is_no_database_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "hive.sqlite"
    path.write_bytes(content)

    async def main() -> None:
        with pytest.raises(StoreUnavailableError, match="not a database"):
            open_store(path, hive="lab")

    asyncio.run(main())
    assert path.read_bytes() == content


def test_concurrent_sends_share_commits_and_keep_their_order(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        commits: list[Committed] = []
        store.on_commit(commits.append)
        ids = await asyncio.gather(
            *(store.write(messages.send, HELLO, now=float(n)) for n in range(500))
        )
        assert ids == sorted(ids)
        assert len(commits) < 100
        assert sum(commit.events for commit in commits) == 500
        assert all(commit.woken == {"alice"} for commit in commits)
        rows = await store.read(listing.messages, agent="alice", after=0, limit=1000)
        assert [row["id"] for row in rows] == ids

    with_store(body)


def test_an_operation_that_fails_undoes_only_itself(with_store: WithStore) -> None:
    def half(tx: Transaction) -> None:
        messages.send(tx, HELLO, now=1.0)
        raise KeyReusedError("after half of it")

    async def body(store: Store) -> None:
        outcomes = await asyncio.gather(
            store.write(messages.send, HELLO, now=1.0),
            store.write(half),
            store.write(messages.send, HELLO, now=1.0),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [int, KeyReusedError, int]
        assert len(await store.read(listing.messages, agent="alice", after=0, limit=9)) == 2

    with_store(body)


def test_a_full_disk_is_an_error_and_the_store_lives_on(with_store: WithStore) -> None:
    def limit(tx: Transaction, pages: int) -> None:
        tx.connection.execute(f"PRAGMA max_page_count = {pages}")

    def fill(tx: Transaction) -> None:
        tx.connection.execute("INSERT INTO meta VALUES ('fill', ?)", ("x" * 1_000_000,))

    async def body(store: Store) -> None:
        before = await store.write(messages.send, HELLO, now=1.0)
        await store.write(limit, 1)  # SQLite takes it as: not one page more than there are
        outcomes = await asyncio.gather(
            store.write(fill), store.write(messages.send, HELLO, now=2.0), return_exceptions=True
        )
        assert any(isinstance(outcome, StoreUnavailableError) for outcome in outcomes)
        with pytest.raises(StoreUnavailableError, match="full"):
            await store.write(fill)
        rows = await store.read(listing.messages, agent="alice", after=0, limit=9)
        acknowledged = [before, *(o for o in outcomes if isinstance(o, int))]
        assert [row["id"] for row in rows] == acknowledged
        await store.write(limit, 1_000_000)
        await store.write(messages.send, HELLO, now=3.0)

    with_store(body)


def test_a_directory_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(StoreUnavailableError) as caught:
            open_store(tmp_path / "missing" / "hive.sqlite", hive="lab")
        assert "can be written" in caught.value.todo

    asyncio.run(main())


def test_what_was_answered_is_there_after_a_new_start(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path / "hive.sqlite", "alice") as store:
            sent = await store.write(messages.send, HELLO, now=1.0)
        async with opened(tmp_path / "hive.sqlite") as store:
            (row,) = await store.read(listing.messages, agent="alice", after=0, limit=9)
            assert row["id"] == sent
            assert (await store.write(agents.read_agent, "alice")).standing.state == "offline"
        with pytest.raises(StoreUnavailableError, match="closed"):
            await store.write(messages.send, HELLO, now=1.0)

    asyncio.run(main())
