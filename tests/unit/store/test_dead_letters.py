"""Dead letters: the operator tries them again, or gives them up."""

from collections.abc import Callable

import pytest

from hyperhive.store import dead_letters
from hyperhive.store.dead_letters import NotDeadError
from hyperhive.store.messages import MAX_ATTEMPTS
from hyperhive.store.settlement import Fate
from hyperhive.store.transaction import Transaction
from tests.unit.store.operations import BAD, begin, end, mail, send, told

Operation = Callable[..., None]


@pytest.fixture
def dead(tx: Transaction) -> int:
    """A message to alice that was given up."""
    id = send(tx)
    for _ in range(MAX_ATTEMPTS):
        end(tx, begin(tx), BAD, Fate.FAILED)
    return id


def test_its_end_is_told_to_the_operator_with_what_to_do(tx: Transaction, dead: int) -> None:
    (message,) = mail(tx, "alice")
    assert (message["state"], message["note"], message["attempts"]) == ("dead", "it broke", 5)
    (notice,) = mail(tx, "operator", "notice")
    assert notice["in_reply_to"] == dead
    assert notice["body"] == (
        f"message {dead} from operator to alice was given up after 5 failed attempts; the last one:"
        f" it broke. To try again: hyperhive dead retry {dead}"
    )
    assert told(tx, "dead") == [{"id": dead, "reason": "it broke"}]


def test_tried_again_it_has_its_old_place_and_all_its_attempts(tx: Transaction, dead: int) -> None:
    send(tx, body="later")
    tx.woken.clear()
    dead_letters.retry(tx, dead, now=9.0)
    assert "alice" in tx.woken
    assert told(tx, "requeued")[-1] == {"id": dead, "reason": "by the operator"}
    message, _ = mail(tx, "alice")
    assert (message["state"], message["note"], message["settled_at"]) == ("queued", "", None)
    for _ in range(MAX_ATTEMPTS - 1):
        turn = begin(tx)
        assert turn.delivery is not None
        assert turn.delivery.id == dead
        end(tx, turn, BAD, Fate.FAILED)
    assert mail(tx, "alice")[0]["state"] == "queued"


def test_given_up_it_is_dropped_for_good(tx: Transaction, dead: int) -> None:
    dead_letters.drop(tx, dead, now=9.0)
    (message,) = mail(tx, "alice")
    assert (message["state"], message["settled_at"]) == ("dropped", 9.0)
    assert told(tx, "dropped") == [{"id": dead, "reason": "by the operator"}]
    with pytest.raises(NotDeadError):
        dead_letters.retry(tx, dead, now=9.0)


@pytest.mark.parametrize("operation", [dead_letters.retry, dead_letters.drop])
@pytest.mark.parametrize("id", [1, 99])
def test_only_dead_letters_can_be(tx: Transaction, operation: Operation, id: int) -> None:
    send(tx)
    with pytest.raises(NotDeadError, match=f"message {id} is no dead letter"):
        operation(tx, id, now=9.0)
    assert told(tx, "requeued") + told(tx, "dropped") == []
