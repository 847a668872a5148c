"""The harnesses of a hive without containers: one child process each, restarted if it dies."""

import asyncio
import functools
import logging
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hyperhive.broker.core import Core
from hyperhive.harness.command import harness_command
from hyperhive.harness.launcher import ProcessLauncher
from hyperhive.harness.processes import die_with
from hyperhive.harness.settings import read_settings
from hyperhive.hive.names import AgentName
from hyperhive.logs import fields
from hyperhive.store.agents import set_link
from hyperhive.store.container_rows import Link
from hyperhive.store.errors import StoreUnavailableError

logger: Final = logging.getLogger(__name__)

RESTART_FIRST: Final = 1.0
"""Seconds before a harness that died is started again; doubles up to `RESTART_MOST`."""
RESTART_MOST: Final = 30.0

STEADY: Final = 60.0
"""A harness that ran this many seconds is started again at once the next time."""

STOP_SECONDS: Final = 15.0
"""How long a harness may take to end its turn; then it is killed."""


@dataclass(slots=True)
class _Child:
    task: asyncio.Task[None]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = ""


class HarnessProcesses:
    """Keeps harnesses running as children of this process."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._children: dict[AgentName, _Child] = {}

    def runs(self, agent: AgentName) -> bool:
        """Whether an agent's harness is kept running."""
        child = self._children.get(agent)
        return child is not None and not child.task.done()

    def start(self, agent: AgentName, settings: Path) -> None:
        """Has an agent's harness run with a file of settings, unless it runs."""
        if self.runs(agent):
            return
        stopping = asyncio.Event()
        task = asyncio.create_task(self._supervise(agent, settings, stopping), name=agent)
        self._children[agent] = _Child(task, stopping)

    async def stop(self, agent: AgentName, reason: str) -> None:
        """Ends an agent's harness, with its turn and every process of it."""
        child = self._children.get(agent)
        if child is None:
            return
        child.reason = reason
        child.stopping.set()
        try:
            await child.task
        finally:
            self._children.pop(agent, None)

    async def stop_all(self, reason: str) -> None:
        """Ends every harness, side by side."""
        async with asyncio.TaskGroup() as stops:
            for agent in list(self._children):
                stops.create_task(self.stop(agent, reason))

    async def _supervise(self, agent: AgentName, settings: Path, stopping: asyncio.Event) -> None:
        try:
            await self._keep(agent, settings, stopping)
        except Exception as error:
            extra = fields(agent=agent)
            logger.exception("%s: its harness cannot be kept running", agent, extra=extra)
            await self._say(agent, Link.OFFLINE, f"the harness could not be started: {error}")

    async def _keep(self, agent: AgentName, settings: Path, stopping: asyncio.Event) -> None:
        pause = RESTART_FIRST
        while not stopping.is_set():
            await self._say(agent, Link.STARTING, "the harness starts")
            began = asyncio.get_running_loop().time()
            status = await self._run_once(agent, settings, stopping)
            ran = asyncio.get_running_loop().time() - began
            if stopping.is_set():
                break
            extra = fields(agent=agent)
            logger.error(
                "%s: harness ended with status %d after %.0f s", agent, status, ran, extra=extra
            )
            await self._say(agent, Link.OFFLINE, f"the harness ended with status {status}")
            pause = RESTART_FIRST if ran > STEADY else pause
            await _wait(stopping, pause)
            pause = min(pause * 2, RESTART_MOST)
        await self._say(agent, Link.OFFLINE, self._children[agent].reason)

    async def _run_once(self, agent: AgentName, settings: Path, stopping: asyncio.Event) -> int:
        # A session of its own: Ctrl-C in the terminal reaches this process alone, which then
        # lets every harness end its turn in order.
        process = await asyncio.create_subprocess_exec(
            *harness_command(settings),
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=functools.partial(die_with, os.getpid()),
        )
        ended = asyncio.create_task(process.wait())
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not ended.done():
            process.send_signal(signal.SIGTERM)
            await asyncio.wait({ended}, timeout=STOP_SECONDS)
        if not ended.done():
            extra = fields(agent=agent)
            logger.error(
                "%s: harness did not end in %g s; killed", agent, STOP_SECONDS, extra=extra
            )
            process.kill()
        status = await ended
        # What a killed harness could not end itself.
        await asyncio.to_thread(ProcessLauncher(read_settings(settings)[0]).clear)
        return status

    async def _say(self, agent: AgentName, link: Link, reason: str) -> None:
        try:
            await self._core.store.write(set_link, agent, link, reason, now=self._core.clock())
        except StoreUnavailableError as error:
            logger.error("%s: %s: %s", agent, reason, error.what, extra=fields(agent=agent))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
