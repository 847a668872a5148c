"""Does the plans of agents: what is early for all of them, then the rest of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hyperhive.deploy.apply import Hand
from hyperhive.deploy.host import Host
from hyperhive.deploy.marked_files import remove_file, write_file
from hyperhive.deploy.plan import RUNS
from hyperhive.deploy.starting import Starts, Units
from hyperhive.deploy.steps import (
    BOOKKEEPING,
    Build,
    RemoveDropIn,
    Restart,
    Start,
    Step,
    Switch,
    WriteDropIn,
)
from hyperhive.deploy.task import Outcome, Task, as_hyperhive_error
from hyperhive.errors import HyperhiveError

_OF_UNITS: Final = (WriteDropIn, RemoveDropIn)
_STARTS: Final = (Start, Restart)
_NOT_YET_CHANGES: Final = (*_STARTS, *BOOKKEEPING)
"""Steps that change nothing by themselves: a container is started after them."""


@dataclass(frozen=True, slots=True)
class Work:
    """The work on a host.

    Attributes:
        is_still_to_run: whether an agent's container is wanted to run, asked when that is about to
            happen; where it cannot be found out, it lets the task fail.
        builds_alone: whether an agent whose system does not build is left as it is. Else one that
            is down is started with the system that is there.
    """

    host: Host
    is_still_to_run: Callable[[Task], bool]
    builds_alone: bool = False

    def do(self, tasks: list[Task], ended: Callable[[Outcome], None]) -> None:
        """Do the plans of all tasks; one agent's failure stops no other.

        Args:
            ended: told each agent's outcome at its end, one at a time.

        Raises:
            HyperhiveError: systemd does not take up the settings of units.
            OSError: that it has to cannot be written down.
        """
        self._prepare(tasks)
        # What needs no building first: nobody should wait for somebody else's compiler.
        order = sorted(tasks, key=lambda task: task.plan.builds)
        with self.host.units() as units, self.host.units() as jobs:
            starts = Starts(jobs)
            for task in order:
                self._finish(task, units, starts, ended)
            starts.settle(most=0)

    def _prepare(self, tasks: list[Task]) -> None:
        """Do the early steps, and have systemd read its units if drop-ins changed: now, or in a run
        that was cut short."""
        changed = self.host.paths.records / "units-changed"
        with self.host.units() as units:
            if any(isinstance(step, _OF_UNITS) for task in tasks for step in task.plan.early):
                write_file(changed, b"")
            for task in tasks:
                self._do(task, task.plan.early, units)
            if changed.exists():
                units.reload()
                remove_file(changed)

    def _finish(
        self, task: Task, units: Units, starts: Starts, ended: Callable[[Outcome], None]
    ) -> None:
        """Do the late steps. A start goes on while other agents are seen to."""
        outcome, late = task.outcome, task.plan.late
        if late and isinstance(late[-1], Switch):
            self._do(task, late[:-1], units)
            late = self._taking_up(task, late[-1], units)
        self._do(task, late, units)
        last = late[-1] if late else None
        if task.given_up or not isinstance(last, _STARTS) or not self.is_still_to_run(task):
            ended(outcome)
            return
        self.host.progress(f"starting {outcome.agent}")

        def started(error: HyperhiveError | None) -> None:
            if error is None:
                outcome.changes.append(last.words)
            elif self.is_still_to_run(task):
                task.fail(error)
            ended(outcome)

        starts.begin(task.place.container.unit, started)

    def _taking_up(self, task: Task, switch: Switch, units: Units) -> tuple[Step, ...]:
        """How a container takes up its system now that it is built, which takes its time."""
        if task.given_up or not self.is_still_to_run(task):
            return ()
        try:
            unit = units.status(task.place.container.unit)
        except HyperhiveError as error:
            task.fail(error)
            return ()
        return (switch if unit.active in RUNS else Restart(switch.shape),)

    def _do(self, task: Task, steps: tuple[Step, ...], units: Units) -> None:
        """Do steps, until one fails that the others need."""
        name = task.outcome.agent
        source = self.host.paths.agent_source(name)
        hand = Hand(name, task.place, source, units, self.host.progress)
        for step in steps:
            if task.given_up:
                return
            try:
                if hand.apply(step) and not isinstance(step, _NOT_YET_CHANGES):
                    task.outcome.changes.append(step.words)
            except (HyperhiveError, OSError) as error:
                needed = not isinstance(step, Build) or step.needed or self.builds_alone
                task.fail(as_hyperhive_error(error), gives_up=needed)
