"""What becomes of units, as systemd says it over D-Bus while it happens.

What decides how this is done (systemd 252; its source says the same of 260):

- For each change of a unit there are two PropertiesChanged, first of its type (Service: Result,
  ExecMainStatus, NRestarts, …), then of Unit (ActiveState, InvocationID, Job, …), one directly
  after the other. They carry all values, so that together they are the unit at one moment, and
  nothing has to be asked: to ask would give the unit of a later moment, and a container that
  crashes is started again in a tenth of a second, with Result `success`.
- Signals come in the order in which things happened, but those that were on their way when a unit
  was asked for tell what was before. systemd numbers what it sends: theirs are the lower numbers.
- What a job is for (to stop, to start) is a property of the job alone, which is gone when it ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from hyperhive.systemd.bus import Bus, BusError, BusLostError, Reply, Signal
from hyperhive.systemd.properties import (
    JOB,
    MANAGER,
    MANAGER_PATH,
    PROPERTIES,
    SYSTEMD,
    UNIT,
    job_of,
    unit_name,
    unit_path,
    unit_status,
)
from hyperhive.systemd.unit_status import UnitStatus

ANSWER_SECONDS: Final = 5.0
"""How long systemd may take to answer. A bus that was restarted keeps who asks waiting until
systemd has come to it too: to begin anew is quicker."""

_STOPS: Final = frozenset({"stop", "restart", "try-restart"})
_BUS: Final = "org.freedesktop.DBus"
_NAME_OWNER_CHANGED: Final = "NameOwnerChanged"
_NO_ANSWER: Final = frozenset({f"{_BUS}.Error.NoReply", f"{_BUS}.Error.Timeout"})


class SystemdRestartedError(BusError):
    """systemd left the bus or came to it anew: what it said before is not continued."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A unit at one moment.

    Attributes:
        stopping: whether a job is there to stop it, or to stop and start it.
    """

    unit: UnitStatus
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class _Job:
    """A unit's job, as it was when it was first seen, and the unit's run at that moment."""

    id: int
    type: str | None
    invocation: str


class UnitSignals:
    """Follows the units whose names begin and end in one way.

    Raises:
        BusLostError: as every method does when the connection is gone.
        BusError: systemd does not answer.
    """

    def __init__(self, bus: Bus, prefix: str, suffix: str) -> None:
        self._bus = bus
        self._prefix = prefix
        self._suffix = suffix
        self._path = unit_path(prefix)
        self._properties: dict[str, dict[str, Any]] = {}
        self._serials: dict[str, int] = {}
        self._jobs: dict[str, _Job] = {}
        bus.match(f"type='signal',sender='{_BUS}',member='{_NAME_OWNER_CHANGED}',arg0='{SYSTEMD}'")
        of_systemd = f"type='signal',sender='{SYSTEMD}'"
        bus.match(
            f"{of_systemd},interface='{PROPERTIES}',member='PropertiesChanged',"
            f"path_namespace='{MANAGER_PATH}/unit'"
        )
        bus.match(f"{of_systemd},interface='{MANAGER}',member='UnitRemoved'")
        self._systemd = self._call(MANAGER_PATH, f"{MANAGER}.Subscribe").sender

    def listing(self) -> list[Seen]:
        """The units that are in memory now. `changes` tells what becomes of them afterwards."""
        return self._list(f"{self._prefix}*{self._suffix}")

    def _list(self, pattern: str) -> list[Seen]:
        rows = self._call(
            MANAGER_PATH, f"{MANAGER}.ListUnitsByPatterns", "asas", [], [pattern]
        ).values[0]
        found = []
        for row in rows:
            name, path = str(row[0]), str(row[6])
            answer = self._ask(path, f"{PROPERTIES}.GetAll", "s", "")
            if answer is None:
                continue  # it has just left memory, and so it is as good as not listed
            self._properties[name] = dict(answer.values[0])
            self._serials[name] = answer.serial
            found.append(self._seen(name))
        return found

    def changes(self, seconds: float | None) -> Iterator[Seen]:
        """Wait until something happens, at most for `seconds`, and tell what has become of units.

        Raises:
            SystemdRestartedError: begin anew, with a new connection.
        """
        self._bus.wait(seconds)
        for signal in self._bus.signals():
            if signal.sender == _BUS and signal.member == _NAME_OWNER_CHANGED:
                self._check_owner(signal)
            # Anybody may send a signal to this connection that looks like one of systemd's.
            elif signal.sender == self._systemd:
                if signal.member == "PropertiesChanged" and signal.path.startswith(self._path):
                    yield from self._changed(signal)
                elif signal.member == "UnitRemoved":
                    yield from self._removed(signal)

    def _check_owner(self, signal: Signal) -> None:
        name, _, owner = map(str, signal.values)
        if name == SYSTEMD and owner != self._systemd:
            raise SystemdRestartedError("systemd has left the bus, or come to it anew")

    def _changed(self, signal: Signal) -> Iterator[Seen]:
        name = unit_name(signal.path)
        if not name.endswith(self._suffix) or signal.serial <= self._serials.get(name, 0):
            return
        interface, values, _ = signal.values
        self._properties.setdefault(name, {}).update(values)
        if interface == UNIT:
            yield self._seen(name)

    def _removed(self, signal: Signal) -> Iterator[Seen]:
        """A unit left memory, which only one does that neither runs nor has failed; unless systemd
        reads its units anew, for which it lets go of all of them."""
        name = str(signal.values[0])
        if name not in self._properties or signal.serial <= self._serials.get(name, 0):
            return
        listed = self._list(name)
        if listed:
            yield from listed
            return
        known = self._properties.pop(name)
        self._serials.pop(name, None)
        self._jobs.pop(name, None)
        yield Seen(replace(unit_status(name, known), active="inactive", sub="dead", job=False))

    def _seen(self, name: str) -> Seen:
        properties = self._properties[name]
        unit, job = unit_status(name, properties), job_of(properties)
        if job == 0:
            return Seen(unit)
        known = self._jobs.get(name)
        if known is None or known.id != job:
            known = self._jobs[name] = _Job(job, self._type_of(job), unit.invocation)
        if known.type is None:
            # It had ended before it was asked for: the unit's own state has to tell.
            return Seen(unit, unit.active == "deactivating")
        # A job to restart has become one to start, of the same id, when the next run begins.
        return Seen(unit, known.type in _STOPS and known.invocation == unit.invocation)

    def _type_of(self, job: int) -> str | None:
        answer = self._ask(f"{MANAGER_PATH}/job/{job}", f"{PROPERTIES}.Get", "ss", JOB, "JobType")
        return None if answer is None else str(answer.values[0])

    def _ask(self, path: str, method: str, signature: str, *arguments: object) -> Reply | None:
        """An answer about an object; None: there is no such object, or none any more."""
        try:
            return self._call(path, method, signature, *arguments)
        except BusLostError:
            raise
        except BusError as error:
            if error.name in _NO_ANSWER:
                raise
            return None

    def _call(self, path: str, method: str, signature: str = "", *arguments: object) -> Reply:
        return self._bus.call(SYSTEMD, path, method, signature, *arguments, seconds=ANSWER_SECONDS)
