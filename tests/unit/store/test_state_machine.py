"""Random interleavings of everything that happens to a store, against what it promises.

Messages are delivered at least once and in order, and what was acknowledged is not lost; nothing
changes its state without an event; a closed question is told exactly once; whatever becomes
possible, the scheduler is told of. promise*.py has the promises, *_steps.py what happens. The
environment variable HYPERHIVE_STATE_MACHINE_EXAMPLES has more than the usual number of runs tried;
each is of up to 60 steps.
"""

import asyncio
import itertools
import os
import sqlite3
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from hyperhive.store import database
from hyperhive.store.database import open_store
from tests.unit.store.container_steps import ContainerSteps
from tests.unit.store.message_steps import MessageSteps
from tests.unit.store.question_steps import QuestionSteps
from tests.unit.store.turn_steps import TurnSteps

EXAMPLES: Final = int(os.environ.get("HYPERHIVE_STATE_MACHINE_EXAMPLES", "80"))

FRESH: Final = 10
"""Runs that Hypothesis makes up; from then on most of its runs are almost what an earlier one was,
which finds little here."""

STEPS: Final = 60

prepare: Final = database._prepare


@pytest.mark.parametrize("part", range(-(-EXAMPLES // FRESH)))
def test_the_store_keeps_its_promises_whatever_happens(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_prepare", prepare_hastily)
    template = tmp_path / "empty.sqlite"
    asyncio.run(_make(template))
    numbers = itertools.count()

    class Hive(MessageSteps, QuestionSteps, TurnSteps, ContainerSteps):
        def __init__(self) -> None:
            directory = tmp_path / str(next(numbers))
            directory.mkdir()
            super().__init__(template, directory)

    run_state_machine_as_test(
        Hive,
        settings=settings(
            max_examples=FRESH,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        ),
    )


def prepare_hastily(connection: sqlite3.Connection, hive: str) -> None:
    """Does not wait for the disk: here processes are killed, not machines."""
    prepare(connection, hive)
    connection.execute("PRAGMA synchronous = OFF")


async def _make(path: Path) -> None:
    await open_store(path, hive="lab").close()
