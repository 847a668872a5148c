"""What a service and its manager tell each other: sd_notify(3), sd_listen_fds(3), the watchdog.

Outside of systemd (no NOTIFY_SOCKET, no LISTEN_FDS) everything here does nothing, and systemd's
Python bindings are not needed.
"""

import logging
import os
import socket
from typing import Final

logger: Final = logging.getLogger(__name__)


def ready(status: str = "") -> None:
    """Says that the service does its work now (for Type=notify).

    Args:
        status: one line of what it does, for `systemctl status`.
    """
    _notify("READY=1", status)


def status(text: str) -> None:
    """Says in one line what the service does."""
    _notify("", text)


def stopping() -> None:
    """Says that the service is ending."""
    _notify("STOPPING=1", "")


def ping() -> None:
    """Says that the service is alive; due every `watchdog_seconds`."""
    _notify("WATCHDOG=1", "")


def watchdog_seconds() -> float | None:
    """How often to `ping`: half of WatchdogSec=, as sd_watchdog_enabled(3) advises.

    Returns:
        None where no manager waits for it, or where it waits for another process.
    """
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000


def listeners() -> dict[str, list[socket.socket]]:
    """The sockets that the manager passed, by their FileDescriptorName=.

    To be asked once: the variables that name them are removed, so that no child takes them for its
    own. Descriptors that are no sockets are an error of the unit's and raise OSError.
    """
    # Without the variable there is nothing to ask the bindings for; with another process's
    # LISTEN_PID they find nothing themselves.
    if "LISTEN_FDS" not in os.environ:
        return {}
    from systemd import daemon

    found: dict[str, list[socket.socket]] = {}
    for descriptor, name in daemon.listen_fds_with_names().items():
        found.setdefault(name, []).append(socket.socket(fileno=descriptor))
    for variable in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        # libsystemd removes them from the process's environment, which os.environ is a copy of.
        os.environ.pop(variable, None)
    return found


def _notify(state: str, status: str) -> None:
    if "NOTIFY_SOCKET" not in os.environ:
        return
    from systemd import daemon

    lines = [state, f"STATUS={' '.join(status.split())}" if status else ""]
    try:
        daemon.notify("\n".join(line for line in lines if line))
    except OSError as error:
        # The service works whether or not its manager hears of it.
        logger.warning("the service manager could not be told %r: %s", state or status, error)
