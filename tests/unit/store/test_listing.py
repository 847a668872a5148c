"""Lists: what is little is not looked for in the whole history."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlite_utils import Database

from hyperhive.store import approval_rows, listing
from hyperhive.store.agents import set_link, unlink
from hyperhive.store.container_rows import Link
from hyperhive.store.migrations import migrate
from hyperhive.store.transaction import Transaction


@pytest.fixture
def db() -> Iterator[Database]:
    """An empty store in memory."""
    connection = sqlite3.connect(":memory:")
    migrate(Database(connection))
    yield Database(connection)
    connection.close()


def plan_of(db: Database, ask: Callable[[Database], object]) -> str:
    """How SQLite answers what `ask` asks."""
    asked: list[str] = []

    db.conn.set_trace_callback(asked.append)
    ask(db)
    db.conn.set_trace_callback(None)
    plans = [db.conn.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() for sql in asked]
    return "\n".join(row[3] for plan in plans for row in plan)


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (listing.agents, "INDEX messages_queued (recipient=?)"),
        (lambda db: listing.agent(db, "alice"), "INDEX messages_queued (recipient=?)"),
    ],
)
def test_an_agent_is_listed_without_its_history(
    db: Database, ask: Callable[[Database], object], index: str
) -> None:
    plan = plan_of(db, ask)
    assert index in plan
    assert "messages_to" not in plan


PAGE: dict[str, Any] = {"agent": "alice", "after": None, "limit": 9}


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda db: listing.messages(db, **PAGE, unread=True), "messages_queued (recipient=?)"),
        (lambda db: listing.dead_letters(db, **PAGE), "messages_dead"),
        (lambda db: listing.questions(db, **PAGE, closed=False), "questions_open"),
        (lambda db: listing.reminders(db, **PAGE, states=("parked",)), "reminders_agent (agent=?)"),
        (lambda db: listing.events(db, **PAGE), "events_agent (agent=?)"),
        (lambda db: listing.turns(db, **PAGE), "turns_agent (agent=?)"),
        (lambda db: approval_rows.listed(db, **PAGE, open_only=True), "approvals_open"),
        (lambda db: approval_rows.listed(db, **PAGE, open_only=False), "approvals_agent (agent=?)"),
        (approval_rows.unfinished, "approvals_open"),
        (approval_rows.untagged, "approvals_untagged"),
        (lambda db: approval_rows.last_approved(db, "alice"), "approvals_agent (agent=?"),
    ],
    ids=[
        *("unread", "dead", "questions", "reminders", "events", "turns", "approvals open"),
        *("approvals", "unfinished", "untagged", "last approved"),
    ],
)
def test_a_page_is_found_by_its_index(
    db: Database, ask: Callable[[Database], object], index: str
) -> None:
    assert f"INDEX {index}" in plan_of(db, ask)


def test_messages_from_and_to_an_agent_have_an_index_each(db: Database) -> None:
    plan = plan_of(db, lambda db: listing.messages(db, **PAGE))
    assert "INDEX messages_to (recipient=?)" in plan
    assert "INDEX messages_from (sender=?)" in plan


def test_an_agent_is_listed_with_the_settings_of_the_harness_that_is_there(
    tx: Transaction,
) -> None:
    db = Database(tx.connection)
    set_link(tx, "alice", Link.CONNECTED, "", now=1, settings="digest")
    assert [row["harness_settings"] for row in listing.agents(db)] == ["digest", None]
    unlink(tx, "alice", "gone", now=2)
    row = listing.agent(db, "alice")
    assert row is not None
    assert (row["harness_settings"], row["spawned"], row["approved_id"]) == (None, None, None)
    assert "approved" not in row, "files are no part of a list"
