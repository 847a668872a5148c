"""What the store promises of messages, questions and reminders, as a model in plain Python.

Each method does to the model what an operation of the store must do to its file; `news` and
`told` are the messages and the events that the operation at hand must have written.
"""

import itertools
from dataclasses import dataclass
from typing import Final

from hyperhive.hive.names import OPERATOR
from hyperhive.store.messages import SYSTEM, MessageKind, NewMessage
from hyperhive.store.questions import EXPIRED, QuestionState
from hyperhive.store.reminders import RETRY_SECONDS
from hyperhive.store.settlement import Fate

FAILED_ATTEMPTS: Final = 5
"""After these a message is dead, and a reminder parked."""

ANY_BODY: Final = "*"
"""The body of a notice, whose words are not promised."""


@dataclass(slots=True)
class Letter:
    """A message: queued, leased by a running turn, acked, dead or dropped; never anything else."""

    new: NewMessage
    at: float
    state: str = "queued"
    deliveries: int = 0
    attempts: int = 0
    turn: int | None = None
    settled_at: float | None = None


@dataclass(slots=True)
class Asked:
    """A question; `waits` is the turn of which a call waits for it."""

    asker: str
    recipient: str
    text: str
    until: float
    waits: int | None
    state: QuestionState = QuestionState.OPEN
    said: str = ""
    by: str = SYSTEM
    taken: bool = False
    told: int | None = None


@dataclass(slots=True)
class Timer:
    """A reminder."""

    agent: str
    body: str
    next_at: float
    state: str = "pending"
    attempts: int = 0
    message: int | None = None


