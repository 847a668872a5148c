"""Makes the host match the declared hive and what the operator said, agent by agent."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, TypeAlias

from hyperhive.deploy.apply import Hand
from hyperhive.deploy.desired import (
    DesiredAgent,
    FormerAgent,
    Wishes,
    desired_agent,
)
from hyperhive.deploy.host_lock import locked
from hyperhive.deploy.marked_files import remove_file, write_file
from hyperhive.deploy.observe import agents_with_containers, observe, observe_former
from hyperhive.deploy.ownership import trusted_directory
from hyperhive.deploy.plan import RUNS, Place, Plan, plan
from hyperhive.deploy.rendering import Rendering
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
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import HostPaths
from hyperhive.store.container_rows import should_run
from hyperhive.systemd.unit_status import UnitStatus

CONTAINERS: Final = "container@h-*.service"
_OF_UNITS: Final = (WriteDropIn, RemoveDropIn)
_STARTS: Final = (Start, Restart)
_NOT_YET_CHANGES: Final = (*_STARTS, *BOOKKEEPING)
"""Steps that change nothing by themselves: a container is started after them."""

ConnectUnits: TypeAlias = Callable[[], AbstractContextManager[Units]]
"""Opens a connection to systemd: `systemd.units.UnitBus`."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host that can be reconciled.

    Attributes:
        paths: where everything is.
        broker: uid of the broker, which listens on the agents' sockets.
        units: systemd.
        progress: told in a line what takes long.
    """

    paths: HostPaths
    broker: int
    units: ConnectUnits
    progress: Callable[[str], None]

    def place(self, name: AgentName) -> Place:
        """Where an agent lies."""
        paths = self.paths
        return Place(paths.hive.agent(name), paths.container(name), self.broker)


class Reconciliation:
    """One run over the whole hive, or over one agent.

    Args:
        declared: reads the hive as it is declared.
        ask: says what the operator wants, as the broker has it. If it raises HyperhiveError,
            nothing is started, stopped or removed.
        scope: the agent that it is about; None: all of them.
        host: the host.
        rebuild: build every system, whether or not its sources changed.

    Attributes:
        silence: after a run: why the broker did not say what is wanted, from its beginning or from
            some moment on.
        left_over: after a run: why files that are of no one agent are not as they should be.
    """

    def __init__(
        self,
        declared: Callable[[], HiveConfig],
        ask: Callable[[], Wishes],
        scope: AgentName | None,
        host: Host,
        *,
        rebuild: bool = False,
    ) -> None:
        self._declared = declared
        self._hive: HiveConfig
        self._ask = ask
        self._wishes: Wishes | None = None
        self._scope = scope
        self._host = host
        self._rebuild = rebuild
        self.silence: HyperhiveError | None = None
        self.left_over: HyperhiveError | None = None

    @property
    def heard(self) -> bool:
        """Whether the broker said what was wanted when the run began."""
        return self._wishes is not None

    def preview(self) -> list[Outcome]:
        """What would be done, without doing anything."""
        self._begin()
        rendering = self._render()
        tasks = self._tasks(rendering)
        for task in tasks:
            steps = (step for step in task.plan.all if not isinstance(step, BOOKKEEPING))
            task.outcome.changes += [step.words for step in steps]
        return [task.outcome for task in tasks]

    def run(self, ended: Callable[[Outcome], None]) -> list[Outcome]:
        """Do what is to be done; one agent's failure stops no other.

        Args:
            ended: told each agent's outcome at its end, one at a time.

        Raises:
            HyperhiveError: it cannot even begin.
            OSError: the same.
        """
        paths = self._host.paths
        trusted_directory(paths.hive.deploy)
        trusted_directory(paths.hive.agents)
        trusted_directory(paths.records)
        with locked(paths.records / "lock"):
            outcomes = self._run_once(ended)
            # Who wants something else meanwhile has this unit started; systemd then takes the run
            # that is under way for the one that was asked for.
            while self._scope is not None and self._is_asked_for_more(self._scope):
                outcomes = [
                    Outcome.of_both(*both)
                    for both in zip(outcomes, self._run_once(ended), strict=True)
                ]
        return outcomes

    def _run_once(self, ended: Callable[[Outcome], None]) -> list[Outcome]:
        self._begin()  # Only now: the run before this one may have taken long.
        rendering = self._render()
        rendering.write()
        tasks = self._tasks(rendering)
        self._prepare(tasks)
        # What needs no building first: nobody should wait for somebody else's compiler.
        order = sorted(tasks, key=lambda task: task.plan.builds)
        with self._host.units() as units, self._host.units() as jobs:
            starts = Starts(jobs)
            for task in order:
                self._finish(task, units, starts, ended)
            starts.settle(most=0)
        return [task.outcome for task in tasks]

    def _begin(self) -> None:
        self._hive = self._declared()
        self._wishes = None
        try:
            self._wishes = self._ask()
        except HyperhiveError as error:
            self.silence = error

    def _is_asked_for_more(self, agent: AgentName) -> bool:
        """Whether the operator wants something else of an agent than when this run began."""
        if self.silence is not None or self._wishes is None:
            return False
        before = self._wishes.get(agent)
        try:
            return self._ask().get(agent) is not before
        except HyperhiveError as error:
            self.silence = error
            return False

    def _render(self) -> Rendering:
        rendering = Rendering.of(self._hive, self._scope, self._host.paths)
        self.left_over = rendering.blocking_all()
        return rendering

    def _tasks(self, rendering: Rendering) -> list[Task]:
        with self._host.units() as bus:
            units = {unit.name: unit for unit in bus.list(CONTAINERS)}
        return [self._task(name, rendering, units) for name in sorted(self._names())]

    def _names(self) -> set[AgentName]:
        known: set[AgentName] = set(self._hive.agents)
        if self._wishes is not None:
            known |= self._wishes.keys() | agents_with_containers(self._host.paths)
        if self._scope is None:
            return known
        if self._scope not in known:
            raise InputError(
                f"hive {self._hive.hive.name} has no agent {self._scope}, and none is kept",
                f"its agents are: {', '.join(sorted(self._hive.agents))}",
            )
        return {self._scope}

    def _task(self, name: AgentName, rendering: Rendering, units: Mapping[str, UnitStatus]) -> Task:
        place = self._host.place(name)
        task = Task(place, Plan((), ()), Outcome(name))
        try:
            digest = rendering.digest(name)
            desired = desired_agent(self._hive, name, self._wishes, rendering.tree, digest)
            match desired:
                case DesiredAgent():
                    blocking = rendering.blocking(name)
                    if blocking is not None:
                        raise blocking
                    now = observe(place, units)
                    task.plan = plan(desired, now, place, rebuild=self._rebuild)
                case FormerAgent():
                    task.outcome.former = True
                    task.plan = plan(desired, observe_former(place, units), place)
        except (HyperhiveError, OSError) as error:
            task.fail(as_hyperhive_error(error))
        return task

    def _prepare(self, tasks: list[Task]) -> None:
        """Do the early steps, and have systemd read its units if drop-ins changed: now, or in a run
        that was cut short."""
        changed = self._host.paths.records / "units-changed"
        with self._host.units() as units:
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
        if task.given_up or not isinstance(last, _STARTS) or not self._is_still_to_run(task):
            ended(outcome)
            return
        self._host.progress(f"starting {outcome.agent}")

        def started(error: HyperhiveError | None) -> None:
            if error is None:
                outcome.changes.append(last.words)
            elif self._is_still_to_run(task):
                task.fail(error)
            ended(outcome)

        starts.begin(task.place.container.unit, started)

    def _taking_up(self, task: Task, switch: Switch, units: Units) -> tuple[Step, ...]:
        """How a container takes up its system now that it is built, which takes its time."""
        if task.given_up or not self._is_still_to_run(task):
            return ()
        try:
            unit = units.status(task.place.container.unit)
        except HyperhiveError as error:
            task.fail(error)
            return ()
        return (switch if unit.active in RUNS else Restart(switch.shape),)

    def _is_still_to_run(self, task: Task) -> bool:
        """Whether the operator wants it now: a stop does not wait for what is done meanwhile."""
        name = task.outcome.agent
        try:
            wish = self._ask().get(name)
        except HyperhiveError as error:
            self.silence = error
            task.fail(error)
            return False
        return should_run(wish, declared=True, autostart=self._hive.agents[name].autostart)

    def _do(self, task: Task, steps: tuple[Step, ...], units: Units) -> None:
        """Do steps, until one fails that the others need."""
        name = task.outcome.agent
        source = self._host.paths.agent_source(name)
        hand = Hand(name, task.place, source, units, self._host.progress)
        for step in steps:
            if task.given_up:
                return
            try:
                if hand.apply(step) and not isinstance(step, _NOT_YET_CHANGES):
                    task.outcome.changes.append(step.words)
            except (HyperhiveError, OSError) as error:
                needed = not isinstance(step, Build) or step.needed
                task.fail(as_hyperhive_error(error), gives_up=needed)
