"""Retention: what is too old or too many goes, everything else stays."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from hyperhive.hive.tables import Retention
from hyperhive.store import agents, dead_letters, messages, questions, retention
from hyperhive.store.messages import NewMessage
from hyperhive.store.migrations import migrate
from hyperhive.store.questions import NewQuestion
from hyperhive.store.retention import History, Rules
from hyperhive.store.transaction import Transaction

NOW = 1000.0
RULES = Rules(messages=100, events=200, stream_events=50, turns=300, stream_events_per_agent=3)
OLD_MESSAGE, OLD_EVENT, OLD_STREAM, OLD_TURN = (
    NOW - kept for kept in (RULES.messages, RULES.events, RULES.stream_events, RULES.turns)
)


@contextmanager
def fresh() -> Iterator[Transaction]:
    """A store in memory, with agents alice and bob and no history."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(Database(connection))
    transaction = Transaction(connection)
    agents.declare(transaction, ["alice", "bob"], now=0.0)
    yield transaction
    connection.close()


@pytest.fixture
def tx() -> Iterator[Transaction]:
    """As `fresh`."""
    with fresh() as transaction:
        yield transaction


def message(tx: Transaction, state: str, settled_at: float | None) -> int:
    """A message in a state."""
    id = messages.send(tx, NewMessage("operator", "alice", "hello"), now=NOW)
    tx.connection.execute(
        "UPDATE messages SET state = ?, settled_at = ? WHERE id = ?", (state, settled_at, id)
    )
    return id


def event(tx: Transaction, at: float, agent: str | None = "alice", seq: int | None = None) -> None:
    """An event; with a seq it is one of a stream."""
    tx.event("e", {}, at=at, agent=agent, turn=None if seq is None else 1, seq=seq)


def turn(tx: Transaction, agent: str, started_at: float, ended_at: float | None) -> None:
    """A turn; without an end it runs."""
    tx.connection.execute(
        "INSERT INTO turns (agent, message, model, session, resumed, queued_at, started_at,"
        " ended_at, outcome) VALUES (?, 1, 'm', 's', 0, 0, ?, ?, ?)",
        (agent, started_at, ended_at, None if ended_at is None else "ok"),
    )


def vacuum(tx: Transaction, limit: int = 1000) -> dict[History, int]:
    """Removes all that is due, in batches, and checks that it is what a count told."""
    db = Database(tx.connection)
    removals = retention.aged(RULES, now=NOW)
    for agent in retention.agents(db):
        surplus = retention.surplus(db, agent, RULES, now=NOW)
        removals += [] if surplus is None else [surplus]
    told = [retention.count(db, removal) for removal in removals]
    done = []
    for removal in removals:
        batches: list[int] = []
        while not batches or batches[-1] == limit:
            batches.append(retention.remove(tx, removal, limit))
            assert batches[-1] <= limit
        done.append(sum(batches))
    assert done == told
    found = dict.fromkeys(History, 0)
    for removal, rows in zip(removals, done, strict=True):
        found[removal.history] += rows
    return found


def left(tx: Transaction, table: str, column: str) -> list[object]:
    """A column of what is left in a table, in the order of writing."""
    return [v for (v,) in tx.connection.execute(f"SELECT {column} FROM {table} ORDER BY id")]


def test_declared_days_become_seconds() -> None:
    declared = Retention(
        messages=1, events=2, stream_events=3, turns=4, stream_events_per_agent=5000
    )
    assert Rules.declared(declared) == Rules(86_400, 172_800, 259_200, 345_600, 5000)


def test_only_settled_messages_go(tx: Transaction) -> None:
    for state in ("acked", "dropped"):
        message(tx, state, OLD_MESSAGE - 1)
    kept = [message(tx, state, OLD_MESSAGE) for state in ("acked", "dropped")]
    kept += [message(tx, state, None) for state in ("queued", "leased")]
    kept.append(message(tx, "dead", OLD_MESSAGE - 1))
    assert vacuum(tx)[History.MESSAGES] == 2
    assert left(tx, "messages", "id") == kept