class Promises:
    """Messages, questions and reminders, by id, as they must stand in the file."""

    def __init__(self) -> None:
        self.letters: dict[int, Letter] = {}
        self.questions: dict[int, Asked] = {}
        self.reminders: dict[int, Timer] = {}
        self.newest = 0
        self.guarded_since: dict[str, float] = {}
        self.news: list[Letter] = []
        self.told: list[tuple[str, object]] = []

    # messages

    def send(self, new: NewMessage, now: float) -> None:
        self.news.append(Letter(new, now))
        if new.sender == OPERATOR:
            self.guarded_since[new.recipient] = now

    def notice(self, now: float, about: int | None = None, reader: str = OPERATOR) -> Letter:
        """The operator, or another reader, is told something by the hive."""
        told = NewMessage(SYSTEM, reader, ANY_BODY, about, kind=MessageKind.NOTICE)
        self.send(told, now)
        return self.news[-1]

    def arrived(self, id: int, new: NewMessage) -> None:
        """A message is in the file: it must be one of those that the operation had to write."""
        assert id > self.newest, f"message {id} has an id that was used before"
        self.newest = id
        wordless = NewMessage(
            new.sender, new.recipient, ANY_BODY, new.in_reply_to, kind=new.kind, about=new.about
        )
        letter = next((one for one in self.news if one.new in (new, wordless)), None)
        assert letter is not None, f"nobody sent message {id}: {new}"
        self.news.remove(letter)
        self.letters[id] = letter
        self.told.append(("message", id))
        match new.kind, new.about:
            case MessageKind.ANSWER, int(about):
                assert self.questions[about].told is None, f"question {about} is told twice"
                self.questions[about].told = id
            case MessageKind.REMINDER, int(about):
                assert self.reminders[about].message is None, f"reminder {about} comes twice"
                self.reminders[about].message = id

    def with_key(self, sender: str, key: str) -> int | None:
        """The message that a sender gave an idempotency key."""
        for id, letter in self.letters.items():
            if (letter.new.sender, letter.new.idempotency_key) == (sender, key):
                return id
        return None

    def answers_since(self, since: float, pair: tuple[str, str], most: int) -> int:
        """How often a pair answered each other, in the newest `most` messages of each."""
        newest: list[tuple[int, str, float]] = []
        for names in (pair, pair[::-1]):
            said = [
                (id, one.new.sender, one.at)
                for id, one in sorted(self.letters.items())
                if (one.new.sender, one.new.recipient) == names
            ]
            newest += said[-most:]
        senders = [sender for _, sender, at in sorted(newest) if at > since]
        return sum(a != b for a, b in itertools.pairwise(senders))

    def queued(self, recipient: str) -> list[int]:
        """Ids in the order in which they must be delivered."""
        return sorted(
            id
            for id, letter in self.letters.items()
            if letter.state == "queued" and letter.new.recipient == recipient
        )

    def lease(self, recipient: str, turn: int, limit: int) -> list[int]:
        ids = self.queued(recipient)[:limit]
        for id in ids:
            letter = self.letters[id]
            letter.state, letter.turn = "leased", turn
            letter.deliveries += 1
        return ids

    def give_back(self, ids: list[int]) -> None:
        for id in ids:
            letter = self.letters[id]
            letter.state, letter.turn = "queued", None
            letter.deliveries -= 1

    def of_turn(self, turn: int) -> list[int]:
        return [
            id
            for id, letter in self.letters.items()
            if letter.state == "leased" and letter.turn == turn
        ]

    def settle(self, turn: int, fate: Fate, now: float) -> None:
        """A turn has ended: with its messages, and with the calls that waited for questions."""
        for id in self.of_turn(turn):
            letter = self.letters[id]
            letter.attempts += fate is Fate.FAILED
            if fate in (Fate.DONE, Fate.DROPPED):
                letter.state, letter.settled_at = (
                    f"{'ack' if fate is Fate.DONE else 'dropp'}ed",
                    now,
                )
            elif letter.attempts < FAILED_ATTEMPTS:
                letter.state, letter.turn = "queued", None
                self.told.append(("requeued", id))
            else:
                letter.state, letter.settled_at = "dead", now
                self.told.append(("dead", id))
                self.notice(now, id)
                if letter.new.kind is MessageKind.REMINDER and letter.new.about is not None:
                    self.reminders[letter.new.about].state = "parked"
                    self.told.append(("reminder_parked", letter.new.about))
        for id, question in self.questions.items():
            if question.waits == turn:
                question.waits = None
                question.taken &= fate in (Fate.DONE, Fate.DROPPED)
                self._tell(id, now)

    def retry(self, id: int) -> None:
        letter = self.letters[id]
        letter.state, letter.attempts, letter.turn, letter.settled_at = "queued", 0, None, None
        self.told.append(("requeued", id))
        self._reminder_of(id, "sent")

    def drop(self, id: int, now: float) -> None:
        letter = self.letters[id]
        letter.state, letter.settled_at = "dropped", now
        self.told.append(("dropped", id))
        self._reminder_of(id, "dropped")

    def _reminder_of(self, message: int, state: str) -> None:
        for timer in self.reminders.values():
            if timer.message == message:
                timer.state = state

    def dead(self) -> list[int]:
        return [id for id, letter in self.letters.items() if letter.state == "dead"]

    def aged(self, before: float) -> set[int]:
        """What retention may remove: settled for long, and settled for good."""
        return {
            id
            for id, letter in self.letters.items()
            if letter.state in ("acked", "dropped")
            if letter.settled_at is not None and letter.settled_at < before
        }

    # questions

    def ask(self, id: int, asked: Asked, body: str, now: float) -> None:
        self.questions[id] = asked
        self.told.append(("question", id))
        if asked.recipient != OPERATOR:
            question = MessageKind.QUESTION
            self.send(NewMessage(asked.asker, asked.recipient, body, kind=question, about=id), now)

    def same_open(self, asked: Asked) -> int | None:
        """The same question, which is open and which no call waits for."""
        whose = (asked.asker, asked.recipient, asked.text)
        for id in self.open():
            one = self.questions[id]
            if (one.asker, one.recipient, one.text) == whose and one.waits is None:
                return id
        return None

    def close(self, id: int, state: QuestionState, by: str, said: str, now: float) -> None:
        question = self.questions[id]
        question.state, question.by, question.said = state, by, said
        self.told.append(("question_closed", id))
        self._tell(id, now)

    def expire(self, now: float) -> None:
        for id in self.open():
            if self.questions[id].until <= now:
                self.close(id, QuestionState.EXPIRED, SYSTEM, EXPIRED, now)

    def open(self) -> list[int]:
        return [id for id, one in self.questions.items() if one.state is QuestionState.OPEN]

    def waited_for(self) -> list[int]:
        return [id for id, one in self.questions.items() if one.waits is not None]

    def stop_waiting(self, id: int, now: float) -> None:
        question = self.questions[id]
        if question.waits is not None:
            question.waits, question.taken = None, False
            self._tell(id, now)

    def release_calls(self, now: float) -> None:
        for id in self.waited_for():
            if not self.questions[id].taken:
                self.stop_waiting(id, now)

    def _tell(self, id: int, now: float) -> None:
        """By one message, unless a call waits for it or has it for good."""
        question = self.questions[id]
        if question.state is QuestionState.OPEN or question.waits is not None or question.taken:
            return
        if question.told is not None:
            return
        by = question.by if question.state is QuestionState.ANSWERED else SYSTEM
        answer = NewMessage(by, question.asker, question.said, kind=MessageKind.ANSWER, about=id)
        self.send(answer, now)

    # reminders

    def remind(self, id: int, timer: Timer) -> None:
        self.reminders[id] = timer
        self.told.append(("reminder", id))

    def deliver_due(self, declared: set[str], now: float) -> None:
        for id, timer in self.reminders.items():
            if timer.state != "pending" or timer.next_at > now:
                continue
            if timer.agent in declared:
                timer.state = "sent"
                reminder = MessageKind.REMINDER
                self.send(
                    NewMessage(timer.agent, timer.agent, timer.body, None, None, reminder, id), now
                )
                self.told.append(("reminder_sent", id))
                continue
            timer.attempts += 1
            timer.next_at = now + RETRY_SECONDS
            if timer.attempts == FAILED_ATTEMPTS:
                timer.state = "parked"
                self.told.append(("reminder_parked", id))
                self.notice(now)

    def retry_reminder(self, id: int, now: float) -> None:
        timer = self.reminders[id]
        if timer.message is not None:
            self.retry(timer.message)
            return
        timer.state, timer.attempts, timer.next_at = "pending", 0, now
        self.told.append(("reminder", id))

    def drop_reminder(self, id: int, now: float) -> None:
        timer = self.reminders[id]
        if timer.message is not None:
            self.drop(timer.message, now)
        timer.state = "dropped"
        self.told.append(("reminder_dropped", id))

    def next_due(self) -> float | None:
        """The earliest time that a question expires or a reminder is due."""
        times = [self.questions[id].until for id in self.open()]
        times += [one.next_at for one in self.reminders.values() if one.state == "pending"]
        return min(times, default=None)
