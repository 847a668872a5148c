"""Makes the host match the hive and what the operator said, agent by agent."""

from collections.abc import Callable, Mapping

from hyperhive.deploy.approved import read_layers
from hyperhive.deploy.desired import DesiredAgent, FormerAgent, Wishes, desired_agent
from hyperhive.deploy.host import CONTAINERS, Host
from hyperhive.deploy.observe import agents_with_containers, observe, observe_former
from hyperhive.deploy.plan import Plan, plan
from hyperhive.deploy.rendering import Rendering
from hyperhive.deploy.steps import BOOKKEEPING
from hyperhive.deploy.task import Outcome, Task, as_hyperhive_error
from hyperhive.deploy.work import Work
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.members import Members, with_approved
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.store.container_rows import GONE, should_run
from hyperhive.store.container_states import Wanted
from hyperhive.systemd.unit_status import UnitStatus


class Reconciliation:
    """One run over the whole hive, or over one agent.

    Args:
        declared: reads the hive as it is declared; what was approved is laid over it.
        ask: says what the operator wants, as the broker has it. If it raises HyperhiveError,
            nothing is started, stopped or removed.
        scope: the agent that it is about; None: all of them.
        host: the host.
        rebuild: build every system, whether or not its sources changed.
        builds_alone: leave an agent whose system does not build as it is, also one that is down.

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
        builds_alone: bool = False,
    ) -> None:
        self._declared = declared
        self._members: Members
        self._problems: Mapping[AgentName, HyperhiveError]
        self._ask = ask
        self._wishes: Wishes | None = None
        self._scope = scope
        self._host = host
        self._rebuild = rebuild
        self._work = Work(host, self._is_still_to_run, builds_alone)
        self.silence: HyperhiveError | None = None
        self.left_over: HyperhiveError | None = None

    @property
    def heard(self) -> bool:
        """Whether the broker said what was wanted when the run began."""
        return self._wishes is not None

    def is_to_run(self, name: AgentName) -> bool:
        """Whether the operator wants an agent of the hive to run now.

        Raises:
            HyperhiveError: the broker does not say.
        """
        autostart = self._members.hive.agents[name].autostart
        return should_run(self._ask().get(name), declared=True, autostart=autostart)

    def preview(self) -> list[Outcome]:
        """What would be done, without doing anything."""
        self._begin()
        rendering = self._render()
        tasks = self._tasks(rendering, {})
        for task in tasks:
            steps = (step for step in task.plan.all if not isinstance(step, BOOKKEEPING))
            task.outcome.changes += [step.words for step in steps]
        return [task.outcome for task in tasks]

    def run(
        self,
        ended: Callable[[Outcome], None],
        untouched: Mapping[AgentName, HyperhiveError] | None = None,
    ) -> list[Outcome]:
        """Do what is to be done, while nobody else does (`Host.alone`); one agent's failure stops
        no other.

        Args:
            ended: told each agent's outcome at its end, one at a time.
            untouched: agents to leave as they are, each with why.

        Raises:
            HyperhiveError: it cannot even begin.
            OSError: the same.
        """
        left = untouched or {}
        outcomes = self._run_once(ended, left)
        # Who wants something else meanwhile has this unit started; systemd then takes the run that
        # is under way for the one that was asked for.
        while self._scope is not None and self._is_asked_for_more(self._scope):
            outcomes = [
                Outcome.of_both(*both)
                for both in zip(outcomes, self._run_once(ended, left), strict=True)
            ]
        return outcomes

    def _run_once(
        self, ended: Callable[[Outcome], None], untouched: Mapping[AgentName, HyperhiveError]
    ) -> list[Outcome]:
        self._begin()  # Only now: the run before this one may have taken long.
        rendering = self._render()
        rendering.write(untouched)
        tasks = self._tasks(rendering, untouched)
        self._work.do(tasks, ended)
        return [task.outcome for task in tasks]

    def _begin(self) -> None:
        declared = self._declared()
        self._wishes = None
        try:
            self._wishes = self._ask()
        except HyperhiveError as error:
            self.silence = error
        layers = read_layers(self._host.paths.hive.approved)
        # Of an agent that was spawned and is purged, what was approved goes with all the rest.
        approved = {
            name: layer
            for name, layer in layers.approved.items()
            if name in declared.agents or not self._is_purged(name)
        }
        self._members = with_approved(declared, approved)
        self._problems = {
            name: problem
            for name, problem in {**self._members.problems, **layers.problems}.items()
            if name in declared.agents or not self._is_purged(name)
        }

    def _is_purged(self, name: AgentName) -> bool:
        return self._wishes is not None and self._wishes.get(name) is Wanted.PURGED

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
        rendering = Rendering.of(self._members, self._scope, self._host.paths)
        self.left_over = rendering.blocking_all()
        return rendering

    def _tasks(
        self, rendering: Rendering, untouched: Mapping[AgentName, HyperhiveError]
    ) -> list[Task]:
        with self._host.units() as bus:
            units = {unit.name: unit for unit in bus.list(CONTAINERS)}
        return [
            Task(self._host.place(name), Plan((), ()), Outcome(name, error=untouched[name]))
            if name in untouched
            else self._task(name, rendering, units)
            for name in sorted(self._names())
        ]

    def _names(self) -> set[AgentName]:
        hive = self._members.hive
        known: set[AgentName] = {*hive.agents, *self._problems}
        if self._wishes is not None:
            known |= self._wishes.keys() | agents_with_containers(self._host.paths)
        if self._scope is None:
            return known
        if self._scope not in known:
            raise InputError(
                f"hive {hive.hive.name} has no agent {self._scope}, and none is kept",
                f"its agents are: {', '.join(sorted(hive.agents))}",
            )
        return {self._scope}

    def _task(self, name: AgentName, rendering: Rendering, units: Mapping[str, UnitStatus]) -> Task:
        place = self._host.place(name)
        task = Task(place, Plan((), ()), Outcome(name))
        try:
            digest = rendering.digest(name)
            self._check_is_known(name)
            desired = desired_agent(self._members.hive, name, self._wishes, rendering.tree, digest)
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
        if not task.given_up and not task.outcome.former and name in self._problems:
            # It runs as it is declared, and that is said.
            task.fail(self._problems[name], gives_up=False)
        return task

    def _check_is_known(self, name: AgentName) -> None:
        """See that a spawned agent is not taken for a former one because of what does not fit."""
        wish = self._wishes.get(name) if self._wishes is not None else None
        if name in self._problems and name not in self._members.hive.agents and wish not in GONE:
            raise self._problems[name]

    def _is_still_to_run(self, task: Task) -> bool:
        """Whether the operator wants it now: a stop does not wait for what is done meanwhile."""
        name = task.outcome.agent
        try:
            return self.is_to_run(name)
        except HyperhiveError as error:
            self.silence = error
            task.fail(error)
            return False
