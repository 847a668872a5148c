"""What units' states mean, in any sequence of them."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hyperhive.store.container_states import ContainerState
from hyperhive.systemd.unit_signals import Seen
from hyperhive.watch.changes import Change, Tracker
from tests.unit.watch.systemd_model import FAILED, KILLED, Systemd


class Watching(RuleBasedStateMachine):
    """Whatever becomes of a unit, and whenever nobody looks: each crash is told once, and only
    crashes; what was told last is how it is."""

    @initialize(restarts=st.booleans())
    def begin(self, restarts: bool) -> None:
        self.systemd = Systemd(restarts=restarts)
        self.tracker = Tracker()
        self.told: list[Change] = []

    def is_(self, active: str, sub: str | None = None) -> bool:
        unit = self.systemd.unit
        return unit.active == active and sub in (None, unit.sub)

    @precondition(lambda self: self.is_("inactive") or self.is_("failed"))
    @rule()
    def start(self) -> None:
        self.systemd.begin()

    @precondition(lambda self: self.is_("activating", "auto-restart"))
    @rule(gives_up=st.booleans())
    def start_again(self, gives_up: bool) -> None:
        if gives_up:
            self.systemd.give_up()
        else:
            self.systemd.begin(by_itself=True)

    @precondition(lambda self: self.is_("activating", "auto-restart"))
    @rule()
    def stop_restarting(self) -> None:
        self.systemd.stop_restarting()

    @precondition(lambda self: self.is_("activating", "start"))
    @rule()
    def be_ready(self) -> None:
        self.systemd.be_ready()

    @precondition(lambda self: self.is_("activating", "start") or self.is_("active"))
    @rule(killed=st.booleans(), again=st.booleans())
    def stop(self, killed: bool, again: bool) -> None:
        self.systemd.stop(killed=killed, again=again)

    @precondition(lambda self: self.is_("active"))
    @rule()
    def shut_down(self) -> None:
        self.systemd.shut_down()

    @precondition(lambda self: self.is_("activating", "start") or self.is_("active"))
    @rule(how=st.sampled_from([KILLED, FAILED]))
    def crash(self, how: dict[str, Any]) -> None:
        self.systemd.crash(**how)

    @precondition(lambda self: self.is_("failed"))
    @rule()
    def reset(self) -> None:
        self.systemd.reset()

    @rule()
    def lose_the_bus(self) -> None:
        """What was signalled is lost; the listing afterwards is one moment."""
        self.look()
        self.step_unseen()
        self.systemd.take()
        gone = self.systemd.unit.active == "inactive"
        listing = [] if gone else [Seen(self.systemd.unit)]
        self.told += self.tracker.see_all(listing)

    def step_unseen(self) -> None:
        """A crash and another start, while nobody looks."""
        if self.is_("active") and self.systemd.restarts:
            self.systemd.crash(**KILLED)
            self.systemd.begin(by_itself=True)
            self.systemd.be_ready()

    @rule()
    def look(self) -> None:
        for seen in self.systemd.take():
            self.told += self.tracker.see(seen)

    @invariant()
    def each_crash_was_told_once(self) -> None:
        if self.systemd.shown:
            return
        crashes = [change.invocation for change in self.told if change.crash]
        assert crashes == self.systemd.crashes

    @invariant()
    def the_last_that_was_told_is_so(self) -> None:
        unit = self.systemd.unit
        if self.systemd.shown or not self.told:
            return
        last = self.told[-1]
        expected = {
            "active": {ContainerState.RUNNING},
            "activating": {ContainerState.STARTING},
            "failed": {ContainerState.FAILED, ContainerState.STOPPED},
            "inactive": {ContainerState.STOPPED},
        }
        assert last.state in expected[unit.active]
        assert last.invocation == (unit.invocation or None)


TestWatching = Watching.TestCase
