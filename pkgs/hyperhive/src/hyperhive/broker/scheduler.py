"""Who runs a turn, and when: an idle agent with mail gets its oldest message.

Nothing polls. An agent is looked at when a commit touched it, when its harness connects, and when
a time that it waits for has come.
"""

import asyncio
import logging
from typing import Final

from hyperhive.broker.core import Core
from hyperhive.broker.harnesses import ConnectedHarness
from hyperhive.broker.roster import roster
from hyperhive.broker.wake_prompt import prompt_for
from hyperhive.hive.names import AgentName
from hyperhive.logs import fields
from hyperhive.store import turns
from hyperhive.store.database import Committed
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.turns import BegunTurn, Overdue, Waiting
from hyperhive.wire.harness import TurnRun
from hyperhive.wire.jsonrpc import RpcError

logger: Final = logging.getLogger(__name__)

GLANCE_SECONDS: Final = 60.0
"""Longest sleep before an agent that waits is looked at: the clock may be set, and stands still for
sleeps while the host is suspended."""

RETRY_SECONDS: Final = 5.0
"""When to look again at an agent whose turn could not be begun because nothing can be written."""


class Scheduler:
    """Begins turns. `run` it in the broker's task group; `committed` is a listener of the store."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._due: asyncio.Queue[AgentName] = asyncio.Queue()
        self._looking: dict[str, bool] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def committed(self, commit: Committed) -> None:
        """Looks at the agents that a commit touched."""
        for name in commit.woken:
            if self._core.harnesses.of(name) is not None:
                self.look_at(AgentName(name))

    def look_at(self, agent: AgentName) -> None:
        """Has `run` look at an agent, once more if it is looking already."""
        if agent in self._looking:
            self._looking[agent] = True
        else:
            self._looking[agent] = False
            self._due.put_nowait(agent)

    async def run(self) -> None:
        """Looks at agents that are due, until cancelled."""
        try:
            async with asyncio.TaskGroup() as looks:
                while True:
                    looks.create_task(self._look(await self._due.get()))
        finally:
            for timer in self._timers.values():
                timer.cancel()

    async def _look(self, agent: AgentName) -> None:
        try:
            await self._dispatch(agent)
        except StoreUnavailableError:
            self._look_again(agent, RETRY_SECONDS)
        except Exception:
            logger.exception("%s: the scheduler failed", agent, extra=fields(agent=agent))
            self._look_again(agent, RETRY_SECONDS)
        finally:
            if self._looking.pop(agent):
                self.look_at(agent)

    async def _dispatch(self, agent: AgentName) -> None:
        core, now = self._core, self._core.clock()
        harness = core.harnesses.of(agent)
        declared = core.hive.agents.get(agent)
        if harness is None or declared is None or core.harnesses.is_held(agent):
            return
        begun = await core.store.write(
            turns.begin,
            agent,
            fresh_session=core.fresh_session(),
            wake_for_operator=declared.wake_for_operator,
            now=now,
        )
        match begun:
            case Waiting(until):
                if until is not None:
                    self._look_again(agent, max(0.0, until - now))
            case Overdue(turn, reason):
                extra = fields(agent=agent, turn=turn)
                logger.info("%s: turn %d is to end: %s", agent, turn, reason, extra=extra)
                await core.harnesses.interrupt(agent, turn, reason)
            case BegunTurn():
                await self._send(harness, begun)

    async def _send(self, harness: ConnectedHarness, turn: BegunTurn) -> None:
        core = self._core
        prompt = prompt_for(turn, nonce=core.nonce(), now=core.clock())
        others = roster(core.hive, harness.agent) if harness.agent in core.hive.agents else ""
        run = TurnRun(turn.id, prompt, turn.model, turn.session, turn.resume, turn.kind, others)
        try:
            await harness.run_turn(run)
        except (RpcError, ConnectionError, TimeoutError) as error:
            # The connection's end returns the turn's messages to the queue.
            extra = fields(agent=turn.agent, turn=turn.id)
            logger.warning("%s: turn %d not accepted: %s", turn.agent, turn.id, error, extra=extra)
            harness.close()

    def _look_again(self, agent: AgentName, seconds: float) -> None:
        if agent in self._timers:
            self._timers[agent].cancel()
        self._timers[agent] = asyncio.get_running_loop().call_later(
            min(seconds, GLANCE_SECONDS), self.look_at, agent
        )
