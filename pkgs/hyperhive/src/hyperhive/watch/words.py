"""Words for how a unit's run ended."""

import signal
from typing import Final

from hyperhive.systemd.unit_status import UnitStatus

_EXITED: Final = 1
"""CLD_EXITED of waitid(2): the status is an exit status; of others it is a signal's number."""

_RESULTS: Final = {
    "timeout": "timed out",
    "watchdog": "did not answer its watchdog",
    "protocol": "ended before it was ready",
    "resources": "its unit could not be set up",
    "start-limit-hit": "started too often in a short time",
    "oom-kill": "killed for want of memory",
}
"""By Result= of systemd.service(5), beside those that come with a status."""


def ending(unit: UnitStatus, *, starting: bool) -> str:
    """How a unit's last run ended, if not well.

    Args:
        starting: whether it was not ready yet.
    """
    if starting and unit.result == "timeout":
        return "start timed out"
    return f"start failed: {_how(unit)}" if starting else _how(unit)


def status_words(unit: UnitStatus) -> str:
    """The exit status of a unit's main process, or the name of the signal that ended it; "" where
    it did not run."""
    if unit.exit_code == 0:
        return ""
    if unit.exit_code == _EXITED:
        return str(unit.exit_status)
    try:
        return signal.Signals(unit.exit_status).name
    except ValueError:  # a real-time signal
        return f"signal {unit.exit_status}"


def _how(unit: UnitStatus) -> str:
    status = status_words(unit)
    match unit.result:
        case "exit-code" if unit.exit_code == _EXITED and unit.exit_status != 0:
            return f"exited with status {status}"
        case "exit-code":
            return "a command of its unit failed"
        case "signal" if status:
            return f"killed by {status}"
        case "core-dump" if status:
            return f"killed by {status}, with a core dump"
        case result:
            return _RESULTS.get(result, f"failed: {result}")
