"""Starts containers side by side: starting one is mostly waiting for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from hyperhive.errors import HyperhiveError
from hyperhive.systemd.unit_status import UnitStatus

START_SECONDS: Final = 300.0
"""How long a container may take to start; its unit gives up before."""
_AT_ONCE: Final = 8
"""Containers that start at the same time: more would only make each take longer than it may."""
_TOOK_TOO_LONG: Final = "timeout"

Done = Callable[[HyperhiveError | None], None]
"""Told the end of a start: None, or what failed."""


class Job(Protocol):
    """Something that systemd is doing with a unit: `systemd.units.Job`."""

    @property
    def path(self) -> str:
        """Its object on the bus."""

    def error(self, result: str) -> HyperhiveError | None:
        """What a result of it means."""


class Units(Protocol):
    """systemd: `systemd.units.UnitBus`."""

    def status(self, unit: str) -> UnitStatus:
        """A unit."""

    def list(self, pattern: str) -> list[UnitStatus]:
        """The units in memory whose names match."""

    def stop(self, unit: str) -> None:
        """Stop a unit, and wait until it has ended."""

    def reset_failed(self, unit: str) -> None:
        """Forget that a unit failed."""

    def reload(self) -> None:
        """Read the unit files again."""

    def begin(self, unit: str, verb: Literal["start"]) -> Job | None:
        """Have a unit start, and do not wait for it."""

    def ended(self) -> dict[str, str]:
        """The jobs that have ended since the last time, by path, each with its result."""

    def wait(self, seconds: float | None) -> None:
        """Wait until something has happened."""


class Starts:
    """Start jobs that are under way.

    Args:
        units: a connection that is used for nothing else, so that it hears the end of each job.
        now: seconds of a clock that does not jump.
    """

    def __init__(self, units: Units, now: Callable[[], float] = time.monotonic) -> None:
        self._units = units
        self._now = now
        self._jobs: dict[str, _Start] = {}

    def begin(self, unit: str, done: Done) -> None:
        """Start a unit. `done` is called by this or a later call of a method."""
        self.settle(most=_AT_ONCE - 1)
        try:
            job = self._units.begin(unit, "start")
        except HyperhiveError as error:
            done(error)
            return
        if job is None:
            done(None)
        else:
            self._jobs[job.path] = _Start(job, self._now() + START_SECONDS, done)

    def settle(self, most: int) -> None:
        """See which have ended; wait until at most so many have not."""
        self._collect()
        while len(self._jobs) > most:
            first = min(start.deadline for start in self._jobs.values())
            self._units.wait(max(0.0, first - self._now()))
            self._collect()

    def _collect(self) -> None:
        ended = self._units.ended()
        for path, start in list(self._jobs.items()):
            result = ended.get(path)
            if result is None and self._now() >= start.deadline:
                result = _TOOK_TOO_LONG
            if result is not None:
                del self._jobs[path]
                start.done(start.job.error(result))


@dataclass(frozen=True, slots=True)
class _Start:
    job: Job
    deadline: float
    done: Done
