"""What a container's unit being in another state means: it runs, it was stopped, it crashed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from hyperhive.store.container_states import ContainerState
from hyperhive.systemd.unit_signals import Seen
from hyperhive.systemd.unit_status import RESTARTING, UnitStatus
from hyperhive.watch.words import ending, status_words

_STATES: Final = {
    "active": ContainerState.RUNNING,
    "reloading": ContainerState.RUNNING,
    "refreshing": ContainerState.RUNNING,
    "activating": ContainerState.STARTING,
    "deactivating": ContainerState.STOPPING,
    "failed": ContainerState.FAILED,
    "inactive": ContainerState.STOPPED,
}
"""By ActiveState; any other is as if it were inactive."""

UNSEEN: Final = "unknown"
"""The result of a run whose end nobody saw."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended that nobody had stopped; see `store.container_states.Crash`."""

    result: str
    status: str


@dataclass(frozen=True, slots=True)
class Change:
    """Something to be told.

    Attributes:
        unit: the unit's name.
        reason: one line for a reader.
        invocation: the run that this was seen of; None: there was none.
        crash: set where a run ended that nobody had stopped; once a run.
    """

    unit: str
    state: ContainerState
    reason: str
    invocation: str | None
    crash: End | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What was seen of a unit's run (of an invocation) besides its present state.

    Attributes:
        starting: it was seen to start, and not yet to be ready.
        stop_asked: somebody has it stopped.
        tried_again: systemd began it by itself after one that did not get ready either.
    """

    invocation: str
    starting: bool = False
    stop_asked: bool = False
    tried_again: bool = False


def changes(was: UnitStatus | None, before: Run, now: UnitStatus, run: Run) -> list[Change]:
    """What has changed of a unit, in order; nothing where all is the same.

    Args:
        was: the unit as it was seen before; None: never.
        before: the run of `was`, as it was known then.
        run: the run of `now`.
    """
    known = was if was is not None and was.invocation == now.invocation else None
    state = _state(now, run)
    found = []
    if was is not None and _has_missed(was, now):
        words = "ended while nobody watched, and was started again"
        found.append(_change(was, ContainerState.STARTING, words, End(UNSEEN, "")))
    # Another start in vain is no news: it is tried as often as the unit lets it.
    old = run.stop_asked or (run.starting and run.tried_again)
    if has_crashed(now) and not old and not (known and has_crashed(known)):
        end = End(now.result, status_words(now))
        found.append(_change(now, state, ending(now, starting=run.starting), end))
    elif known is None or state is not _state(known, before):
        found.append(_change(now, state, _reason(known, now, run)))
    return found


def has_crashed(unit: UnitStatus) -> bool:
    """Whether the unit's last run is over and did not end well."""
    return _is_over(unit) and unit.result != "success"


class Tracker:
    """What was last seen of each unit, and of its run."""

    def __init__(self, known: Iterable[UnitStatus] = ()) -> None:
        """Args: known: what was seen before this began."""
        self._units = {unit.name: unit for unit in known}
        self._runs: dict[str, Run] = {}

    def see(self, seen: Seen) -> list[Change]:
        """What has changed of a unit since it was last seen."""
        if seen.unit.active == "inactive" and seen.unit.job:
            if not (has_crashed(seen.unit) and seen.unit.restarts):
                # Between a stop and a start, or the last moment of a stop: what follows says which.
                return []
            # systemd is to start it again by itself, and waits for units that it requires.
            waits = replace(seen.unit, active="activating", sub="auto-restart")
            seen = replace(seen, unit=waits)
        now = seen.unit
        was, self._units[now.name] = self._units.get(now.name), now
        before = self._runs.get(now.name, Run(now.invocation))
        run = self._runs[now.name] = _next_run(was, before, seen)
        return changes(was, before, now, run)

    def see_all(self, listing: Iterable[Seen]) -> list[Change]:
        """What has changed since units were last seen, given all that are in memory."""
        gone = dict(self._units)
        found = []
        for seen in listing:
            gone.pop(seen.unit.name, None)
            found += self.see(seen)
        for unit in gone.values():
            # Only what neither runs nor has failed leaves memory.
            left = replace(unit, active="inactive", sub="dead", result="success", job=False)
            found += self.see(Seen(left, stopping=True))
        return found


def _next_run(was: UnitStatus | None, before: Run, seen: Seen) -> Run:
    """What is known of a unit's run, after what was known of it and of its last one."""
    now, run = seen.unit, before
    if before.invocation != now.invocation:
        in_vain = was is not None and before.starting and has_crashed(was)
        run = Run(now.invocation, tried_again=in_vain and now.restarts > 0)
    match _STATES.get(now.active):
        case ContainerState.STARTING if now.sub not in RESTARTING:
            run = replace(run, starting=True)
        case ContainerState.RUNNING:
            run = replace(run, starting=False)
    # A run that has failed already is stopped by nobody: what a job cleans up then is a crash.
    if seen.stopping and now.result == "success":
        run = replace(run, stop_asked=True)
    return run


def _change(
    unit: UnitStatus, state: ContainerState, reason: str, crash: End | None = None
) -> Change:
    return Change(unit.name, state, reason, unit.invocation or None, crash)


def _state(unit: UnitStatus, run: Run) -> ContainerState:
    if unit.sub in RESTARTING:
        return ContainerState.STARTING
    if unit.load == "not-found":
        return ContainerState.ABSENT
    state = _STATES.get(unit.active, ContainerState.STOPPED)
    if state is ContainerState.FAILED and run.stop_asked:
        # It did not stop as it should have, but it was to stop.
        return ContainerState.STOPPED
    return state


def _is_over(unit: UnitStatus) -> bool:
    return unit.active in ("failed", "inactive") or unit.sub in RESTARTING


def _has_missed(was: UnitStatus, now: UnitStatus) -> bool:
    """Whether the run of `was` ended unseen, and systemd started another by itself."""
    return (
        was.invocation not in ("", now.invocation)
        and not _is_over(was)
        and now.restarts > was.restarts
    )


def _reason(known: UnitStatus | None, now: UnitStatus, run: Run) -> str:
    """What the state alone does not say; "" where it says all."""
    bad = "" if now.result == "success" else ending(now, starting=run.starting)
    match _state(now, run):
        case ContainerState.STARTING if now.sub in RESTARTING:
            return f"starting again: {bad}" if bad else "starting again"
        case ContainerState.STARTING:
            return ""
        case ContainerState.STOPPING:
            return "" if run.stop_asked else bad or "ending by itself"
        case ContainerState.STOPPED if run.stop_asked:
            return bad
        case ContainerState.STOPPED if known is None:
            return "not running"
        case ContainerState.STOPPED if bad:
            return "stopped after it had failed"
        case ContainerState.STOPPED:
            return "the container shut itself down"
        case ContainerState.ABSENT:
            return "there is no such unit"
        case _:
            return bad
