"""Housekeeping on a real store: what is too old goes in small batches, and everyone else first."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.broker import housekeeping
from hyperhive.broker.housekeeping import AIM, EVERY, FIRST, Housekeeping, next_batch
from hyperhive.store import agents, messages, retention
from hyperhive.store.database import Store, open_store
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.messages import NewMessage
from hyperhive.store.retention import Rules
from hyperhive.store.transaction import Transaction

NOW: Final = 1e6
RULES: Final = Rules(
    messages=1000, events=1000, stream_events=1000, turns=1000, stream_events_per_agent=100
)
OLD: Final = NOW - 2000
HELLO: Final = NewMessage("operator", "alice", "hello")
NOTHING: Final = {"messages": 0, "events": 0, "stream_events": 0, "turns": 0}


async def at_once(_seconds: float) -> None:
    """A sleep that takes no time."""
    await asyncio.sleep(0)


def keeper(store: Store, **more: Callable[..., object]) -> Housekeeping:
    """Housekeeping at `NOW`."""
    return Housekeeping(store, RULES, lambda: NOW, **{"sleep": at_once, **more})  # type: ignore[arg-type]


@asynccontextmanager
async def store_with(path: Path, old: int) -> AsyncIterator[Store]:
    """A store with `old` rows of each kind that are too old, and some that are not."""
    store = open_store(path / "hive.sqlite", hive="lab")
    try:
        await store.write(agents.declare, ["alice"], now=NOW)
        await store.write(_fill, old)
        yield store
    finally:
        await store.close()


def _fill(tx: Transaction, old: int) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
    for insert, select in (
        (
            "messages (sender, recipient, body, created_at, state, settled_at)",
            "'operator', 'alice', 'x', ?, 'acked', ?",
        ),
        ("events (ts, agent, turn, kind, payload_json)", "?, 'alice', ?, 'state', '{}'"),
        (
            "events (ts, agent, seq, turn, kind, payload_json)",
            "?, 'alice', i, 1 + (? > 0), 'turn.text', '{}'",
        ),
        (
            "turns (agent, model, session, resumed, queued_at, started_at, ended_at, outcome)",
            "'alice', 'm', 's', 0, 0, ?, ?, 'ok'",
        ),
    ):
        statement = f"INSERT INTO {insert} {numbers} SELECT {select} FROM n"
        tx.connection.execute(statement, (old, OLD, OLD))
    for _ in range(5):
        messages.send(tx, HELLO, now=NOW)
    for seq in range(110):
        tx.event("turn.text", {}, at=NOW, agent="alice", turn=3, seq=seq)


async def messages_left(store: Store) -> int:
    """How many messages the store holds."""
    return await store.write(
        lambda tx: int(tx.connection.execute("SELECT count(*) FROM messages").fetchone()[0])
    )


def test_all_that_is_due_goes_and_is_said_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with store_with(tmp_path, 5000) as store:
            keep = keeper(store)
            due = {"messages": 5000, "events": 5000, "stream_events": 5010, "turns": 5000}
            assert await keep.vacuum(dry_run=True) == due
            assert not caplog.records
            assert await keep.vacuum() == due
            (record,) = caplog.records
            assert record.getMessage() == (
                "vacuum: removed 5000 messages, 5000 events, 5010 stream events, 5000 turns"
            )
            assert await messages_left(store) == 5
            caplog.clear()
            assert await keep.vacuum() == await keep.vacuum(dry_run=True) == NOTHING
            assert not caplog.records

    with caplog.at_level(logging.INFO):
        asyncio.run(main())


def test_sends_go_on_between_the_batches(tmp_path: Path) -> None:
    async def main() -> None:
        async with store_with(tmp_path, 20_000) as store:
            removing = asyncio.create_task(keeper(store).vacuum())
            left = [await messages_left(store)]
            while not removing.done():
                await store.write(messages.send, HELLO, now=NOW)
                left.append(await messages_left(store))
            assert (await removing)["messages"] == 20_000
            sent = len(left) - 1
            # Each was answered in the middle of it, not before or after the whole.
            assert sum(sent < rows < 20_000 for rows in left) > 10
            assert await messages_left(store) == sent + 5

    asyncio.run(main())


def test_the_writer_is_left_alone_for_as_long_as_a_batch_took(tmp_path: Path) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def main() -> None:
        async with store_with(tmp_path, 30) as store:
            # Asked at a batch's beginning, at its end, and after the checkpoint that follows.
            times = (float(second) for lap in count(0, 100) for second in (lap, lap + 10, lap + 14))
            await keeper(store, sleep=sleep, timer=lambda: next(times)).vacuum()

    asyncio.run(main())
    assert pauses
    assert set(pauses) == {10.0 - 4.0}


def test_a_slow_disk_gets_small_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    clock = [0.0]

    def slow(tx: Transaction, removal: retention.Removal, limit: int) -> int:
        rows = remove(tx, removal, limit)
        sizes.append(limit)
        clock[0] += 0.002 * rows
        return rows

    remove = retention.remove
    monkeypatch.setattr(retention, "remove", slow)

    async def main() -> None:
        async with store_with(tmp_path, 500) as store:
            await keeper(store, timer=lambda: clock[0]).vacuum()

    asyncio.run(main())
    assert sizes[0] == housekeeping._FIRST_BATCH
    assert sizes[1:10] == [housekeeping._MIN_BATCH] * 9


@given(row=st.floats(1e-6, 4e-3), base=st.floats(0, 0.004), slower=st.floats(1, 20))
def test_batches_come_to_hold_the_writer_as_long_as_they_should(
    row: float, base: float, slower: float
) -> None:
    size = 50
    for _ in range(20):
        size = next_batch(size, base + row * size)
    assert size in (10, 2000) or 0.3 * AIM <= base + row * size <= 1.1 * AIM
    for _ in range(3):  # the disk has become slower
        size = next_batch(size, slower * (base + row * size))
    assert size == 10 or slower * (base + row * size) <= max(1.1 * AIM, slower * base + AIM)


def test_one_removal_at_a_time(tmp_path: Path) -> None:
    async def main() -> None:
        async with store_with(tmp_path, 1000) as store:
            keep = keeper(store)
            first, second = await asyncio.gather(keep.vacuum(), keep.vacuum())
            assert first["messages"] == 1000
            assert second == NOTHING

    asyncio.run(main())


def test_it_runs_soon_after_the_start_and_hourly_and_survives_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    faults: Iterator[BaseException | None] = iter(
        [StoreUnavailableError("the disk is full", "make room"), RuntimeError("a bug"), None]
    )
    runs: list[bool] = []

    async def vacuum(_self: Housekeeping, dry_run: bool = False) -> dict[str, int]:
        runs.append(dry_run)
        if (fault := next(faults)) is not None:
            raise fault
        return NOTHING

    monkeypatch.setattr(Housekeeping, "vacuum", vacuum)

    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            raise asyncio.CancelledError

    async def main() -> None:
        async with store_with(tmp_path, 1) as store:
            with pytest.raises(asyncio.CancelledError):
                await keeper(store, sleep=sleep).run()

    asyncio.run(main())
    assert slept == [FIRST, EVERY, EVERY, EVERY]
    assert runs == [False] * 3
    first, second = caplog.records
    assert first.getMessage() == "vacuum: the disk is full"
    assert second.exc_info is not None


def test_what_was_removed_before_a_fault_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    remove = retention.remove

    def failing(tx: Transaction, removal: retention.Removal, limit: int) -> int:
        if removal.table == "turns":
            raise sqlite3.OperationalError("database or disk is full")
        return remove(tx, removal, limit)

    monkeypatch.setattr(retention, "remove", failing)

    async def main() -> None:
        async with store_with(tmp_path, 10) as store:
            with pytest.raises(StoreUnavailableError, match="disk is full"):
                await keeper(store).vacuum()

    with caplog.at_level(logging.INFO):
        asyncio.run(main())
    assert "vacuum: removed 10 messages, 10 events, 10 stream events" in caplog.messages
