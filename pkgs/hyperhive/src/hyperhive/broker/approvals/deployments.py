"""Sees to it that what the operator approved is done, or said to have failed."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName
from hyperhive.logs import fields

logger: Final = logging.getLogger(__name__)

PAUSES: Final = (2.0, 10.0, 30.0, 60.0)
"""Seconds between one attempt and the next."""

Deploy = Callable[[int, AgentName], Awaitable[None]]
"""Has an approval about an agent done; returns once that has ended, whatever became of it."""
IsUnfinished = Callable[[int], Awaitable[bool]]
"""Whether an approval still is approved or building."""
GiveUp = Callable[[int, str], Awaitable[None]]
"""Says that an approval failed, and why."""


class Deployments:
    """One task for each approval that is to be deployed; for one agent, one after the other."""

    def __init__(
        self,
        deploy: Deploy,
        is_unfinished: IsUnfinished,
        give_up: GiveUp,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Args: pause: waits for so many seconds."""
        self._deploy = deploy
        self._is_unfinished = is_unfinished
        self._give_up = give_up
        self._pause = pause
        self._turns: defaultdict[AgentName, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._pauses: dict[int, asyncio.Future[None]] = {}

    def begin(self, id: int, agent: AgentName) -> None:
        """Has an approval deployed; where that is under way, it does nothing."""
        if id not in self._tasks:
            task = asyncio.create_task(self._run(id, agent), name=f"deploy {id}")
            self._tasks[id] = task
            task.add_done_callback(lambda _: self._tasks.pop(id, None))

    def ended(self, id: int) -> None:
        """It is said what became of an approval: if it is to be tried again, that is over. systemd
        tries a unit again by itself."""
        if id in self._pauses:
            self._pauses[id].cancel()

    async def close(self) -> None:
        """Waits for nothing more; what is unfinished is begun again at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, id: int, agent: AgentName) -> None:
        try:
            # Whoever comes first goes first: a lock is handed on in the order of asking.
            async with self._turns[agent]:
                await self._until_done(id, agent)
        except Exception:
            logger.exception(
                "%s: approval %d is left as it is until the next start",
                agent, id, extra=fields(agent=agent, approval=id),
            )  # fmt: skip

    async def _until_done(self, id: int, agent: AgentName) -> None:
        said = ""
        for pause in (*PAUSES, None):
            try:
                await self._deploy(id, agent)
            except HyperhiveError as error:
                said = f": {error.what}"
                logger.warning(
                    "%s: approval %d: %s",
                    agent, id, error.what, extra=fields(agent=agent, approval=id),
                )  # fmt: skip
            if pause is not None:
                await self._rest(id, pause)
            if not await self._is_unfinished(id):
                return
        attempts = len(PAUSES) + 1
        await self._give_up(
            id,
            f"the deploy unit ended {attempts} times without saying how{said}; it may be half done:"
            f" see journalctl -u hyperhive-deploy@{id}",
        )

    async def _rest(self, id: int, seconds: float) -> None:
        """Wait before the next attempt, or until it has ended, which may have been before."""
        self._pauses[id] = pause = asyncio.ensure_future(self._pause(seconds))
        try:
            if await self._is_unfinished(id):
                await asyncio.wait({pause})
        finally:
            pause.cancel()
            del self._pauses[id]
