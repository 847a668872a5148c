"""What starts and stops an agent's harness: the broker asks, something with the means does it."""

from typing import Protocol

from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName


class Lifecycle(Protocol):
    """Starts and stops agents."""

    async def start(self, agent: AgentName) -> None:
        """Starts an agent that is offline; one that runs stays as it is.

        Raises:
            HyperhiveError: it could not be started.
        """

    async def stop(self, agent: AgentName, reason: str) -> None:
        """Stops an agent; its turn ends and its messages return to the queue.

        Raises:
            HyperhiveError: it could not be stopped.
        """


class Unmanaged:
    """A broker whose agents somebody else starts: the containers' own units."""

    async def start(self, agent: AgentName) -> None:
        """Refuses, and says what starts the agent."""
        raise HyperhiveError(
            f"this broker does not start {agent}", f"systemctl start container@h-{agent}.service"
        )

    async def stop(self, agent: AgentName, reason: str) -> None:
        """Refuses, and says what stops the agent."""
        raise HyperhiveError(
            f"this broker does not stop {agent}", f"systemctl stop container@h-{agent}.service"
        )
