"""A store of an older version is brought up to date, whatever it holds."""

import asyncio
import itertools
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from sqlite_utils import Database

from hyperhive.store import listing, messages, migrations, turns
from hyperhive.store.agents import AgentState, read_agent, set_link
from hyperhive.store.approval_rows import approved_layers
from hyperhive.store.approval_tables import approvals
from hyperhive.store.container_rows import Link
from hyperhive.store.container_states import Wanted
from hyperhive.store.containers import UnfitWishError, want
from hyperhive.store.database import open_store
from hyperhive.store.first_tables import first_tables
from hyperhive.store.messages import NewMessage
from hyperhive.store.migrations import STEPS, migrate
from hyperhive.store.turn_ends import lost

STATES: Final = ("queued", "leased", "acked", "dead")


def make_first(path: Path) -> None:
    """A store of the first version with rows in every table and state."""
    with sqlite3.connect(path) as connection:
        db = Database(connection)
        first_tables(db)
        connection.execute("PRAGMA user_version = 1")
        connection.execute("INSERT INTO meta VALUES ('hive', 'lab')")
        connection.execute(
            "INSERT INTO agents (name, link, turn, session, state, since)"
            " VALUES ('alice', 'connected', 2, 'S', 'thinking', 1.0)"
        )
        for id, state in enumerate(STATES, start=1):
            connection.execute(
                "INSERT INTO messages (id, sender, recipient, body, idempotency_key, created_at,"
                " state, deliveries, attempts, turn, settled_at)"
                " VALUES (?, 'operator', 'alice', ?, ?, 1.0, ?, 2, 1, ?, ?)",
                (
                    id,
                    f"body {id} 🐝",
                    f"key {id}",
                    state,
                    2 if state == "leased" else None,
                    5.0 if state in ("acked", "dead") else None,
                ),
            )
        connection.execute(
            "INSERT INTO messages (id, sender, recipient, body, created_at) VALUES"
            " (90, 'alice', 'operator', 'gone', 1.0)"
        )
        connection.execute("DELETE FROM messages WHERE id = 90")
        for id, outcome in ((1, "ok"), (2, None)):
            connection.execute(
                "INSERT INTO turns (id, agent, message, model, session, resumed, queued_at,"
                " started_at, outcome, denials)"
                " VALUES (?, 'alice', ?, 'opus', 'S', 0, 1.0, 2.0, ?, '[]')",
                (id, 4 - id, outcome),
            )
        for seq in (None, 1):
            connection.execute(
                "INSERT INTO events (at, agent, turn, seq, kind, data)"
                " VALUES (3.0, 'alice', 2, ?, 'turn.text', '{\"text\": \"hello\"}')",
                (seq,),
            )
    connection.close()


def with_migrated(path: Path, body: Callable[[Any], Any]) -> None:
    async def main() -> None:
        store = open_store(path, hive="lab")
        try:
            await body(store)
        finally:
            await store.close()

    asyncio.run(main())


def test_every_row_and_id_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "hive.sqlite"
    make_first(path)

    async def body(store: Any) -> None:
        rows = await store.read(listing.messages, agent="alice", after=0, limit=9)
        assert [(row["id"], row["state"]) for row in rows] == list(enumerate(STATES, start=1))
        assert {(row["kind"], row["about"], row["note"]) for row in rows} == {("message", None, "")}
        assert rows[0]["body"] == "body 1 🐝"
        assert [row["turn"] for row in rows] == [None, 2, None, None]
        assert [row["settled_at"] for row in rows] == [None, None, 5.0, 5.0]
        found = await store.read(listing.turns, agent="alice", after=0, limit=9)
        assert [(row["id"], row["kind"], row["message"]) for row in found] == [
            (1, "message", 3),
            (2, "message", 2),
        ]
        events = await store.read(listing.events, agent="alice", after=0, limit=9)
        assert [(row["at"], row["seq"], row["data"]) for row in events] == [
            (3.0, None, {"text": "hello"}),
            (3.0, 1, {"text": "hello"}),
        ]
        agent = await store.write(read_agent, "alice")
        assert (agent.turn, agent.session, agent.nap, agent.compaction) == (2, "S", None, None)

    with_migrated(path, body)


def test_work_goes_on_where_it_was_and_no_id_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "hive.sqlite"
    make_first(path)

    async def body(store: Any) -> None:
        new = NewMessage("operator", "alice", "new")
        assert await store.write(messages.send, new, now=9.0) == 91
        again = NewMessage("operator", "alice", "body 3 🐝", idempotency_key="key 3")
        assert await store.write(messages.send, again, now=9.0) == 3
        assert await store.write(lost, "alice", "gone", now=9.0) == 2
        await store.write(set_link, "alice", Link.CONNECTED, "", now=9.0)
        begun = await store.write(
            turns.begin, "alice", fresh_session="N", wake_for_operator=True, now=9.0
        )
        assert (begun.id, begun.delivery.id, begun.session) == (3, 1, "S")
        assert (await store.write(read_agent, "alice")).standing.state is AgentState.THINKING

    with_migrated(path, body)


