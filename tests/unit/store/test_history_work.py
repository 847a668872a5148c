"""What is asked all day costs the same however long the history is.

The work is counted in the instructions of SQLite's virtual machine: unlike a time it is the same in
each run, and unlike a query plan it tells an index that holds the history from one that does not.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from sqlite_utils import Database

from hyperhive.store import (
    agents,
    approvals,
    dead_letters,
    listing,
    loop_guard,
    messages,
    outstanding,
    questions,
    reminders,
    retention,
    turn_ends,
    turns,
)
from hyperhive.store.container_rows import Link
from hyperhive.store.loop_guard import LoopGuard
from hyperhive.store.messages import NewMessage
from hyperhive.store.migrations import migrate
from hyperhive.store.questions import NewQuestion
from hyperhive.store.retention import Rules
from hyperhive.store.settlement import Fate, Settlement
from hyperhive.store.transaction import Transaction
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnEvent, TurnEventKind
from tests.unit.store.approval_wishes import deployed, wish

SHORT: Final = 100
LONG: Final = 1500

PAGE: Final[dict[str, Any]] = {"after": None, "limit": 10}
RULES: Final = Rules(1e6, 1e6, 1e6, 1e6, 20)
OK: Final = Outcome(OutcomeKind.OK, session="S")

HISTORY: Final = (
    "INSERT INTO messages (sender, recipient, body, created_at, state, settled_at, turn)"
    " SELECT iif(i % 2, 'alice', 'bob'), iif(i % 2, 'bob', 'alice'), 'x', i, 'acked', i, i FROM n",
    "INSERT INTO messages (sender, recipient, body, created_at, state, settled_at, turn)"
    " SELECT 'operator', iif(i % 2, 'bob', 'alice'), 'x', i, 'acked', i, i FROM n",
    "INSERT INTO turns (agent, message, model, session, resumed, queued_at, started_at, ended_at,"
    " outcome, context_tokens, context_window)"
    " SELECT iif(i % 2, 'bob', 'alice'), i, 'm', 'S', 1, i, i, i, 'ok', 1000, 200000 FROM n",
    "INSERT INTO events (ts, agent, turn, seq, kind, payload_json)"
    " SELECT i, iif(i % 2, 'bob', 'alice'), i, 1, 'turn.text', '{}' FROM n",
    "INSERT INTO events (ts, agent, turn, kind, payload_json)"
    " SELECT i, iif(i % 2, 'bob', 'alice'), i, 'state', '{}' FROM n",
    "INSERT INTO questions (asker, recipient, question, created_at, expires_at, state)"
    " SELECT 'alice', 'operator', '?', i, i, 'answered' FROM n",
    "INSERT INTO reminders (agent, body, created_at, due_at, next_at, state, message)"
    " SELECT 'bob', 'x', i, i, i, 'sent', i FROM n",
    "INSERT INTO approvals (kind, agent, sha, description, files, objects, extra_nix,"
    " submitted_by, created_at, state, tagged)"
    " SELECT 'apply_commit', iif(i % 2, 'bob', 'alice'), i, '', '{}', '{}', 0, 'bob', i,"
    " 'deployed', 1 FROM n",
)


@contextmanager
def history(rows: int) -> Iterator[Transaction]:
    """A hive with so many rows of each kind behind it: alice runs a turn, bob is idle, and either
    has mail, a question and a reminder before it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(Database(connection))
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
    for statement in HISTORY:
        into, _, select = statement.partition(" SELECT ")
        connection.execute(f"{into} {numbers} SELECT {select}", (rows,))
    tx = Transaction(connection)
    agents.declare(tx, ["alice", "bob"], now=1e4)
    for name in ("alice", "bob"):
        agents.set_link(tx, name, Link.CONNECTED, "", now=1e4)
        for body in ("one", "two", "three"):
            messages.send(tx, NewMessage("operator", name, body), now=1e4)
        reminders.remind(tx, name, "later", 2e4, now=1e4)
    begin(tx, "alice")
    questions.ask(tx, NewQuestion("bob", "operator", "?", (), False, 2e4, None), now=1e4)
    tx.connection.execute("UPDATE messages SET state = 'dead' WHERE body = 'three'")
    yield tx
    connection.close()


def begin(tx: Transaction, agent: str) -> object:
    """Begins an agent's turn."""
    return turns.begin(tx, agent, fresh_session="S", wake_for_operator=True, now=1e4)


def turn_of(tx: Transaction, agent: str) -> int:
    """The turn that an agent runs."""
    turn = agents.read_agent(tx, agent).turn
    assert turn is not None
    return turn


def instructions(tx: Transaction, ask: Callable[[Transaction], object]) -> int:
    """How many instructions SQLite runs for it."""
    count = 0

    def one() -> int:
        nonlocal count
        count += 1
        return 0

    tx.connection.set_progress_handler(one, 1)
    ask(tx)
    tx.connection.set_progress_handler(None, 1)
    return count


def lists(query: Callable[..., object], *args: Any, **kwargs: Any) -> Callable[[Transaction], Any]:
    """A query for the store's reader."""
    return lambda tx: query(Database(tx.connection), *args, **kwargs)


