"""What systemd knows of a unit."""

from dataclasses import dataclass
from typing import Final

RESTARTING: Final = frozenset(
    {
        "auto-restart",
        "auto-restart-queued",
        "dead-before-auto-restart",
        "failed-before-auto-restart",
    }
)
"""SubStates of a service that has ended and will be started again by itself; those after the first
are of systemd 254."""


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """A unit, as its manager says (org.freedesktop.systemd1(5)).

    Attributes:
        load: LoadState: `loaded`, `not-found`, `masked`, …
        active: ActiveState: `active`, `activating`, `deactivating`, `inactive`, `failed`, …
        sub: SubState: `running`, `auto-restart`, `dead`, …
        result: Result of a service: `success`, `exit-code`, `signal`, `core-dump`, `timeout`, …
        exit_code: ExecMainCode, a `CLD_` number of waitid(2): 1 exited, 2 killed, 3 dumped.
        exit_status: ExecMainStatus: the exit status or the signal's number.
        invocation: InvocationID in hexadecimal; "" if it never ran.
        main_pid: MainPID; 0: none.
        restarts: NRestarts, how often it was started again by itself.
        job: whether a job (start, stop, …) of the unit is queued or running.
    """

    name: str
    load: str
    active: str
    sub: str
    result: str = "success"
    exit_code: int = 0
    exit_status: int = 0
    invocation: str = ""
    main_pid: int = 0
    restarts: int = 0
    job: bool = False
