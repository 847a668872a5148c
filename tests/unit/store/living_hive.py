"""What goes on in a hive by itself: brokers begin, harnesses connect, turns begin and end."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from hyperhive.broker.harness_session import gone
from hyperhive.broker.outcomes import settlement
from hyperhive.hive.models import Conversation
from hyperhive.hive.names import OPERATOR
from hyperhive.store import (
    agents,
    containers,
    crash_notices,
    loop_guard,
    questions,
    reminders,
    turn_ends,
    turns,
)
from hyperhive.store.agents import Hold, HoldKind, read_agent
from hyperhive.store.container_rows import Link
from hyperhive.store.loop_guard import LoopGuard
from hyperhive.store.model_choice import ModelChoice, declare_model
from hyperhive.store.settlement import Fate, Settlement
from hyperhive.store.transaction import Transaction
from hyperhive.store.turns import BegunTurn, Overdue, Waiting
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnKind
from tests.unit.store.checked_hive import NAMES, WOKEN_BY_OPERATOR, CheckedHive
from tests.unit.store.promised_agents import OVERDUE, Promised, Running

READERS: Final = {"alice": "bob", "bob": OPERATOR}
"""Who is told of whose crashes, where bob is the manager."""

GUARD: Final = LoopGuard(answers=3, seconds=600.0)

Act = TypeVar("Act", bound=Callable[..., None])

Steps = st.SearchStrategy[tuple[str, dict[str, Any]]]

STEPS: Final[list[tuple[Callable[[Any], object], Steps]]] = []
"""When a step can be taken, and its name with arguments."""


def step(
    when: Callable[[Any], object] = bool, *, often: int = 1, **arguments: st.SearchStrategy[Any]
) -> Callable[[Act], Act]:
    """Makes a method one of the steps that are tried at random, wherever `when` holds.

    Rules of Hypothesis would not do: it leaves out many of them at a time, and what happens to a
    message needs several of them after each other.
    """

    def known(act: Act) -> Act:
        drawn = st.tuples(st.just(act.__name__), st.fixed_dictionaries(arguments))
        STEPS.extend([(when, drawn)] * often)
        return act

    return known


def next_step(hive: object) -> Steps:
    """Any step that can be taken now."""
    return st.sampled_from([drawn for when, drawn in STEPS if when(hive)]).flatmap(lambda one: one)


def watch(tx: Transaction, sender: str, recipient: str, *, now: float) -> bool:
    """What the broker does after one has written to the other; whether it paused both."""
    if OPERATOR in (sender, recipient):
        return False
    return loop_guard.watch(tx, sender, recipient, GUARD, now=now)


def begin(tx: Transaction, declared: Sequence[str], model: str, boot: str, *, now: float) -> None:
    """What a broker does first."""
    returned = sorted(set(declared) & set(agents.undeclared(tx)))
    containers.rebooted(tx, boot, now=now)
    containers.declared_again(tx, returned, now=now)
    agents.declare(tx, sorted(declared), now=now)
    containers.end_turns(tx, now=now)
    for name in declared:
        declare_model(tx, name, ModelChoice(model, "hive"), by="the declared hive", now=now)
    for former in agents.undeclared(tx):
        turn_ends.lost(tx, former, "the hive has no such agent now", now=now)
    questions.release_calls(tx, now=now)


def do_due(tx: Transaction, *, now: float) -> float | None:
    """What a broker does when something falls due."""
    times = (
        questions.expire(tx, now=now),
        reminders.deliver_due(tx, now=now),
        crash_notices.tell_lost_harnesses(tx, reader_of=READERS.__getitem__, now=now),
    )
    return min((at for at in times if at is not None), default=None)


def welcome(tx: Transaction, agent: str, keep: bool, claude: bool, *, now: float) -> None:
    """What the broker does when a harness says hello, which runs the agent's turn or does not."""
    row = read_agent(tx, agent)
    if row.turn is not None and keep:
        turns.mark_cut(tx, row.turn)
        tx.wake(agent)
    else:
        turn_ends.lost(tx, agent, "the harness does not know of it", now=now)
    if claude:
        agents.end_hold(tx, agent, HoldKind.NEEDS_LOGIN, HoldKind.NO_CLAUDE, now=now)
    else:
        agents.set_hold(tx, agent, Hold(HoldKind.NO_CLAUDE, "no claude", None), now=now)
    agents.set_link(tx, agent, Link.CONNECTED, "", now=now)


