"""A hive of two agents in a real store, beside the model of what the store promises."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from hyperhive.store.agents import state_of
from hyperhive.store.container_rows import Link
from hyperhive.store.messages import MessageKind, NewMessage
from tests.unit.store.driven_store import DrivenStore, said
from tests.unit.store.promised_agents import OVERDUE, TALKING, Promised
from tests.unit.store.promises import Promises

NAMES: Final = ("alice", "bob")
WOKEN_BY_OPERATOR: Final = frozenset({"alice"})
"""Agents whose naps a message of the operator's ends, as their hive declares."""

UNTRACKED: Final = frozenset({"loop_guard", "state", "status"})
"""Kinds of events that the model does not foresee one by one; `state` has a check of its own."""

One = TypeVar("One")


class CheckedHive(RuleBasedStateMachine):
    """The file and the model, and after each step the comparison of its file with the model.

    Attributes:
        now: the broker's clock; it goes on with each step.
        next_due: when the broker is to look for what falls due.
    """

    def __init__(self, template: Path, directory: Path) -> None:
        super().__init__()
        self.store = DrivenStore(template, directory)
        self.promises = Promises()
        self.agents = {name: Promised(name) for name in NAMES}
        self.standings: dict[str, dict[str, Any]] = {name: {"state": "offline"} for name in NAMES}
        self.now = 1000.0
        self.next_due: float | None = None

    def teardown(self) -> None:
        self.store.close()

    def one(self, pick: int, of: Sequence[One]) -> One:
        return of[pick % len(of)]

    def running(self) -> list[Promised]:
        return [agent for agent in self.agents.values() if agent.turn is not None]

    def talking(self) -> list[Promised]:
        """Agents whose turn has the hive's tools."""
        return [one for one in self.running() if one.turn and one.turn.kind in TALKING]

    def connected(self) -> list[Promised]:
        return [one for one in self.agents.values() if one.link is Link.CONNECTED]

    def away(self) -> list[Promised]:
        """Agents whose harness could come."""
        away = self.agents.values()
        return [one for one in away if one.declared and one.link is not Link.CONNECTED]

    def check(self) -> None:
        """Whether the file is as promised."""
        self._check_messages()
        self._check_questions_and_reminders()
        self._check_events()
        self._check_agents()
        self._check_nobody_is_forgotten()

    def _check_messages(self) -> None:
        rows = self.store.rows("SELECT * FROM messages ORDER BY id")
        for row in rows:
            if row["id"] in self.promises.letters:
                continue
            new = NewMessage(
                row["sender"],
                row["recipient"],
                row["body"],
                row["in_reply_to"],
                row["idempotency_key"],
                MessageKind(row["kind"]),
                row["about"],
            )
            self.promises.arrived(row["id"], new)
        assert not self.promises.news, "messages that are not there"
        columns = ("state", "deliveries", "attempts", "turn", "settled_at")
        assert {row["id"]: tuple(row[column] for column in columns) for row in rows} == {
            id: tuple(getattr(letter, column) for column in columns)
            for id, letter in self.promises.letters.items()
        }
        running = {agent.name: agent.turn.id for agent in self.running() if agent.turn}
        for row in rows:
            if row["state"] == "leased":
                assert running.get(row["recipient"]) == row["turn"], f"leased to nobody: {row}"

    def _check_questions_and_reminders(self) -> None:
        asked = self.store.rows("SELECT id, state, waiting_turn, taken, told FROM questions")
        assert {row.pop("id"): tuple(row.values()) for row in asked} == {
            id: (one.state, one.waits, one.taken, one.told)
            for id, one in self.promises.questions.items()
        }
        for id, one in self.promises.questions.items():
            ways = (one.told is not None, one.taken, one.waits is not None)
            assert one.state == "open" or any(ways), f"nobody hears of question {id}"
            assert not (one.told is not None and one.taken), f"question {id} is told twice"
        timers = self.store.rows("SELECT id, state, attempts, next_at, message FROM reminders")
        assert {row.pop("id"): tuple(row.values()) for row in timers} == {
            id: (one.state, one.attempts, one.next_at, one.message)
            for id, one in self.promises.reminders.items()
        }

    def _check_events(self) -> None:
        tracked: Counter[tuple[str, object]] = Counter()
        for event in self.store.new_events():
            kind, data, name = event["kind"], event["data"], event["agent"]
            if kind == "state":
                assert data.pop("was") == self.standings[name]["state"]
                assert data != self.standings[name], "an event without a change"
                self.standings[name] = data
            elif kind not in UNTRACKED and event["seq"] is None:
                crash = (name, data["turn"]) if kind.endswith("_crash") else name
                tracked[kind, data.get("id", crash)] += 1
        assert tracked == Counter(self.promises.told)
        self.promises.told.clear()

    def _check_agents(self) -> None:
        turns = self.store.rows("SELECT agent, id FROM turns WHERE outcome IS NULL ORDER BY agent")
        assert [(row["agent"], row["id"]) for row in turns] == [
            (agent.name, agent.turn.id) for agent in self.running() if agent.turn
        ]
        for name, agent in self.agents.items():
            row = self.store.agent(name)
            assert row.standing == state_of(row)
            assert said(row.standing) == self.standings[name], "a state without an event"
            assert row.standing.state == agent.state()
            assert (row.link, row.paused, row.hold, row.nap, row.model) == (
                agent.link,
                agent.paused,
                agent.hold,
                agent.nap,
                agent.model,
            )
            assert (row.failures, row.session, row.compaction, row.notes_due is not None) == (
                agent.failures,
                agent.session,
                agent.compaction,
                agent.notes_due,
            )
            agent.container.check(self.store.container(name))

    def _check_nobody_is_forgotten(self) -> None:
        """Whatever can be done, the broker will look at in time, without polling."""
        self.hear()
        for name, agent in self.agents.items():
            due = self.due(agent)
            if due is None or (due == OVERDUE and agent.turn and agent.turn.told):
                continue
            assert self.to_look_at(agent), f"nobody looks at {name}, which could have: {due}"
        losses = [agent.container.loss_due for agent in self.agents.values()]
        times = [at for at in (self.promises.next_due(), *losses) if at is not None]
        due_at = min(times, default=None)
        if due_at is not None:
            assert self.next_due is not None, "nobody looks for what falls due"
            assert self.next_due <= due_at, "what falls due is looked for too late"

    def hear(self) -> None:
        """What the broker learns from commits."""
        for name in self.store.woken & set(NAMES):
            self.agents[name].look = True
        self.store.woken.clear()
        if self.store.due is not None:
            self.next_due = min(self.store.due, self.next_due or self.store.due)
            self.store.due = None

    def to_look_at(self, agent: Promised) -> bool:
        return agent.look or (agent.timer is not None and agent.timer <= self.now)

    def due(self, agent: Promised) -> str | None:
        return agent.due(self.promises, wakes=agent.name in WOKEN_BY_OPERATOR, now=self.now)
