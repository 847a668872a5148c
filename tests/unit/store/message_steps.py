"""Steps of the state machine: messages, reminders, retention."""

import itertools
from typing import Final

import pytest
from hypothesis import strategies as st

from hyperhive.hive.names import OPERATOR
from hyperhive.store import agents, dead_letters, messages, reminders, retention
from hyperhive.store.dead_letters import NotDeadError
from hyperhive.store.messages import KeyReusedError, NewMessage
from hyperhive.store.reminders import NoSuchReminderError
from hyperhive.store.retention import History, Rules
from hyperhive.store.transaction import Transaction
from tests.unit.store.checked_hive import NAMES
from tests.unit.store.living_hive import LivingHive, step, watch
from tests.unit.store.promises import Timer

PICK: Final = st.integers(0, 11)
KEPT: Final = Rules(
    messages=600.0, events=1e9, stream_events=1e9, turns=600.0, stream_events_per_agent=9
)


WAYS: Final = (*itertools.permutations((*NAMES, OPERATOR), 2), NAMES, NAMES[::-1])


def send(tx: Transaction, new: NewMessage, *, now: float) -> tuple[int, bool]:
    """What the broker does with a message: the id, and whether the guard paused both."""
    return messages.send(tx, new, now=now), watch(tx, new.sender, new.recipient, now=now)


class MessageSteps(LivingHive):
    """What agents and the operator do with messages."""

    @step(
        often=4,
        way=st.sampled_from(WAYS),
        key=st.sampled_from([None, None, None, "a", "b"]),
        body=st.sampled_from("xy"),
    )
    def sends(self, way: tuple[str, str], key: str | None, body: str) -> None:
        sender, recipient = way
        new = NewMessage(sender, recipient, body, idempotency_key=key)
        earlier = None if key is None else self.promises.with_key(sender, key)
        now = self.tick()
        if earlier is not None and self.promises.letters[earlier].new != new:
            with pytest.raises(KeyReusedError):
                self.store.write(send, new, now=now)
            return
        id, paused = self.store.write(send, new, now=now)
        if earlier is None:
            self.promises.send(new, now)
        self.watched(sender, recipient, paused, now)
        assert self.promises.letters[id].new == new
        assert earlier in (None, id), "sent again"

    @step(when=LivingHive.talking, pick=PICK, limit=st.integers(1, 3), back=st.booleans())
    def receives(self, pick: int, limit: int, back: bool) -> None:
        agent = self.one(pick, self.talking())
        assert agent.turn is not None
        turn = agent.turn.id
        before = {id: one.deliveries for id, one in self.promises.letters.items()}
        taken = self.store.write(messages.lease, agent.name, turn, limit)
        ids = [delivery.id for delivery in taken]
        assert ids == self.promises.lease(agent.name, turn, limit), "not the oldest, in order"
        assert [delivery.delivery for delivery in taken] == [before[id] + 1 for id in ids]
        if back:
            self.store.write(messages.give_back, turn, ids)
            self.promises.give_back(ids)

    @step()
    def operator_reads(self) -> None:
        ids, now = self.promises.queued(OPERATOR), self.tick()
        assert self.store.write(messages.ack_read, [*ids, 10_000], now=now) == len(ids)
        for id in ids:
            letter = self.promises.letters[id]
            letter.state, letter.settled_at = "acked", now
        if ids:
            self.promises.told.append(("read", None))

    @step(pick=PICK, drop=st.booleans())
    def operator_settles_a_dead_letter(self, pick: int, drop: bool) -> None:
        now, dead = self.tick(), self.promises.dead()
        operation = dead_letters.drop if drop else dead_letters.retry
        if not dead:
            with pytest.raises(NotDeadError):
                self.store.write(operation, self.promises.newest, now=now)
            return
        id = self.one(pick, dead)
        self.store.write(operation, id, now=now)
        if drop:
            self.promises.drop(id, now)
            return
        self.promises.retry(id)
        for agent in self.agents.values():
            agent.too_long.discard(id)

    @step(name=st.sampled_from(NAMES), seconds=st.sampled_from([0.0, 5.0, 100.0]))
    def sets_a_reminder(self, name: str, seconds: float) -> None:
        now = self.tick()
        id = self.store.write(reminders.remind, name, "think", now + seconds, now=now)
        self.promises.remind(id, Timer(name, "think", now + seconds))

    @step(when=lambda self: self.promises.reminders, pick=PICK, drop=st.booleans())
    def operator_settles_a_reminder(self, pick: int, drop: bool) -> None:
        now, id = self.tick(), self.one(pick, list(self.promises.reminders))
        states = ("parked", "pending") if drop else ("parked",)
        operation = reminders.drop if drop else reminders.retry
        if self.promises.reminders[id].state not in states:
            with pytest.raises(NoSuchReminderError):
                self.store.write(operation, id, now=now)
            return
        self.store.write(operation, id, now=now)
        if drop:
            self.promises.drop_reminder(id, now)
        else:
            self.promises.retry_reminder(id, now)

    @step()
    def something_falls_due(self) -> None:
        self.look_for_due()

    @step(seconds=st.sampled_from([10.0, 60.0, 300.0, 2000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @step(limit=st.sampled_from([1, 100]))
    def history_is_removed(self, limit: int) -> None:
        now = self.tick()
        aged = self.promises.aged(now - KEPT.messages)
        for removal in retention.aged(KEPT, now=now):
            removed = self.store.write(retention.remove, removal, limit)
            if removal.history is History.MESSAGES:
                assert removed == min(limit, len(aged))
        left = {row["id"] for row in self.store.rows("SELECT id FROM messages")}
        gone = set(self.promises.letters) - left
        assert gone <= aged, "removed, and not settled for long"
        for id in gone:
            del self.promises.letters[id]

    @step(name=st.sampled_from(NAMES), paused=st.booleans())
    def operator_pauses_or_resumes(self, name: str, paused: bool) -> None:
        agent, now = self.agents[name], self.tick()
        self.store.write(agents.set_paused, name, paused, "enough" if paused else "", now=now)
        agent.paused = paused
        if not paused:
            agent.hold, agent.failures, self.promises.guarded_since[name] = None, 0, now