LISTS: Final[dict[str, Callable[[Transaction], object]]] = {
    "agents": lists(listing.agents),
    "agent": lists(listing.agent, "alice"),
    "messages": lists(listing.messages, agent=None, **PAGE),
    "messages of one": lists(listing.messages, agent="alice", **PAGE),
    "messages before": lists(listing.messages, agent="alice", before=50, **PAGE),
    "messages after": lists(listing.messages, agent="alice", after=50, limit=10),
    "messages unread": lists(listing.messages, agent="alice", unread=True, **PAGE),
    "message": lists(listing.message, 7),
    "dead_letters": lists(listing.dead_letters, agent=None, **PAGE),
    "dead_letters of one": lists(listing.dead_letters, agent="bob", **PAGE),
    "questions": lists(listing.questions, agent=None, closed=False, **PAGE),
    "questions of one": lists(listing.questions, agent="bob", closed=False, **PAGE),
    "question": lists(listing.question, 7),
    "reminders": lists(listing.reminders, agent="alice", states=("pending",), **PAGE),
    "reminder": lists(listing.reminder, 7),
    "events": lists(listing.events, agent=None, **PAGE),
    "events of one": lists(listing.events, agent="alice", **PAGE),
    "events before": lists(listing.events, agent="alice", before=50, **PAGE),
    "turns": lists(listing.turns, agent=None, **PAGE),
    "running_turns": lists(listing.running_turns),
    "turns of one": lists(listing.turns, agent="alice", **PAGE),
    "outstanding": lists(outstanding.outstanding, "alice"),
}


def test_every_list_is_looked_at() -> None:
    public = {
        name
        for name, value in vars(listing).items()
        if getattr(value, "__module__", "") == listing.__name__ and not name.startswith("_")
    }
    assert public == {name.partition(" ")[0] for name in LISTS} - {"outstanding"}


OPERATIONS: Final[dict[str, Callable[[Transaction], object]]] = {
    "send": lambda tx: messages.send(
        tx, NewMessage("alice", "bob", "x", idempotency_key="k"), now=1e4
    ),
    "send to operator": lambda tx: messages.send(tx, NewMessage("bob", "operator", "x"), now=1e4),
    "lease": lambda tx: messages.lease(tx, "alice", turn_of(tx, "alice"), 8),
    "unread": lambda tx: messages.unread(tx, "alice"),
    "waits_from": lambda tx: messages.waits_from(tx, "operator", "bob"),
    "guard": lambda tx: loop_guard.watch(tx, "alice", "bob", LoopGuard(2, 600), now=1e4),
    "begin": lambda tx: begin(tx, "bob"),
    "end": lambda tx: turn_ends.end(
        tx, "alice", turn_of(tx, "alice"), OK, Settlement(Fate.DONE), now=1e4
    ),
    "end, failed": lambda tx: turn_ends.end(
        tx, "alice", turn_of(tx, "alice"), OK, Settlement(Fate.FAILED), now=1e4
    ),
    "record": lambda tx: turns.record(
        tx, "alice", turn_of(tx, "alice"), [TurnEvent(2, 1e4, TurnEventKind.TEXT, {})], now=1e4
    ),
    "expire": lambda tx: questions.expire(tx, now=3e4),
    "release calls": lambda tx: questions.release_calls(tx, now=1e4),
    "deliver": lambda tx: reminders.deliver_due(tx, now=3e4),
    "retry": lambda tx: dead_letters.retry(
        tx, tx.connection.execute("SELECT max(id) FROM messages").fetchone()[0], now=1e4
    ),
    "approvals": lists(approvals.listed, open_only=False, agent=None, **PAGE),
    "approvals of one": lists(approvals.listed, open_only=False, agent="bob", **PAGE),
    "approvals, open": lists(approvals.listed, open_only=True, agent=None, **PAGE),
    "unfinished": approvals.unfinished,
    "untagged": approvals.untagged,
    "last_approved": lambda tx: approvals.last_approved(tx, "bob"),
    "approved_layers": approvals.approved_layers,
    "approve": lambda tx: deployed(tx, wish("bob")),
    "surplus": lists(retention.surplus, "alice", RULES, now=1e4),
}
"""What runs for each message, turn, question or approval, or by the clock."""


@pytest.mark.parametrize("name", LISTS | OPERATIONS)
def test_the_work_does_not_grow_with_the_history(name: str) -> None:
    ask = (LISTS | OPERATIONS)[name]
    with history(SHORT) as tx:
        short = instructions(tx, ask)
    with history(LONG) as tx:
        long = instructions(tx, ask)
    assert short > 0
    # The same but for what a larger page of an index changes.
    assert long <= 1.1 * short + 20, f"{long} instructions after {LONG} rows, {short} before"


def test_nothing_due_is_found_without_a_look_at_what_is_kept() -> None:
    for removal in retention.aged(RULES, now=1e6):
        with history(SHORT) as tx:
            short = instructions(tx, lambda tx, it=removal: retention.remove(tx, it, 50))  # type: ignore[misc]
        with history(LONG) as tx:
            long = instructions(tx, lambda tx, it=removal: retention.remove(tx, it, 50))  # type: ignore[misc]
        assert long <= short + 20, removal.condition
