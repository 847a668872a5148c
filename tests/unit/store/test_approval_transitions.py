"""Approvals in every order of what can be asked of them: one winner each, and ends are ends."""

import copy
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlite_utils import Database

from hyperhive.errors import HyperhiveError
from hyperhive.store import approvals
from hyperhive.store.agents import declare, is_declared
from hyperhive.store.approval_states import OPEN, UNFINISHED, ApprovalKind, ApprovalState
from hyperhive.store.approvals import (
    ApprovalClosedError,
    EarlierApprovalError,
    NotYoursError,
    PendingApprovalError,
    UnknownApprovalError,
)
from hyperhive.store.migrations import migrate
from hyperhive.store.spawned_agents import AgentThereError
from hyperhive.store.transaction import Transaction
from tests.unit.store.approval_wishes import SPAWN, ask, decide, finish, layers, wish
from tests.unit.store.operations import mail, told

PENDING, APPROVED, BUILDING = OPEN
DENIED: Final = ApprovalState.DENIED

AGENT: Final = st.sampled_from(["alice", "carol"])
BACK: Final = st.integers(0, 6).map(lambda steps: max(0, steps - 3))
"""How many approvals are newer than the one that is meant."""
KIND: Final = st.sampled_from([ApprovalKind.APPLY_COMMIT, SPAWN])


@dataclass
class Wish:
    """An approval as it is to be."""

    agent: str
    letter: str
    kind: ApprovalKind
    by: str
    state: ApprovalState = PENDING