def test_events_go_by_their_own_age(tx: Transaction) -> None:
    event(tx, OLD_EVENT - 1)
    event(tx, OLD_EVENT - 1, agent=None)
    event(tx, OLD_EVENT)
    event(tx, OLD_STREAM - 1, seq=1)
    event(tx, OLD_STREAM, seq=2)
    event(tx, OLD_STREAM - 1)
    found = vacuum(tx)
    assert (found[History.EVENTS], found[History.STREAM_EVENTS]) == (2, 1)
    assert left(tx, "events", "ts") == [OLD_EVENT, OLD_STREAM, OLD_STREAM - 1]


def test_each_agent_keeps_the_newest_of_its_stream(tx: Transaction) -> None:
    for seq in range(1, 6):
        event(tx, NOW - 10 + seq, "alice", seq)
        event(tx, NOW - 10, "alice")
    for seq in range(11, 14):
        event(tx, NOW, "bob", seq)
    assert vacuum(tx)[History.STREAM_EVENTS] == 2
    assert [seq for seq in left(tx, "events", "seq") if seq] == [3, 4, 5, 11, 12, 13]
    assert left(tx, "events", "seq").count(None) == 5


def test_a_turn_that_runs_stays_however_old(tx: Transaction) -> None:
    turn(tx, "alice", 0.0, OLD_TURN - 1)
    turn(tx, "alice", 0.0, OLD_TURN)
    turn(tx, "bob", 0.0, None)
    assert vacuum(tx)[History.TURNS] == 1
    assert left(tx, "turns", "ended_at") == [OLD_TURN, None]


@given(
    limit=st.integers(1, 4),
    settled=st.lists(st.tuples(st.sampled_from(["acked", "dead", "dropped"]), st.floats(0, NOW))),
    stream=st.lists(st.tuples(st.sampled_from(["alice", "bob"]), st.floats(OLD_STREAM - 50, NOW))),
)
def test_what_is_left_does_not_depend_on_the_size_of_a_batch(
    limit: int, settled: list[tuple[str, float]], stream: list[tuple[str, float]]
) -> None:
    with fresh() as tx:
        for state, at in settled:
            message(tx, state, at)
        for seq, (agent, at) in enumerate(stream):
            event(tx, at, agent, seq)
        vacuum(tx, limit)
        assert left(tx, "messages", "settled_at") == [
            at for state, at in settled if state == "dead" or at >= OLD_MESSAGE
        ]
        newest: list[float] = []
        for agent in ("alice", "bob"):
            of_agent = [at for whose, at in stream if whose == agent]
            newest += [at for at in of_agent[-3:] if at >= OLD_STREAM]
        assert sorted(left(tx, "events WHERE seq IS NOT NULL", "ts")) == sorted(newest)  # type: ignore[type-var]


def test_nothing_misses_a_message_that_is_gone(tx: Transaction) -> None:
    question = NewQuestion("alice", "bob", "which?", (), False, NOW + 99, None)
    asked = questions.ask(tx, question, now=0.0)
    gone = messages.send(tx, NewMessage("operator", "alice", "one", idempotency_key="k"), now=0.0)
    tx.connection.execute("UPDATE messages SET state = 'acked', settled_at = 0")
    assert vacuum(tx)[History.MESSAGES] == 2
    assert questions.answer(tx, asked, "bob", ("that",), now=NOW).said == "that"
    reply = NewMessage("alice", "operator", "two", in_reply_to=gone)
    assert messages.send(tx, reply, now=NOW) > gone
    again = messages.send(tx, NewMessage("operator", "alice", "new", idempotency_key="k"), now=NOW)
    assert again > gone
    with pytest.raises(dead_letters.NotDeadError):
        dead_letters.retry(tx, gone, now=NOW)
