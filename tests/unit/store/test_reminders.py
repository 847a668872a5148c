"""Reminders come at their time, once, or are left to the operator."""

import math

import pytest

from hyperhive.store import dead_letters, reminders
from hyperhive.store.agents import declare
from hyperhive.store.messages import MAX_ATTEMPTS
from hyperhive.store.reminders import RETRY_SECONDS, NoSuchReminderError, deliver_due, remind
from hyperhive.store.settlement import Fate
from hyperhive.store.transaction import Transaction
from tests.unit.store.driven_store import rows
from tests.unit.store.operations import BAD, begin, end, mail, told


def state_of(tx: Transaction, id: int) -> str:
    (row,) = rows(tx.connection, f"SELECT * FROM reminders WHERE id = {id}")
    return str(row["state"])


@pytest.fixture
def undelivered(tx: Transaction) -> int:
    """A parked reminder of alice's, whom the hive has no more."""
    id = remind(tx, "alice", "think", 10.0, now=1.0)
    declare(tx, ["bob"], now=2.0)
    for n in range(MAX_ATTEMPTS):
        deliver_due(tx, now=10.0 + n * RETRY_SECONDS)
    return id


@pytest.fixture
def failed(tx: Transaction) -> int:
    """A reminder of alice's that was delivered, and whose message was given up."""
    id = remind(tx, "alice", "think", 10.0, now=1.0)
    deliver_due(tx, now=10.0)
    for _ in range(MAX_ATTEMPTS):
        end(tx, begin(tx), BAD, Fate.FAILED)
    return id


def test_it_comes_at_its_time_as_the_agents_own_words_and_once(tx: Transaction) -> None:
    id = remind(tx, "alice", "think", 10.0, now=1.0)
    assert tx.due == 10.0
    assert reminders.pending_of(tx, "alice") == 1
    assert deliver_due(tx, now=9.9) == 10.0
    assert mail(tx, "alice", "reminder") == []
    assert deliver_due(tx, now=10.0) is None
    assert deliver_due(tx, now=11.0) is None
    (message,) = mail(tx, "alice", "reminder")
    assert (message["sender"], message["body"], message["about"]) == ("alice", "think", id)
    assert (state_of(tx, id), reminders.pending_of(tx, "alice")) == ("sent", 0)
    assert told(tx, "reminder") == [{"id": id, "until": 10.0}]
    assert told(tx, "reminder_sent") == [{"id": id}]


def test_they_come_in_the_order_of_their_times(tx: Transaction) -> None:
    late = remind(tx, "alice", "late", 20.0, now=1.0)
    early = remind(tx, "alice", "early", 10.0, now=1.0)
    other = remind(tx, "bob", "other", 30.0, now=1.0)
    assert deliver_due(tx, now=25.0) == 30.0
    assert [message["about"] for message in mail(tx, "alice", "reminder")] == [early, late]
    assert state_of(tx, other) == "pending"


def test_one_that_cannot_be_delivered_is_tried_again_a_minute_later(tx: Transaction) -> None:
    id = remind(tx, "alice", "think", 10.0, now=1.0)
    declare(tx, ["bob"], now=2.0)
    assert deliver_due(tx, now=10.0) == 10.0 + RETRY_SECONDS
    declare(tx, ["alice", "bob"], now=12.0)
    assert deliver_due(tx, now=10.0 + RETRY_SECONDS) is None
    assert state_of(tx, id) == "sent"


def test_after_five_attempts_it_is_parked_and_the_operator_told(
    tx: Transaction, undelivered: int
) -> None:
    assert state_of(tx, undelivered) == "parked"
    error = "the hive has no agent alice now"
    assert told(tx, "reminder_parked") == [{"id": undelivered, "reason": error}]
    (notice,) = mail(tx, "operator", "notice")
    assert notice["body"] == (
        f"reminder {undelivered} could not be delivered ({error}) and is parked."
        f" To try again: hyperhive reminders retry {undelivered}"
    )


def test_a_parked_one_is_delivered_when_the_operator_says_so(
    tx: Transaction, undelivered: int
) -> None:
    declare(tx, ["alice"], now=400.0)
    tx.due = math.inf
    reminders.retry(tx, undelivered, now=500.0)
    assert tx.due == 500.0
    assert told(tx, "reminder")[-1] == {"id": undelivered, "until": 500.0}
    deliver_due(tx, now=500.0)
    assert len(mail(tx, "alice", "reminder")) == 1


def test_one_whose_message_was_given_up_is_parked_and_comes_by_the_same_message(
    tx: Transaction, failed: int
) -> None:
    assert state_of(tx, failed) == "parked"
    assert told(tx, "reminder_parked") == [{"id": failed, "reason": "it broke"}]
    reminders.retry(tx, failed, now=9.0)
    (message,) = mail(tx, "alice", "reminder")
    assert (message["state"], message["attempts"], state_of(tx, failed)) == ("queued", 0, "sent")


def test_the_dead_letter_and_its_reminder_are_settled_together(
    tx: Transaction, failed: int
) -> None:
    (message,) = mail(tx, "alice", "reminder")
    dead_letters.retry(tx, message["id"], now=9.0)
    assert state_of(tx, failed) == "sent"
    for _ in range(MAX_ATTEMPTS):
        end(tx, begin(tx), BAD, Fate.FAILED)
    assert state_of(tx, failed) == "parked"
    dead_letters.drop(tx, message["id"], now=9.0)
    assert state_of(tx, failed) == "dropped"


def test_given_up_it_takes_its_message_with_it(tx: Transaction, failed: int) -> None:
    reminders.drop(tx, failed, now=9.0)
    assert state_of(tx, failed) == "dropped"
    assert mail(tx, "alice", "reminder")[0]["state"] == "dropped"
    assert told(tx, "reminder_dropped") == [{"id": failed}]


def test_a_pending_one_can_be_given_up(tx: Transaction) -> None:
    id = remind(tx, "alice", "think", 10.0, now=1.0)
    reminders.drop(tx, id, now=2.0)
    assert deliver_due(tx, now=10.0) is None
    assert mail(tx, "alice", "reminder") == []


def test_refusals(tx: Transaction) -> None:
    id = remind(tx, "alice", "think", 10.0, now=1.0)
    with pytest.raises(NoSuchReminderError, match=f"there is no parked reminder {id}"):
        reminders.retry(tx, id, now=2.0)
    deliver_due(tx, now=10.0)
    with pytest.raises(NoSuchReminderError, match="is parked or pending"):
        reminders.drop(tx, id, now=11.0)
    for operation in (reminders.retry, reminders.drop):
        with pytest.raises(NoSuchReminderError, match="99"):
            operation(tx, 99, now=12.0)
