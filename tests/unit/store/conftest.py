"""A store in a directory of the test's own, or an operation's view of one in memory."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlite_utils import Database

from hyperhive.store import agents
from hyperhive.store.container_rows import Link
from hyperhive.store.database import Store, open_store
from hyperhive.store.migrations import migrate
from hyperhive.store.model_choice import ModelChoice, declare_model
from hyperhive.store.transaction import Transaction

Body = Callable[[Store], Awaitable[None]]


@asynccontextmanager
async def opened(path: Path, *connected: str) -> AsyncIterator[Store]:
    """A store with agents alice and bob, of which `connected` have a harness."""
    store = open_store(path, hive="lab")
    try:
        await store.write(agents.declare, ["alice", "bob"], now=0.0)
        for name in ("alice", "bob"):
            choice = ModelChoice("m", "hive")
            await store.write(declare_model, name, choice, by="the declared hive", now=0.0)
        for name in connected:
            await store.write(agents.set_link, name, Link.CONNECTED, "", now=0.0)
        yield store
    finally:
        await store.close()


@pytest.fixture
def with_store(tmp_path: Path) -> Callable[[Body], None]:
    """Runs a coroutine function with a fresh store whose alice and bob are connected."""

    def run(body: Body) -> None:
        async def main() -> None:
            async with opened(tmp_path / "hive.sqlite", "alice", "bob") as store:
                await body(store)

        asyncio.run(main())

    return run


@pytest.fixture
def tx() -> Iterator[Transaction]:
    """What an operation is given, in a hive whose alice and bob are connected; nothing is undone
    when an operation raises."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(Database(connection))
    made = Transaction(connection)
    agents.declare(made, ["alice", "bob"], now=0.0)
    for name in ("alice", "bob"):
        declare_model(made, name, ModelChoice("m", "hive"), by="the declared hive", now=0.0)
        agents.set_link(made, name, Link.CONNECTED, "", now=0.0)
    yield Transaction(connection)
    connection.close()
