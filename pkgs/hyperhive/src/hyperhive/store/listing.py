"""Read-only queries for lists: newest state on disk, as plain rows."""

import json
from typing import Any, Final

from sqlite_utils import Database

# What is queued, dead or open is little beside the history of it, so its own index is named:
# SQLite takes one over the whole history for just as good.

Row = dict[str, Any]

_AGENTS: Final = """
SELECT a.*, coalesce(q.open, 0) AS questions,
    (SELECT count(*) FROM messages m INDEXED BY messages_queued
        WHERE m.recipient = a.name AND m.state = 'queued') AS unread
FROM agents a
LEFT JOIN (SELECT asker, count(*) AS open FROM questions WHERE state = 'open' GROUP BY asker) q
    ON q.asker = a.name
"""


def agents(db: Database) -> list[Row]:
    """Every agent's row, by name, with its unread count, its open questions and what its
    conversation weighs: `context_tokens` and `context_window`, None where no turn told. `spawned`
    is decoded; what was approved of an agent is only named, by `approved_id`."""
    return [_agent(row) for row in db.query(f"{_AGENTS} ORDER BY a.name")]


def agent(db: Database, name: str) -> Row | None:
    """One agent's row, as in `agents`; None: there is no such agent."""
    rows = db.query(f"{_AGENTS} WHERE a.name = :name", {"name": name})
    return next(map(_agent, rows), None)


def running_turns(db: Database) -> int:
    """How many turns run now."""
    query = "SELECT count(*) FROM turns INDEXED BY turns_running WHERE outcome IS NULL"
    (number,) = db.execute(query).fetchone()
    return int(number)


def _agent(row: Row) -> Row:
    del row["approved"]
    row["spawned"] = None if row["spawned"] is None else json.loads(row["spawned"])
    # What the last turn told holds for the conversation that it was in, and for no other.
    if row.pop("weighed_session") != row["session"]:
        row["context_tokens"] = row["context_window"] = None
    return row


def messages(
    db: Database,
    *,
    agent: str | None,
    after: int | None,
    limit: int,
    before: int | None = None,
    unread: bool = False,
) -> list[Row]:
    """Messages in order of sending.

    Args:
        agent: only those from or to this name.
        after: only those with a larger id, oldest first; None: the newest `limit`.
        before: only those with a smaller id.
        unread: only those that are still queued for `agent`.
    """
    if agent is None:
        return _page(db, "messages", ["1"], None, after, limit, before)
    if unread:
        table = "messages INDEXED BY messages_queued"
        queued = ["recipient = :agent AND state = 'queued'"]
        return _page(db, table, queued, agent, after, limit, before)
    # One arm per index: an OR over both would sort the whole history.
    arms = ["recipient = :agent", "sender = :agent"]
    return _page(db, "messages", arms, agent, after, limit, before)


def dead_letters(db: Database, *, agent: str | None, after: int | None, limit: int) -> list[Row]:
    """Messages that were given up; `agent` and `after` as for `messages`."""
    table = "messages INDEXED BY messages_dead"
    whose = "AND :agent IN (sender, recipient)" if agent else ""
    return _page(db, table, [f"state = 'dead' {whose}"], agent, after, limit)


def message(db: Database, id: int) -> Row | None:
    """One message; None: there is none of that id."""
    return next(db.query("SELECT * FROM messages WHERE id = ?", [id]), None)


def questions(
    db: Database, *, agent: str | None, after: int | None, limit: int, closed: bool
) -> list[Row]:
    """Questions in the order they were asked; `agent` and `after` as for `messages`.

    Args:
        closed: also those that are not open any more.
    """
    whose = ":agent IN (asker, recipient)" if agent else "1"
    table, which = ("questions", whose)
    if not closed:
        table, which = ("questions INDEXED BY questions_open", f"{whose} AND state = 'open'")
    rows = _page(db, table, [which], agent, after, limit)
    return [_question(row) for row in rows]


def question(db: Database, id: int) -> Row | None:
    """One question; None: there is none of that id."""
    return next(map(_question, db.query("SELECT * FROM questions WHERE id = ?", [id])), None)


def _question(row: Row) -> Row:
    return row | {"options": json.loads(row["options"]), "answer": json.loads(row["answer"])}


def reminders(
    db: Database, *, agent: str | None, states: tuple[str, ...], after: int | None, limit: int
) -> list[Row]:
    """Reminders in the order they were set; `agent` and `after` as for `messages`.

    Args:
        states: only those in one of these; none: all.
    """
    which = ["agent = :agent"] if agent else ["1"]
    if states:
        which.append(f"state IN ({', '.join(repr(state) for state in states)})")
    return _page(db, "reminders", [" AND ".join(which)], agent, after, limit)


def reminder(db: Database, id: int) -> Row | None:
    """One reminder; None: there is none of that id."""
    return next(db.query("SELECT * FROM reminders WHERE id = ?", [id]), None)


def events(
    db: Database, *, agent: str | None, after: int | None, limit: int, before: int | None = None
) -> list[Row]:
    """Events in order; `agent`, `after` and `before` as for `messages`. `data` is decoded."""
    arm = "agent = :agent" if agent else "1"
    rows = _page(db, "events", [arm], agent, after, limit, before)
    for row in rows:
        row["at"] = row.pop("ts")
        row["data"] = json.loads(row.pop("payload_json"))
    return rows


def turns(
    db: Database, *, agent: str | None, after: int | None, limit: int, before: int | None = None
) -> list[Row]:
    """Turns in order; `agent`, `after` and `before` as for `messages`. Lists in it are decoded."""
    arm = "agent = :agent" if agent else "1"
    rows = _page(db, "turns", [arm], agent, after, limit, before)
    for row in rows:
        row["denials"] = json.loads(row["denials"])
        row["mcp_failed"] = json.loads(row["mcp_failed"])
    return rows


def _page(
    db: Database,
    table: str,
    arms: list[str],
    agent: str | None,
    after: int | None,
    limit: int,
    before: int | None = None,
) -> list[Row]:
    """Up to `limit` rows that meet any of the conditions, each asked on its own index."""
    order, beyond = ("DESC", "") if after is None else ("ASC", " AND id > :after")
    beyond += "" if before is None else " AND id < :before"
    queries = [
        f"SELECT * FROM (SELECT * FROM {table} WHERE {arm}{beyond}"
        f" ORDER BY id {order} LIMIT :limit)"
        for arm in arms
    ]
    sql = " UNION ".join(queries) + f" ORDER BY id {order} LIMIT :limit"
    rows = list(db.query(sql, {"agent": agent, "after": after, "before": before, "limit": limit}))
    return rows if after is not None else rows[::-1]
