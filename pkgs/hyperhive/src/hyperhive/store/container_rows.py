"""What is known of each agent's container, and what follows from it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hyperhive.store.container_states import ContainerState, Wanted
from hyperhive.store.transaction import Transaction

ENDED: Final = (Wanted.STOPPED, Wanted.DESTROYED, Wanted.PURGED)
"""Wishes with which no container runs."""

GONE: Final = (Wanted.DESTROYED, Wanted.PURGED)
"""Wishes with which there is no container."""

UP: Final = (ContainerState.STARTING, ContainerState.RUNNING)
"""States in which a harness may be there."""


class Link(StrEnum):
    """Whether an agent's harness is there."""

    OFFLINE = "offline"
    STARTING = "starting"
    CONNECTED = "connected"


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """A container, as far as anybody reported it.

    Attributes:
        declared: whether the hive has its agent now.
        wanted_by: whose wish that is.
        state: None: nobody reported any, as where agents have no containers.
        since: when the state began, seconds since the epoch.
        at: when the newest report saw it.
        invocation: systemd's id of the run that this was reported of.
        crash: how the run before this state ended, if it crashed: `SIGKILL`, `status 1`.
    """

    declared: bool
    wanted: Wanted | None
    wanted_reason: str
    wanted_by: str | None
    state: ContainerState | None
    reason: str
    since: float | None
    at: float | None
    invocation: str | None
    crash: str | None

    @property
    def is_to_end(self) -> bool:
        """Whether somebody who may want so wants that no container runs."""
        return not self.declared or self.wanted in ENDED


def read_container(tx: Transaction, agent: str) -> ContainerRow:
    """What is known of an agent's container.

    Raises:
        KeyError: there is and was no such agent.
    """
    row = tx.connection.execute(
        "SELECT declared, wanted, wanted_reason, wanted_by, container, container_reason,"
        " container_since, container_at, container_invocation, container_crash FROM agents"
        " WHERE name = ?",
        (agent,),
    ).fetchone()
    if row is None:
        raise KeyError(agent)
    return ContainerRow(
        declared=bool(row[0]),
        wanted=None if row[1] is None else Wanted(row[1]),
        wanted_reason=row[2],
        wanted_by=row[3],
        state=None if row[4] is None else ContainerState(row[4]),
        reason=row[5],
        since=row[6],
        at=row[7],
        invocation=row[8],
        crash=row[9],
    )


def should_run(wanted: Wanted | None, *, declared: bool, autostart: bool) -> bool:
    """Whether a container is to run: as the operator wants, else as is declared."""
    return declared and (autostart if wanted is None else wanted is Wanted.RUNNING)


def link_without_harness(container: ContainerRow, otherwise: str) -> tuple[Link, str]:
    """What an agent's link is while no harness is connected, and why.

    Args:
        otherwise: why it is offline, where nothing is known of a container.
    """
    wish = container.wanted_reason if container.wanted in ENDED else ""
    match container.state:
        case None:
            return Link.OFFLINE, wish or otherwise
        case _ if container.crash is not None and not container.is_to_end:
            return Link.OFFLINE, f"container crashed: {container.crash}"
        case ContainerState.STARTING:
            return Link.STARTING, "the container starts"
        case ContainerState.RUNNING:
            return Link.STARTING, "the harness starts"
        case state:
            return Link.OFFLINE, wish or container.reason or _WORDS[state]


def may_have_died(container: ContainerRow) -> bool:
    """Whether a harness that is gone without a word has died by itself: its container goes on, and
    nobody wants it to end."""
    up = container.state is None or container.state in UP
    return up and container.crash is None and not container.is_to_end


_WORDS: Final = {
    ContainerState.ABSENT: "there is no container",
    ContainerState.STOPPING: "the container stops",
    ContainerState.STOPPED: "the container is stopped",
    ContainerState.FAILED: "the container failed",
}
