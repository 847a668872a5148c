"""The agents' harnesses that are connected now."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from hyperhive.hive.names import AgentName
from hyperhive.logs import fields
from hyperhive.wire.harness import TurnRun
from hyperhive.wire.jsonrpc import ErrorCode, RpcError

logger: Final = logging.getLogger(__name__)


class ConnectedHarness(Protocol):
    """A harness that said hello."""

    @property
    def agent(self) -> AgentName:
        """Whose it is."""

    async def run_turn(self, turn: TurnRun) -> None:
        """Has it run a turn."""

    async def cancel_turn(self, turn: int, reason: str) -> None:
        """Has it end a turn."""

    def close(self) -> None:
        """Ends the connection."""


class Harnesses:
    """At most one harness for each agent."""

    def __init__(self) -> None:
        self._connected: dict[str, ConnectedHarness] = {}
        self._held: set[str] = set()

    def __len__(self) -> int:
        """How many are connected."""
        return len(self._connected)

    def of(self, agent: str) -> ConnectedHarness | None:
        """The agent's harness."""
        return self._connected.get(agent)

    def is_held(self, agent: str) -> bool:
        """Whether the agent is to be given no turn now."""
        return agent in self._held

    @contextmanager
    def held(self, agent: str) -> Iterator[None]:
        """Inside the block, an agent is given no turn; who leaves it has the agent looked at."""
        self._held.add(agent)
        try:
            yield
        finally:
            self._held.discard(agent)

    def claim(self, harness: ConnectedHarness) -> bool:
        """Makes a harness its agent's own; False if another one is."""
        return self._connected.setdefault(harness.agent, harness) is harness

    def release(self, harness: ConnectedHarness) -> None:
        """Forgets a harness whose connection has ended."""
        if self._connected.get(harness.agent) is harness:
            del self._connected[harness.agent]

    async def interrupt(self, agent: AgentName, turn: int, reason: str) -> None:
        """Has the agent's harness end a turn. One that is away or does not answer is left alone:
        what becomes of the turn is settled when it comes back, or is gone."""
        harness = self.of(agent)
        if harness is None:
            return
        extra = fields(agent=agent, turn=turn)
        try:
            await harness.cancel_turn(turn, reason)
        except RpcError as error:
            if error.code != ErrorCode.UNKNOWN_TURN:  # else it has just ended
                logger.warning("%s: turn %d not cancelled: %s", agent, turn, error, extra=extra)
        except (ConnectionError, TimeoutError) as error:
            logger.warning("%s: turn %d not cancelled: %s", agent, turn, error, extra=extra)
            harness.close()
