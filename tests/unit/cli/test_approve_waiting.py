"""Waiting for what becomes of an approval."""

import itertools

import pytest

from hyperhive.cli.approve import LONGEST_PAUSE, awaited
from hyperhive.errors import HyperhiveError, InputError, NoBrokerError
from hyperhive.operator.approval_models import Approval
from tests.unit.cli.asked import detail

Seen = str | Exception


def wait(*seen: Seen, pauses: list[float] | None = None, deadline: float = 100) -> Approval:
    """What is waited for, beginning with one that was just approved."""
    states, clock = iter(seen), itertools.count()

    def look(id: int) -> Approval:
        found = next(states)
        if isinstance(found, Exception):
            raise found
        return detail(id=id, state=found)

    begun = detail(state="approved")
    pause = ([] if pauses is None else pauses).append
    return awaited(look, begun, deadline, pause, lambda: next(clock))


def test_each_step_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert wait("approved", "building", "building", "deployed").state == "deployed"
    assert capsys.readouterr() == ("", "building\n")


def test_it_looks_less_and_less_often() -> None:
    pauses: list[float] = []
    wait(*["building"] * 9, "failed", pauses=pauses)
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


def test_a_broker_that_restarts_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    away = NoBrokerError("no broker answers", "start one")
    assert wait("building", away, away, "building", "deployed").state == "deployed"
    assert capsys.readouterr().err == "building\nno broker answers\nbuilding\n"


def test_it_is_not_waited_for_for_ever() -> None:
    with pytest.raises(HyperhiveError) as caught:
        wait(*["building"] * 9, deadline=5)
    assert caught.value.what == "approval 7 is still building"
    assert caught.value.todo == "it goes on: hyperhive show 7"


def test_one_that_is_gone_is_an_error() -> None:
    with pytest.raises(InputError):
        wait(InputError("there is no approval 7", ""))
