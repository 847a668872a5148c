"""Steps of the state machine: what is wanted of containers, and what is seen of them."""

from functools import partial
from typing import Final

import pytest
from hypothesis import strategies as st

from hyperhive.hive.names import OPERATOR
from hyperhive.store import containers
from hyperhive.store.container_rows import Link
from hyperhive.store.container_states import ContainerState, Crash, Wanted
from hyperhive.store.containers import Report, UnfitWishError
from tests.unit.store.checked_hive import NAMES
from tests.unit.store.living_hive import READERS, LivingHive, step
from tests.unit.store.promised_agents import Promised

NAME: Final = st.sampled_from(NAMES)
BOSS: Final = "bob"
"""The manager."""

KILLED: Final = Crash("signal", "SIGKILL", ("the last line",))

SEEN: Final = [
    (ContainerState.RUNNING, None),
    (ContainerState.STARTING, None),
    (ContainerState.STARTING, KILLED),
    (ContainerState.FAILED, KILLED),
    *((state, None) for state in ContainerState),
]


class ContainerSteps(LivingHive):
    """What the operator, systemd and root do."""

    @step(name=NAME, wanted=st.sampled_from(Wanted), by=st.sampled_from([OPERATOR, OPERATOR, BOSS]))
    def somebody_wants(self, name: str, wanted: Wanted, by: str) -> None:
        container, now = self.agents[name].container, self.tick()
        want = partial(containers.want, by=by, manager=BOSS)
        if not container.fits(wanted, by):
            with pytest.raises(UnfitWishError):
                self.store.write(want, name, wanted, f"{wanted}!", now=now)
            return
        self.store.write(want, name, wanted, f"{wanted}!", now=now)
        if wanted is Wanted.DESTROYED and not container.gone and name != BOSS:
            self.promises.notice(now, reader=BOSS)
        container.want(wanted, by, self.promises)

    @step(
        often=3,
        name=NAME,
        seen=st.sampled_from(SEEN),
        run=st.sampled_from(["a", "a", "b", None]),
        late=st.sampled_from([0.0, 0.0, 0.0, 30.0]),
        times=st.integers(1, 2),
    )
    def container_is_seen(
        self,
        name: str,
        seen: tuple[ContainerState, Crash | None],
        run: str | None,
        late: float,
        times: int,
    ) -> None:
        now, agent = self.tick(), self.agents[name]
        state, crash = seen
        report = Report(state, "so it is", now - late, run, crash)
        for _ in range(times):  # a report may be said again
            turn = None if agent.turn is None else agent.turn.id
            told = self.store.write(
                containers.report, name, report, reader=READERS[name], now=self.now
            )
            crashes = len(agent.container.crashed)
            before = agent.container.seen
            news = agent.container.report(report, turn, READERS[name], self.promises, now)
            assert told == (len(agent.container.crashed) > crashes)
            self._relinked(agent, news, before)
            self.check()

    @step(name=NAME, error=st.sampled_from(["", "", "it failed"]), former=st.booleans())
    def root_has_reconciled(self, name: str, error: str, former: bool) -> None:
        now, agent = self.tick(), self.agents[name]
        before = agent.container.seen
        self.store.write(containers.deployed, name, ["stopped"], error, former=former, now=now)
        news = agent.container.deployed(bool(error), former, self.promises, now)
        self._relinked(agent, news, before)

    def _relinked(self, agent: Promised, news: bool, before: Report | None) -> None:
        """News of a container are news of its agent unless its harness is there; no turn outlives
        the container's run that it was in."""
        if news and agent.link is not Link.CONNECTED:
            agent.link = agent.container.link()
            if agent.container.ended_a_run(before):
                agent.lost(self.promises, self.now, failed=agent.container.has_crashed)
