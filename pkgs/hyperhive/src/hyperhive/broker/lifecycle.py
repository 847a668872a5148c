"""What starts and stops agents: the broker asks, something with the means does it."""

from pathlib import Path
from typing import Final, Protocol

from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import OPERATOR, AgentName

BY_OPERATOR: Final = "by the operator"


def by_whom(by: str) -> str:
    """Who does something, in words: `by the operator`, `by boss`."""
    return BY_OPERATOR if by == OPERATOR else f"by {by}"


class Lifecycle(Protocol):
    """Starts and stops agents. Every method raises HyperhiveError if it cannot be done.

    `by` is who wants it: `operator`, or the manager's name. An agent that the operator stopped is
    not the manager's to start.
    """

    async def start(self, agent: AgentName, by: str) -> None:
        """Starts an agent that is offline; one that runs stays as it is."""

    async def stop(self, agent: AgentName, reason: str, by: str) -> None:
        """Stops an agent; its turn ends and its messages return to the queue."""

    async def restart(self, agent: AgentName, reason: str, by: str) -> None:
        """Stops an agent and starts it; one that is offline is started."""

    async def destroy(self, agent: AgentName, reason: str) -> None:
        """Removes an agent's container and keeps its state; also of one that the hive had."""

    async def purge(self, agent: AgentName, reason: str) -> None:
        """Removes what a destroyed or former agent has left."""

    def container_files(self, agent: AgentName) -> Path | None:
        """Where an agent's container keeps its own files; None: agents have no containers."""

    async def deploy(self, approval: int, agent: AgentName) -> None:
        """Has an approval about an agent done, and waits for that to end.

        What became of the approval is in the store: it may still be unfinished when this returns,
        and may be finished where this raises.
        """


class Unmanaged:
    """A broker whose agents somebody else starts."""

    def container_files(self, agent: AgentName) -> Path | None:
        """None: it does not know."""
        return None

    async def start(self, agent: AgentName, by: str) -> None:
        """Refuses."""
        raise _unmanaged("start", agent)

    async def stop(self, agent: AgentName, reason: str, by: str) -> None:
        """Refuses."""
        raise _unmanaged("stop", agent)

    async def restart(self, agent: AgentName, reason: str, by: str) -> None:
        """Refuses."""
        raise _unmanaged("restart", agent)

    async def destroy(self, agent: AgentName, reason: str) -> None:
        """Refuses."""
        raise _unmanaged("destroy", agent)

    async def purge(self, agent: AgentName, reason: str) -> None:
        """Refuses."""
        raise _unmanaged("purge", agent)

    async def deploy(self, approval: int, agent: AgentName) -> None:
        """Refuses."""
        raise _unmanaged("deploy", agent)


def _unmanaged(what: str, agent: AgentName) -> HyperhiveError:
    return HyperhiveError(f"this broker does not {what} {agent}", "do it where its harness is run")
