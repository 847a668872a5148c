"""Read-only queries for lists: newest state on disk, as plain rows."""

import json
from typing import Any

from sqlite_utils import Database

Row = dict[str, Any]


def agents(db: Database) -> list[Row]:
    """Every agent's row with its unread count, by name."""
    return list(
        db.query(
            "SELECT a.*, (SELECT count(*) FROM messages m WHERE m.recipient = a.name"
            " AND m.state = 'queued') AS unread FROM agents a ORDER BY a.name"
        )
    )


def messages(
    db: Database, *, agent: str | None, after: int | None, limit: int, unread: bool = False
) -> list[Row]:
    """Messages in order of sending.

    Args:
        agent: only those from or to this name.
        after: only those with a larger id, oldest first; None: the newest `limit`.
        unread: only those that are still queued for `agent`.
    """
    if agent is None:
        return _page(db, "messages", ["1"], None, after, limit)
    if unread:
        return _page(
            db, "messages", ["recipient = :agent AND state = 'queued'"], agent, after, limit
        )
    # One arm per index: an OR over both would sort the whole history.
    return _page(db, "messages", ["recipient = :agent", "sender = :agent"], agent, after, limit)


def events(db: Database, *, agent: str | None, after: int | None, limit: int) -> list[Row]:
    """Events in order; `agent` and `after` as for `messages`. `data` is decoded."""
    rows = _page(db, "events", ["agent = :agent" if agent else "1"], agent, after, limit)
    for row in rows:
        row["at"] = row.pop("ts")
        row["data"] = json.loads(row.pop("payload_json"))
    return rows


def turns(db: Database, *, agent: str | None, after: int | None, limit: int) -> list[Row]:
    """Turns in order; `agent` and `after` as for `messages`. Lists in it are decoded."""
    rows = _page(db, "turns", ["agent = :agent" if agent else "1"], agent, after, limit)
    for row in rows:
        row["denials"] = json.loads(row["denials"])
        row["mcp_failed"] = json.loads(row["mcp_failed"])
    return rows


def _page(
    db: Database, table: str, arms: list[str], agent: str | None, after: int | None, limit: int
) -> list[Row]:
    """Up to `limit` rows that meet any of the conditions, each asked on its own index."""
    order, beyond = ("DESC", "") if after is None else ("ASC", " AND id > :after")
    queries = [
        f"SELECT * FROM (SELECT * FROM {table} WHERE {arm}{beyond}"
        f" ORDER BY id {order} LIMIT :limit)"
        for arm in arms
    ]
    sql = " UNION ".join(queries) + f" ORDER BY id {order} LIMIT :limit"
    rows = list(db.query(sql, {"agent": agent, "after": after, "limit": limit}))
    return rows if after is not None else rows[::-1]
