"""Words for an agent's container: what it is, and what the operator wants of it."""

from dataclasses import dataclass
from enum import StrEnum


class ContainerState(StrEnum):
    """An agent's container, as its unit says."""

    ABSENT = "absent"
    """There is no such container."""
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    """Its unit failed, and nothing starts it again by itself."""


class Wanted(StrEnum):
    """What the operator wants of an agent's container; nobody having said so, the declaration's
    `autostart` holds."""

    RUNNING = "running"
    STOPPED = "stopped"
    DESTROYED = "destroyed"
    """No container; its state is kept."""
    PURGED = "purged"
    """No container and no state."""


@dataclass(frozen=True, slots=True)
class Crash:
    """How a container ended that nobody had stopped.

    Attributes:
        result: systemd's word for it (`Result=` of systemd.service(5)): `signal`, `exit-code`, …
        status: the exit status or the signal's name: `1`, `SIGKILL`.
        lines: the last lines of its journal, oldest first.
    """

    result: str
    status: str
    lines: tuple[str, ...] = ()
