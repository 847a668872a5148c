"""A model of how systemd takes a container's unit through its states.

The sequences are those that systemd 252 was seen to signal: for a start, a stop and a restart by
somebody, an end by itself and a crash, each with or without Restart=.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from hyperhive.systemd.unit_signals import Seen
from hyperhive.systemd.unit_status import UnitStatus

UNIT: Final = "container@h-alice.service"
KILLED: Final[dict[str, Any]] = {"result": "signal", "exit_code": 2, "exit_status": 9}
FAILED: Final[dict[str, Any]] = {"result": "exit-code", "exit_code": 1, "exit_status": 1}


@dataclass
class Systemd:
    """One unit.

    Attributes:
        shown: what was signalled and not been taken yet.
        crashes: the runs that nobody stopped and that ended badly, in order; not another one that
            systemd began by itself after a start in vain, if it does not get ready either.
        restarts: whether the unit has Restart=on-failure.
    """

    restarts: bool = True
    unit: UnitStatus = field(default_factory=lambda: UnitStatus(UNIT, "loaded", "inactive", "dead"))
    shown: list[Seen] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    _runs: int = 0
    _in_vain: bool = False

    def take(self) -> list[Seen]:
        """What was signalled since the last time."""
        shown, self.shown = self.shown, []
        return shown

    def begin(self, *, by_itself: bool = False) -> None:
        """Begin a run, which is not ready yet."""
        if by_itself:
            # It waits for the units that it requires, with what its last run has left.
            self._show("inactive", "dead", job=True)
        self._runs += 1
        self._in_vain = self._in_vain and by_itself
        restarts = self.unit.restarts if by_itself else 0
        new: dict[str, Any] = {
            "invocation": f"{self._runs:02x}",
            "result": "success",
            "restarts": restarts,
        }
        self._show("inactive", "dead", job=True, exit_code=0, exit_status=0, main_pid=1, **new)
        self._show("activating", "start", job=True)

    def be_ready(self) -> None:
        """Have the run be ready."""
        self._in_vain = False
        self._show("active", "running", job=True)
        self._show("active", "running")

    def stop(self, *, killed: bool = False, again: bool = False) -> None:
        """Have somebody stop the run, or restart it.

        Args:
            killed: it does not stop in time.
        """
        before = self.unit.active
        self._show(before, self.unit.sub, job=True, stopping=True)
        self._show("deactivating", "stop-sigterm", job=True, stopping=True)
        if killed:
            ended: dict[str, Any] = {
                "result": "timeout",
                "exit_code": 2,
                "exit_status": 9,
                "main_pid": 0,
            }
            self._show("failed", "failed", job=True, stopping=True, **ended)
            self._show("failed", "failed")
        else:
            self._show("inactive", "dead", job=True, stopping=True, exit_code=1, main_pid=0)
        if again:
            self.begin()
        elif not killed:
            self._show("inactive", "dead")

    def shut_down(self) -> None:
        """Have the container end by itself, and well."""
        self._show("deactivating", "stop-sigterm")
        self._show("inactive", "dead", exit_code=1, main_pid=0)

    def crash(self, **how: Any) -> None:
        """Have the run end badly; it is started again if the unit is to be."""
        starting = self.unit.active == "activating"
        if not (starting and self._in_vain):
            self.crashes.append(self.unit.invocation)
        self._in_vain = starting
        self._show("deactivating", "stop-sigkill", main_pid=0, **how)
        self._show("failed", "failed", job=self.unit.job)
        self._show("failed", "failed")
        if self.restarts:
            self._show("activating", "auto-restart")
            self._show("activating", "auto-restart", job=True, restarts=self.unit.restarts + 1)

    def give_up(self) -> None:
        """Have systemd refuse another start, for want of a pause between the last ones."""
        self._show("inactive", "dead", job=True)
        self._show("failed", "failed", job=True)
        self._show("failed", "failed")

    def stop_restarting(self) -> None:
        """Have somebody stop a unit that waits to be started again."""
        self._show("inactive", "dead", job=True, stopping=True)
        self._show("inactive", "dead")

    def reset(self) -> None:
        """Have somebody reset the failure."""
        self._show("inactive", "dead", restarts=0)

    def _show(
        self, active: str, sub: str, *, job: bool = False, stopping: bool = False, **new: Any
    ) -> None:
        self.unit = replace(self.unit, active=active, sub=sub, job=job, **new)
        self.shown.append(Seen(self.unit, stopping=stopping))
