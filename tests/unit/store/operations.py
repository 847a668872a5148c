"""Operations as the tests of single modules need them, with what is usual filled in."""

from typing import Any

from hyperhive.store import messages, turn_ends, turns
from hyperhive.store.messages import NewMessage
from hyperhive.store.settlement import Fate, Settlement
from hyperhive.store.transaction import Transaction
from hyperhive.store.turns import BegunTurn, Overdue, Waiting
from hyperhive.wire.harness import Outcome, OutcomeKind
from tests.unit.store.driven_store import event_rows, rows

OK = Outcome(OutcomeKind.OK, session="S")
BAD = Outcome(OutcomeKind.FAILED, "it broke", session="S")


def send(
    tx: Transaction, sender: str = "operator", to: str = "alice", body: str = "hello", at: float = 1
) -> int:
    return messages.send(tx, NewMessage(sender, to, body), now=at)


def look(
    tx: Transaction, agent: str = "alice", at: float = 1, *, wakes: bool = True
) -> BegunTurn | Overdue | Waiting:
    """What the scheduler gets when it looks at an agent."""
    return turns.begin(tx, agent, fresh_session="fresh", wake_for_operator=wakes, now=at)


def begin(tx: Transaction, agent: str = "alice", at: float = 1) -> BegunTurn:
    """The turn that begins now; there must be one."""
    begun = look(tx, agent, at)
    assert isinstance(begun, BegunTurn), begun
    return begun


def end(
    tx: Transaction,
    turn: BegunTurn,
    outcome: Outcome = OK,
    fate: Fate = Fate.DONE,
    at: float = 2,
    **after: Any,
) -> None:
    """Ends a turn; `after` is the rest of the settlement."""
    assert turn_ends.end(tx, turn.agent, turn.id, outcome, Settlement(fate, **after), now=at)


def talk(tx: Transaction, agent: str = "alice") -> BegunTurn:
    """A turn of an agent that has just been written to."""
    send(tx, to=agent)
    return begin(tx, agent)


def told(tx: Transaction, kind: str) -> list[dict[str, Any]]:
    """The data of every event of a kind."""
    return [event["data"] for event in event_rows(tx.connection) if event["kind"] == kind]


def mail(tx: Transaction, to: str, kind: str = "message") -> list[dict[str, Any]]:
    """The messages of a kind to somebody."""
    found = rows(tx.connection, "SELECT * FROM messages ORDER BY id")
    return [row for row in found if (row["recipient"], row["kind"]) == (to, kind)]
