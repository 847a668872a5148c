"""What the store promises of containers and of harnesses that died, as a model in plain Python."""

from dataclasses import dataclass, field
from typing import Any, Final

from hyperhive.hive.names import OPERATOR
from hyperhive.store.container_rows import Link
from hyperhive.store.container_states import ContainerState, Wanted
from hyperhive.store.containers import Report
from hyperhive.store.crash_notices import LOSS_SECONDS
from tests.unit.store.promises import Letter, Promises

UP: Final = {ContainerState.STARTING, ContainerState.RUNNING}


@dataclass(slots=True)
class PromisedContainer:
    """An agent's container.

    Attributes:
        crashed: runs whose crash has been told.
        notice: the newest notice of a crash.
        lost: when its harness went without a word, which nothing has explained yet.
    """

    name: str
    declared: bool = True
    wanted: Wanted | None = None
    wanted_by: str | None = None
    seen: Report | None = None
    since: float | None = None
    crashed: set[str] = field(default_factory=set)
    notice: Letter | None = None
    lost: float | None = None
    lost_turn: int | None = None

    @property
    def ends(self) -> bool:
        """Whether the operator wants that no container runs."""
        return not self.declared or self.wanted not in (None, Wanted.RUNNING)

    @property
    def gone(self) -> bool:
        """Whether the operator wants that there is no container."""
        return self.wanted in (Wanted.DESTROYED, Wanted.PURGED)

    @property
    def loss_due(self) -> float | None:
        return None if self.lost is None else self.lost + LOSS_SECONDS

    def link(self) -> Link:
        """What its agent is while no harness is there."""
        if self.seen is None or self.seen.state not in UP:
            return Link.OFFLINE
        return Link.OFFLINE if self.seen.crash is not None and not self.ends else Link.STARTING

    @property
    def is_down(self) -> bool:
        """Whether it is known that nothing of it runs."""
        return self.seen is not None and self.seen.state not in {*UP, ContainerState.STOPPING}

    @property
    def has_crashed(self) -> bool:
        """Whether its last run ended as nobody wanted."""
        return self.seen is not None and self.seen.crash is not None and not self.ends

    def ended_a_run(self, before: Report | None) -> bool:
        """Whether a run has ended since it was seen as `before`."""
        if self.seen is None or self.is_down or self.seen.crash is not None:
            return self.seen is not None
        was_up = before is not None and before.state in {*UP, ContainerState.STOPPING}
        return was_up and before is not None and before.invocation != self.seen.invocation

    @property
    def held(self) -> bool:
        """Whether only the operator may have it run."""
        return self.wanted not in (None, Wanted.RUNNING) and self.wanted_by == OPERATOR

    def fits(self, wanted: Wanted, by: str) -> bool:
        """Whether this can be wanted by the operator, or by the manager."""
        if by != OPERATOR and wanted is not Wanted.STOPPED:
            return wanted is Wanted.RUNNING and not self.held
        if wanted is Wanted.PURGED:
            return self.gone or not self.declared
        return wanted is not Wanted.STOPPED or not self.gone

    def want(self, wanted: Wanted | None, by: str | None, promises: Promises) -> None:
        if wanted not in (None, Wanted.RUNNING):
            self.forget_loss()
        held = self.held and by not in (None, OPERATOR)
        if not held and (wanted, by) != (self.wanted, self.wanted_by):
            self.wanted, self.wanted_by = wanted, by
            promises.told.append(("wanted", self.name))

    def declare(self, declared: bool, promises: Promises) -> None:
        """A new broker has its agent, or has it no more; a new declaration begins anew."""
        if declared and not self.declared:
            self.want(None, None, promises)
        self.declared = declared

    def report(
        self, seen: Report, turn: int | None, reader: str, promises: Promises, now: float
    ) -> bool:
        """It was seen so; whether that is news of its state."""
        run = seen.invocation or str(seen.at)
        if seen.crash is not None and run not in self.crashed:
            self.crashed.add(run)
            died_in = turn if self.lost_turn is None else self.lost_turn
            self.forget_loss()
            self._tell("container_crash", died_in, reader, promises, now)
        if self.seen is not None and seen.at < self.seen.at:
            return False
        return self._take(seen, promises)

    def deployed(self, error: bool, former: bool, promises: Promises, now: float) -> bool:
        """Root has made or removed it, or failed to; whether that is news of its state."""
        promises.told.append(("deployment", self.name))
        if error or not former:
            return False
        invocation = None if self.seen is None else self.seen.invocation
        why = str(self.wanted) if self.gone else str(self.declared)
        return self._take(Report(ContainerState.ABSENT, why, now, invocation), promises)

    def rebooted(self, promises: Promises, now: float) -> None:
        if self.seen is not None and self.seen.state in {*UP, ContainerState.STOPPING}:
            self._take(
                Report(ContainerState.STOPPED, "booted", now, self.seen.invocation), promises
            )

    def _take(self, seen: Report, promises: Promises) -> bool:
        was, self.seen = self.seen, seen
        if was is None or (was.state, was.invocation) != (seen.state, seen.invocation):
            self.since = seen.at
        elif (was.reason, was.crash) == (seen.reason, seen.crash):
            return False
        promises.told.append(("container", self.name))
        run = None if was is None else was.invocation
        if seen.state is not ContainerState.RUNNING or seen.invocation != run:
            self.forget_loss()
        return True

    def harness_gone(self, turn: int | None, now: float) -> None:
        """Its harness is gone, and has not said why."""
        alive = self.seen is None or (self.seen.state in UP and self.seen.crash is None)
        if alive and not self.ends:
            self.lost = now if self.lost is None else self.lost
            self.lost_turn = turn if self.lost_turn is None else self.lost_turn

    def forget_loss(self) -> None:
        self.lost = self.lost_turn = None

    def tell_loss(self, promises: Promises, reader: str, now: float) -> None:
        """Nothing has explained in time why its harness is gone: it died."""
        if self.loss_due is not None and now >= self.loss_due:
            turn = self.lost_turn
            self.forget_loss()
            self._tell("harness_crash", turn, reader, promises, now)

    def _tell(
        self, kind: str, turn: int | None, reader: str, promises: Promises, now: float
    ) -> None:
        promises.told.append((kind, (self.name, turn)))
        unread = self.notice is not None and self.notice.state == "queued"
        if not self.ends and not unread:
            self.notice = promises.notice(now, reader=reader)

    def check(self, row: dict[str, Any]) -> None:
        """Whether the file has the same."""
        seen = self.seen
        assert (row["wanted"], row["wanted_by"], row["lost_at"], row["lost_turn"]) == (
            self.wanted,
            self.wanted_by,
            self.lost,
            self.lost_turn,
        )
        assert (row["container"], row["container_since"], row["container_at"]) == (
            seen and seen.state,
            self.since,
            seen and seen.at,
        )
        assert (row["container_invocation"], row["container_crash"] is not None) == (
            seen and seen.invocation,
            seen is not None and seen.crash is not None,
        )