def finish(tx: Transaction, agent: str, turn: int, outcome: Outcome, *, now: float) -> Settlement:
    """What the broker does with an outcome."""
    row, ending = read_agent(tx, agent), turns.ending_turn(tx, agent, turn)
    after = settlement(outcome, row, ending, Conversation(), now=now)
    assert turn_ends.end(tx, agent, turn, outcome, after, now=now)
    return after


class LivingHive(CheckedHive):
    """What brokers, harnesses and schedulers do, in the file and in the model.

    Attributes:
        patience: every so many steps harnesses that are away come, and turns end well.
        quick: whether the scheduler looks at agents as soon as they are woken.
        pace: seconds that each moment takes.
    """

    def __init__(self, template: Path, directory: Path) -> None:
        super().__init__(template, directory)
        self.steps = self.sessions = 0
        self.patience, self.quick, self.pace, self.boot = 1000, False, 1.0, "one"
        self.begin_broker(NAMES, "haiku")

    @initialize(
        patience=st.sampled_from([2, 5, 100]),
        quick=st.sampled_from([True, True, False]),
        pace=st.sampled_from([1.0, 10.0]),
    )
    def goes_on(self, patience: int, quick: bool, pace: float) -> None:
        self.patience, self.quick, self.pace = patience, quick, pace
        for agent in self.away():
            self.hello(agent, keep=False, claude=True)

    @rule(step=st.runner().flatmap(next_step))
    def happens(self, step: tuple[str, dict[str, Any]]) -> None:
        name, arguments = step
        getattr(self, name)(**arguments)

    @invariant()
    def as_promised_while_life_goes_on(self) -> None:
        self.check()
        self.steps += 1
        if self.steps % self.patience == 0:
            for agent in self.away():
                self.hello(agent, keep=True, claude=True)
            for agent in self.connected():
                if agent.turn is not None:
                    self.end(agent, Outcome(OutcomeKind.OK))
            self.check()
        for agent in self.connected():
            if self.quick and self.to_look_at(agent):
                self.look(agent)
                self.check()

    def tick(self) -> float:
        """The time of the next moment."""
        self.now += self.pace
        return self.now

    def begin_broker(self, declared: Sequence[str], model: str, boot: str = "one") -> None:
        """A broker begins on the file that another one left, perhaps after the host did."""
        now = self.tick()
        self.store.write(begin, declared, model, boot, now=now)
        if boot != self.boot:
            self.boot = boot
            for agent in self.agents.values():
                agent.container.rebooted(self.promises, now)
        for name, agent in self.agents.items():
            agent.container.declare(name in declared, self.promises)
            agent.declared, agent.link = name in declared, agent.container.link()
            agent.look, agent.timer = False, None
            if agent.declared:
                agent.declared_model = model
                agent.choose(self.promises)
        for agent in self.agents.values():
            if agent.container.is_down:
                agent.lost(self.promises, now, failed=agent.container.has_crashed)
            if not agent.declared:
                agent.lost(self.promises, now)
        self.promises.release_calls(now)
        self.next_due = None
        self.look_for_due()

    def look_for_due(self) -> None:
        """The broker does what is due, and learns when to look again."""
        now = self.tick()
        self.store.due = None
        self.next_due = self.store.write(do_due, now=now)
        self.promises.expire(now)
        declared = {name for name, agent in self.agents.items() if agent.declared}
        self.promises.deliver_due(declared, now)
        for name, agent in self.agents.items():
            agent.container.tell_loss(self.promises, READERS[name], now)

    def hello(self, agent: Promised, *, keep: bool, claude: bool) -> None:
        """A harness connects, and runs the agent's turn or knows nothing of it."""
        now = self.tick()
        self.store.write(welcome, agent.name, keep, claude, now=now)
        if agent.turn is not None and keep:
            agent.turn.cut, agent.turn.told = True, False
        else:
            agent.lost(self.promises, now)
        if claude:
            agent.end_hold(HoldKind.NEEDS_LOGIN, HoldKind.NO_CLAUDE)
        else:
            agent.hold = Hold(HoldKind.NO_CLAUDE, "no claude", None)
        agent.link = Link.CONNECTED

    def look(self, agent: Promised) -> None:
        """The scheduler looks at an agent whose harness is there."""
        name, now = agent.name, self.tick()
        agent.look = False
        self.sessions += 1
        wakes, fresh = name in WOKEN_BY_OPERATOR, f"session {self.sessions}"
        begun = self.store.write(
            turns.begin, name, fresh_session=fresh, wake_for_operator=wakes, now=now
        )
        agent.waits_end(self.promises, wakes=wakes, now=now)
        due = self.due(agent)
        match begun:
            case BegunTurn():
                assert (begun.kind, begun.model) == (due, agent.model)
                self._begun(agent, begun, fresh)
            case Overdue():
                assert (due, begun.turn) == (OVERDUE, agent.turn and agent.turn.id)
                assert agent.turn is not None
                agent.turn.wish, agent.turn.told = agent.turn.wish or Fate.DONE, True
            case Waiting(until):
                assert due is None
                agent.timer = agent.timer if until is None else until

    def _begun(self, agent: Promised, begun: BegunTurn, fresh: str) -> None:
        resumes = agent.session is not None and begun.kind is not TurnKind.NOTES
        assert (begun.resume, begun.session) == (resumes, agent.session if resumes else fresh)
        assert resumes or begun.kind in (TurnKind.MESSAGE, TurnKind.NOTES)
        message = None if begun.delivery is None else begun.delivery.id
        compacting = begun.kind is not TurnKind.MESSAGE
        agent.begun(self.promises, Running(begun.id, begun.kind, message, begun.model, compacting))
        assert self.promises.lease(agent.name, begun.id, 0 if compacting else 1) == (
            [] if message is None else [message]
        )
        assert begun.unread == len(self.promises.queued(agent.name))

    def end(self, agent: Promised, outcome: Outcome) -> None:
        """A turn ends, and its harness says how."""
        assert agent.turn is not None
        outcome, now = replace(outcome, session=f"of {agent.turn.id}"), self.tick()
        after = self.store.write(finish, agent.name, agent.turn.id, outcome, now=now)
        agent.finished(self.promises, outcome, after, now)

    def leave(self, agent: Promised, why: str | None = None) -> None:
        """A harness disconnects, and has said why or not."""
        now = self.tick()
        self.store.write(gone, agent.name, why, now=now)
        turn = agent.lost(self.promises, now, failed=why is None)
        agent.link = Link.OFFLINE if why is not None else agent.container.link()
        if why is None:
            agent.container.harness_gone(turn, now)

    def watched(self, sender: str, recipient: str, paused: bool, now: float) -> None:
        """The guard has let two agents go on, or has paused both."""
        if paused:
            self.promises.notice(now)
        self._check_messages()
        alone = OPERATOR in (sender, recipient) or all(one.paused for one in self.agents.values())
        since = max(now - GUARD.seconds, 0.0, *self.promises.guarded_since.values())
        answers = self.promises.answers_since(since, NAMES, GUARD.answers * 4)
        assert paused == (answers > GUARD.answers and not alone), f"{answers} answers"
        for agent in self.agents.values():
            agent.paused |= paused