class Approvals(RuleBasedStateMachine):
    """Alice is declared; carol is there if an approval made her.

    Attributes:
        wishes: the approvals, by id.
        known: agents that the hive has or had.
        spawned: the approval that carol is made by, from its decision on.
        is_there: whether carol is a member.
        laid: what was deployed last, by agent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(Database(self.connection))
        declare(self.tx, ["alice"], now=0)
        self.wishes: dict[int, Wish] = {}
        self.known = {"alice"}
        self.spawned: int | None = None
        self.is_there = False
        self.laid: dict[str, str] = {}
        self.told: Counter[tuple[int, str]] = Counter()
        self.notices = 0

    @property
    def tx(self) -> Transaction:
        return Transaction(self.connection)

    def teardown(self) -> None:
        self.connection.close()

    def does(self, operation: Callable[[], object], refused: type[Exception] | None) -> None:
        """An operation succeeds, or is refused so and undone."""
        self.connection.execute("SAVEPOINT operation")
        if refused is None:
            operation()
        else:
            with pytest.raises(refused):
                operation()
            self.connection.execute("ROLLBACK TO operation")
        self.connection.execute("RELEASE operation")

    def goes(self, id: int, state: ApprovalState, notices: int) -> None:
        """An approval has got on."""
        self.wishes[id].state = state
        self.told[id, state] += 1
        self.notices += notices

    def pending(self, agent: str) -> int | None:
        waiting = [
            id for id, one in self.wishes.items() if (one.agent, one.state) == (agent, PENDING)
        ]
        return waiting[0] if waiting else None

    @rule(
        agent=AGENT,
        letter=st.sampled_from("ab"),
        kind=KIND,
        by=st.sampled_from(["boss", "operator"]),
        supersede=st.none() | st.integers(1, 6),
        named=st.booleans(),
    )
    def submit(
        self,
        agent: str,
        letter: str,
        kind: ApprovalKind,
        by: str,
        supersede: int | None,
        named: bool,
    ) -> None:
        waits = self.pending(agent)
        supersede = waits if named else supersede
        new = wish(agent, letter, kind, by)
        refused: type[Exception] | None = None
        same = waits is not None and (self.wishes[waits].letter, self.wishes[waits].kind) == (
            letter,
            kind,
        )
        if not same:
            if supersede is None:
                refused = None if waits is None else PendingApprovalError
            elif supersede not in self.wishes:
                refused = UnknownApprovalError
            elif self.wishes[supersede].agent != agent or (
                self.wishes[supersede].by == "operator" != by
            ):
                refused = NotYoursError
            elif supersede != waits:
                refused = ApprovalClosedError
        self.does(lambda: ask(self.tx, new, supersede), refused)
        if refused is not None or same:
            return
        if supersede is not None:
            self.goes(supersede, ApprovalState.SUPERSEDED, notices=by != "boss")
        id = len(self.wishes) + 1
        self.wishes[id] = Wish(agent, letter, kind, by)
        self.goes(id, PENDING, notices=0)

    def refusal(self, id: int, *states: ApprovalState) -> type[Exception] | None:
        """How something is refused that needs an approval in one of these states."""
        if id not in self.wishes:
            return UnknownApprovalError
        return None if self.wishes[id].state in states else ApprovalClosedError

    @rule(back=BACK, yes=st.booleans(), by=st.sampled_from(["ann", "ben"]))
    def decide(self, back: int, yes: bool, by: str) -> None:
        id = len(self.wishes) - back
        refused = self.refusal(id, PENDING)
        spawns = refused is None and yes and self.wishes[id].kind is SPAWN
        if spawns and (self.wishes[id].agent == "alice" or self.is_there):
            refused = AgentThereError
        self.does(lambda: decide(self.tx, id, yes, by), refused)
        if refused is None:
            self.goes(id, APPROVED if yes else DENIED, notices=1)
        if refused is None and spawns:
            self.spawned = id
            self.known.add("carol")

    @rule(back=BACK, by=st.sampled_from(["boss", "operator", "alice"]))
    def cancel(self, back: int, by: str) -> None:
        id = len(self.wishes) - back
        refused = self.refusal(id, PENDING)
        if id in self.wishes and by not in (self.wishes[id].by, "operator"):
            refused = NotYoursError
        cancel = approvals.cancel
        self.does(lambda: cancel(self.tx, id, by=by, reason="", reader="boss", now=3), refused)
        if refused is None:
            self.goes(id, ApprovalState.CANCELLED, notices=by != "boss")

    @rule(back=BACK)
    def begin(self, back: int) -> None:
        id = len(self.wishes) - back
        refused = self.refusal(id, *UNFINISHED)
        before = None if refused else copy.copy(self.wishes[id])
        if before is not None and before.state is APPROVED:
            others = [
                other
                for other, one in self.wishes.items()
                if other < id and one.agent == before.agent and one.state in UNFINISHED
            ]
            if others:
                refused = EarlierApprovalError
            elif before.kind is SPAWN and self.is_there:
                refused = AgentThereError
        self.does(lambda: approvals.begin(self.tx, id, now=4), refused)
        if refused is None and before is not None and before.state is APPROVED:
            self.goes(id, BUILDING, notices=0)
            if before.kind is SPAWN:
                self.spawned, self.is_there = id, True

    @rule(back=BACK, error=st.sampled_from(["", "", "it broke"]))
    def finish(self, back: int, error: str) -> None:
        id = len(self.wishes) - back
        refused = self.refusal(id, *UNFINISHED) if error else self.refusal(id, BUILDING)
        self.does(lambda: finish(self.tx, id, error), refused)
        if refused is not None:
            return
        one = self.wishes[id]
        if error:
            self.goes(id, ApprovalState.FAILED, notices=2)
            if self.spawned == id:
                self.spawned, self.is_there = None, False
        else:
            self.goes(id, ApprovalState.DEPLOYED, notices=1)
            if one.agent in self.known:
                self.laid[one.agent] = one.letter

    @invariant()
    def it_is_as_promised(self) -> None:
        found = approvals.listed(
            Database(self.connection), open_only=False, agent=None, after=0, limit=99
        )
        assert {one.id: one.state for one in found} == {
            id: one.state for id, one in self.wishes.items()
        }
        waiting = Counter(one.agent for one in found if one.state is PENDING)
        assert all(count == 1 for count in waiting.values())
        seen = Counter((one["id"], one["state"]) for one in told(self.tx, "approval"))
        assert seen == self.told, "each transition once, and told once"
        readers = ("boss", "operator")
        assert sum(len(mail(self.tx, reader, "notice")) for reader in readers) == self.notices

    @invariant()
    def agents_have_what_was_deployed_last(self) -> None:
        expected = dict(self.laid)
        match self.spawned and self.wishes[self.spawned]:
            case Wish(state=ApprovalState.APPROVED):
                expected.pop("carol", None)
            case Wish(state=ApprovalState.BUILDING, letter=letter):
                expected["carol"] = letter
        assert {name: layer.files for name, layer in layers(self.tx).items()} == {
            name: wish(letter=letter).files for name, letter in expected.items()
        }
        assert is_declared(self.tx, "carol") == self.is_there


Approvals.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestApprovals = Approvals.TestCase


def test_every_refusal_is_for_a_reader() -> None:
    for error in (
        ApprovalClosedError,
        EarlierApprovalError,
        NotYoursError,
        PendingApprovalError,
        AgentThereError,
    ):
        assert issubclass(error, HyperhiveError)
