"""A store with a long history behind it, made in a minute instead of months."""

import asyncio
import os
import sqlite3
from pathlib import Path
from typing import Final

from hyperhive.store import agents
from hyperhive.store.database import open_store

AGENTS: Final = 20
DAYS: Final = 60.0
END: Final = DAYS * 86_400
"""The time at which the history ends, in seconds; it begins at 0."""

_CHUNK: Final = 1000
"""Messages a commit: like this the tables' pages lie among each other, as they do in life."""

_NUMBERS: Final = (
    "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :end) "
)
_AGENT: Final = f"'a' || (i % {AGENTS})"
_OTHER: Final = f"'a' || ((i * 7 + i / {AGENTS} + 1) % {AGENTS})"
_FILL: Final = (
    # One message of four has a key; two messages make a turn, and a turn four events.
    "INSERT INTO messages (sender, recipient, body, created_at, state, deliveries, turn,"
    f" settled_at, idempotency_key) {_NUMBERS} SELECT {_AGENT}, {_OTHER}, hex(randomblob(100)),"
    " i * :step, 'acked', 1, i / 2 + 1, i * :step + 60, iif(i % 4, NULL, hex(randomblob(8)))"
    " FROM n",
    "INSERT INTO turns (agent, message, model, session, resumed, queued_at, started_at,"
    f" executed_at, ended_at, outcome, context_tokens, context_window) {_NUMBERS} SELECT {_AGENT},"
    " i + 1, 'haiku', '00000000-0000-4000-8000-000000000000', 1, i * :step, i * :step,"
    " i * :step + 1, i * :step + 60, 'ok', 20000, 200000 FROM n WHERE i % 2 = 0",
    f"INSERT INTO events (ts, agent, turn, kind, payload_json) {_NUMBERS} SELECT i * :step,"
    f""" {_AGENT}, i / 2 + 1, 'message', '{{"id": ' || i || ', "from": "a1"}}' FROM n""",
    f"INSERT INTO events (ts, agent, turn, kind, payload_json) {_NUMBERS} SELECT i * :step,"
    f""" {_AGENT}, i / 2 + 1, 'state', '{{"state": "idle", "was": "thinking"}}' FROM n""",
    # Of the turns' streams, only those of the last days are there.
    f"INSERT INTO events (ts, agent, turn, seq, kind, payload_json) {_NUMBERS} SELECT i * :step,"
    f" {_AGENT}, i / 2 + 1, i % 2, 'turn.text', hex(randomblob(150)) FROM n"
    f" WHERE i * :step > {END - 7 * 86_400}",
)


def make_history(path: Path, messages: int) -> None:
    """Makes a store of `AGENTS` agents, a0, a1, …, and messages spread evenly over `DAYS` days."""
    asyncio.run(_make_empty(path))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    for first in range(0, messages, _CHUNK):
        numbers = {"first": first, "end": min(first + _CHUNK, messages), "step": END / messages}
        connection.execute("BEGIN")
        for statement in _FILL:
            connection.execute(statement, numbers)
        connection.execute("COMMIT")
    connection.close()
    os.sync()  # or the first commit of the measurement waits for all of it


async def _make_empty(path: Path) -> None:
    store = open_store(path, hive="bench")
    await store.write(agents.declare, [f"a{n}" for n in range(AGENTS)], now=0.0)
    await store.close()
