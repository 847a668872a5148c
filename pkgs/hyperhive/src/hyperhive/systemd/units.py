"""Units of the host: what they are, and having systemd start and stop them, in one thread."""

import os
import time
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from hyperhive.errors import HyperhiveError
from hyperhive.systemd.bus import SECONDS, Bus, BusError, BusLostError
from hyperhive.systemd.properties import MANAGER, MANAGER_PATH, PROPERTIES, SYSTEMD, unit_status
from hyperhive.systemd.unit_status import RESTARTING, UnitStatus

Verb = Literal["start", "stop", "restart"]

JOB_SECONDS: Final = 300.0
"""How long a unit may take to start or stop."""

_METHODS: Final[dict[Verb, str]] = {
    "start": "StartUnit",
    "stop": "StopUnit",
    "restart": "RestartUnit",
}
_REFUSED: Final = frozenset(
    {
        "org.freedesktop.DBus.Error.AccessDenied",
        "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
    }
)
_NO_SUCH_UNIT: Final = f"{SYSTEMD}.NoSuchUnit"
_RELOAD_SECONDS: Final = 120.0

TOOK_TOO_LONG: Final = "deadline"
"""A job's result for whoever has waited too long for it; the job itself goes on."""

_RESULTS: Final = {
    TOOK_TOO_LONG: "it is still at it",
    "canceled": "another job took its place",
    "timeout": "it took too long",
    "failed": "it failed",
    "dependency": "a unit that it needs failed",
    "skipped": "it does not apply to the unit's state",
    "invalid": "the unit does not do that",
    "assert": "an assertion of the unit does not hold",
    "unsupported": "this system does not support the unit",
    "once": "the unit starts only once",
}
"""How else a job ends than `done` (JobRemoved of org.freedesktop.systemd1(5))."""


class JobError(HyperhiveError):
    """A unit did not start or stop as it should."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something that systemd is doing with a unit.

    Attributes:
        path: of its object on the bus; no two jobs have the same.
    """

    path: str
    unit: str
    verb: Verb

    def error(self, result: str) -> JobError | None:
        """What a result of it means; None: it ended well."""
        if result == "done":
            return None
        why = _RESULTS.get(result, f"its result is {result!r}")
        return JobError(f"{self.unit} did not {self.verb}: {why}", f"journalctl -u {self.unit}")


class UnitBus:
    """systemd, over a connection of its own. To be closed, or used as a context manager.

    Every method raises BusLostError when the bus goes away, and HyperhiveError, which names the
    unit, for what systemd refuses.
    """

    def __init__(self) -> None:
        self._bus = Bus()
        try:
            self._bus.match(
                f"type='signal',sender='{SYSTEMD}',interface='{MANAGER}',member='JobRemoved'"
            )
            subscribed = self._bus.call(SYSTEMD, MANAGER_PATH, f"{MANAGER}.Subscribe")
        except BaseException:
            self._bus.close()
            raise
        self._systemd = subscribed.sender

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._bus.close()

    def status(self, unit: str) -> UnitStatus:
        """A unit; of one that systemd knows no file of, `load` is `not-found`."""
        path = str(self._ask(f"load {unit}", "LoadUnit", "s", unit))
        answer = self._bus.call(SYSTEMD, path, f"{PROPERTIES}.GetAll", "s", "")
        return unit_status(unit, answer.values[0])

    def list(self, pattern: str) -> list[UnitStatus]:
        """The units in memory whose names match a pattern (glob(7)), by name."""
        answer = self._bus.call(
            SYSTEMD, MANAGER_PATH, f"{MANAGER}.ListUnitsByPatterns", "asas", [], [pattern]
        )
        return [self.status(str(row[0])) for row in sorted(answer.values[0])]

    def start(self, unit: str, seconds: float = JOB_SECONDS) -> None:
        """Start a unit, and wait until it runs; of a oneshot, until it has ended.

        Raises:
            JobError: it failed, or took more than `seconds`.
        """
        self._run(unit, "start", seconds)

    def stop(self, unit: str, seconds: float = JOB_SECONDS) -> None:
        """Stop a unit, and wait until it has ended. One that does not exist is stopped.

        Raises:
            JobError: it failed, or took more than `seconds`.
        """
        self._run(unit, "stop", seconds)

    def restart(self, unit: str, seconds: float = JOB_SECONDS) -> None:
        """Stop a unit, if it runs, start it, and wait until it runs.

        Raises:
            JobError: it failed, or took more than `seconds`.
        """
        self._run(unit, "restart", seconds)

    def begin(self, unit: str, verb: Verb) -> Job | None:
        """Have a unit start or stop, and do not wait for it.

        Returns:
            What `ended` will tell the end of; None where nothing is to be done.
        """
        method = _METHODS[verb]
        if verb == "start" and self.status(unit).sub in RESTARTING:
            # systemd would keep a start waiting as long as the pause before its own lasts.
            method = _METHODS["restart"]
        try:
            path = self._ask(f"{verb} {unit}", method, "ss", unit, "replace")
        except BusError as error:
            if verb == "stop" and error.name == _NO_SUCH_UNIT:
                return None  # not in memory, so it does not run
            raise
        return Job(str(path), unit, verb)

    def ended(self) -> dict[str, str]:
        """The jobs that have ended since the last time, by their paths, each with its result."""
        return {
            str(signal.values[1]): str(signal.values[3])
            for signal in self._bus.signals()
            # Anybody may send a signal to this connection that looks like one of systemd's.
            if signal.sender == self._systemd and signal.member == "JobRemoved"
        }

    def wait(self, seconds: float | None) -> None:
        """Wait until something has happened, `main_loop.wake` is called, or `seconds` are over."""
        self._bus.wait(seconds)

    def reset_failed(self, unit: str) -> None:
        """Forget that a unit failed, and how often it was started.

        One that is not in memory has not failed.
        """
        try:
            self._ask(f"reset {unit}", "ResetFailedUnit", "s", unit)
        except BusError as error:
            if error.name != _NO_SUCH_UNIT:
                raise

    def reload(self) -> None:
        """Have systemd read the unit files again, and wait until it has."""
        self._ask("have systemd read its unit files", "Reload", seconds=_RELOAD_SECONDS)

    def _run(self, unit: str, verb: Verb, seconds: float) -> None:
        job = self.begin(unit, verb)
        deadline = time.monotonic() + seconds
        while job is not None:
            result = self.ended().get(job.path)
            if result is None and time.monotonic() >= deadline:
                result = TOOK_TOO_LONG
            if result is None:
                self.wait(deadline - time.monotonic())
            elif error := job.error(result):
                raise error
            else:
                return

    def _ask(
        self, what: str, method: str, signature: str = "", *values: object, seconds: float = SECONDS
    ) -> Any:
        """What a method of systemd's answers; `what` says for a reader what it is asked to do."""
        try:
            answer = self._bus.call(
                SYSTEMD, MANAGER_PATH, f"{MANAGER}.{method}", signature, *values, seconds=seconds
            )
        except BusLostError:
            raise
        except BusError as error:
            if error.name in _REFUSED:
                raise BusError(
                    f"systemd does not let uid {os.getuid()} {what}",
                    "run it as root; the polkit rule of services.hyperhive lets the user hyperhive",
                    name=error.name,
                ) from None
            raise BusError(
                f"systemd could not {what}: {error.what}",
                "see journalctl -b _PID=1",
                name=error.name,
            ) from None
        return answer.values[0] if answer.values else None