def make_before(path: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store that has taken all steps before this one (they count from 0); what is in it."""
    make_first(path)
    with sqlite3.connect(path, isolation_level=None) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(migrations, "STEPS", STEPS[:step])
            assert migrate(Database(connection)) == step - 1
        connection.execute("PRAGMA journal_mode = WAL")
        content = "\n".join(connection.iterdump())
    connection.close()
    return content


@pytest.mark.parametrize("step", range(1, len(STEPS)))
def test_a_step_that_is_broken_off_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    path = tmp_path / "hive.sqlite"
    before = make_before(path, step, monkeypatch)

    def break_off(db: Database) -> None:
        STEPS[step](db)
        raise KeyboardInterrupt

    with sqlite3.connect(path, isolation_level=None) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(migrations, "STEPS", (*STEPS[:step], break_off))
            with pytest.raises(KeyboardInterrupt):
                migrate(Database(connection))
        assert "\n".join(connection.iterdump()) == before
        assert migrate(Database(connection)) == len(STEPS) - step
        assert migrate(Database(connection)) == 0
    connection.close()


def test_what_was_wanted_before_it_was_known_by_whom_is_the_operators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hive.sqlite"
    make_before(path, STEPS.index(approvals), monkeypatch)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE agents SET wanted = 'stopped', wanted_reason = 'lunch'")
        connection.execute("INSERT INTO agents (name, since) VALUES ('bob', 1.0)")
    connection.close()

    async def body(store: Any) -> None:
        with pytest.raises(UnfitWishError):
            await store.write(want, "alice", Wanted.RUNNING, "again", by="bob", now=9.0)
        await store.write(want, "bob", Wanted.STOPPED, "rest", by="boss", now=9.0)
        rows = await store.read(listing.agents)
        assert [(row["name"], row["wanted_by"]) for row in rows] == [
            ("alice", "operator"),
            ("bob", "boss"),
        ]
        assert await store.read(approved_layers) == {}

    with_migrated(path, body)


def schema(path: Path) -> set[tuple[str, str]]:
    """Every table and index of a store, which must be whole."""
    connection = sqlite3.connect(path)
    (whole,) = connection.execute("PRAGMA integrity_check").fetchone()
    assert whole == "ok"
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL").fetchall()
    connection.close()
    return {(name, " ".join(sql.replace('"', "").split())) for name, sql in found}


async def nothing(_store: Any) -> None:
    """Opening it is enough."""


def test_it_becomes_what_a_store_is_that_was_never_old(tmp_path: Path) -> None:
    make_first(tmp_path / "old.sqlite")
    for name in ("old", "new"):
        with_migrated(tmp_path / f"{name}.sqlite", nothing)
    assert schema(tmp_path / "old.sqlite") == schema(tmp_path / "new.sqlite")


class KilledError(Exception):
    """Here the process would end."""


class Killed(Database):
    """A database that copies its files, as they are then, in the place of the n-th statement."""

    def __init__(self, connection: sqlite3.Connection, path: Path, left: Path, n: int) -> None:
        self._path, self._copy, self._more = path, left, -1
        super().__init__(connection)
        self._more = n

    def execute(self, *args: Any, **kwargs: Any) -> sqlite3.Cursor:
        if self._more == 0:
            for suffix in ("", "-wal"):
                file = self._path.with_name(self._path.name + suffix)
                shutil.copyfile(file, self._copy.with_name(self._copy.name + suffix))
            raise KilledError
        self._more -= 1
        return super().execute(*args, **kwargs)


@pytest.mark.parametrize("step", range(1, len(STEPS)))
def test_killed_at_any_statement_of_a_step_it_takes_the_step_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    old = tmp_path / "old.sqlite"
    before = make_before(old, step, monkeypatch)
    with_migrated(tmp_path / "new.sqlite", nothing)
    for n in itertools.count():
        path, left = tmp_path / f"{n}.sqlite", tmp_path / f"{n} left.sqlite"
        shutil.copyfile(old, path)
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            STEPS[step](Killed(connection, path, left, n))
            break  # it has no more statements
        except KilledError:
            pass
        finally:
            connection.close()
        with sqlite3.connect(left, isolation_level=None) as connection:
            assert "\n".join(connection.iterdump()) == before
        connection.close()
        with_migrated(left, nothing)
        assert schema(left) == schema(tmp_path / "new.sqlite")
    assert n > 0, "a step has statements"
