"""A store of an older version is brought up to date, whatever it holds."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from sqlite_utils import Database

from hyperhive.store import listing, messages, migrations, turns
from hyperhive.store.agents import AgentState, Link, read_agent, set_link
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


def test_a_step_that_is_broken_off_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hive.sqlite"
    make_first(path)
    killed = len(STEPS) - 1

    def break_off(db: Database) -> None:
        STEPS[killed](db)
        raise KeyboardInterrupt

    with sqlite3.connect(path, isolation_level=None) as connection:
        before = "\n".join(connection.iterdump())
        with monkeypatch.context() as patch:
            patch.setattr(migrations, "STEPS", (*STEPS[:killed], break_off))
            with pytest.raises(KeyboardInterrupt):
                migrate(Database(connection))
        assert "\n".join(connection.iterdump()) == before
        assert migrate(Database(connection)) == len(STEPS) - 1
        assert migrate(Database(connection)) == 0
    connection.close()
