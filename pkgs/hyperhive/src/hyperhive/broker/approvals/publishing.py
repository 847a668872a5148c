"""Writes what the store says of approvals into the broker's bare repositories, after it said so.

Nothing of this fails a request: what could not be written is said in the log, and written at the
next start.
"""

import asyncio
import logging
import shutil
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, Final

from hyperhive.broker.approvals.git import GitError, NoGitError
from hyperhive.broker.approvals.proposals import Proposals
from hyperhive.broker.core import Core
from hyperhive.hive.names import AgentName
from hyperhive.logs import fields
from hyperhive.store import approval_rows, approvals
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.wire.git_objects import ObjectsError

logger: Final = logging.getLogger(__name__)


class Publishing:
    """Keeps the bare repositories in line with the store, one writer for each agent."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._proposals = Proposals(core.paths, core.members.declared.hive.name)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._without_git = False

    def later(self, id: int) -> None:
        """Has the repositories say what the store says of an approval, without waiting."""
        self._begin(self.now(id), f"publish approval {id}")

    def all_later(self) -> None:
        """Has every member's repository made, and all written that is not there yet."""
        self._begin(self._all(), "publish approvals")

    async def now(self, id: int) -> None:
        """Has the repositories say what the store says of an approval; raises nothing for it."""
        agent: str | None = None
        try:
            agent = (await self._core.store.read(approval_rows.get, id)).agent
            async with self._turns[agent]:
                # What it is now: it may have gone on while others were written.
                approval = await self._core.store.read(approval_rows.get, id)
                deployed = await self._core.store.read(approval_rows.last_deployed, agent)
                await self._proposals.write(approval, None if deployed is None else deployed.commit)
            await self._core.store.write(approvals.mark_tagged, id, approval.state)
        except StoreUnavailableError as error:
            logger.error("approval %d is not shown yet: %s", id, error.what)
        except NoGitError as error:
            self._say_without_git(error)
        except (GitError, OSError, ObjectsError) as error:
            logger.error(
                "approval %d is not shown in its repository before the next start: %s",
                id, error, extra=fields(agent=agent, approval=id),
            )  # fmt: skip
            if agent is not None:
                self._proposals.forget(AgentName(agent))

    async def remove(self, agent: AgentName) -> None:
        """Removes an agent's repository, which nobody writes to meanwhile."""
        async with self._turns[agent]:
            repository = self._core.paths.agent(agent).proposals
            await asyncio.to_thread(shutil.rmtree, repository, ignore_errors=True)
            self._proposals.forget(agent)

    async def settled(self) -> None:
        """Waits until nothing is left to be written."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Ends what is under way; it is done again at the next start."""
        for task in self._tasks:
            task.cancel()
        await self.settled()

    def _begin(self, what: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(what, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("%s failed", task.get_name(), exc_info=error)

    async def _all(self) -> None:
        for agent in sorted(self._core.hive.agents):
            try:
                async with self._turns[agent]:
                    await self._proposals.make(agent)
            except NoGitError as error:
                self._say_without_git(error)
                return
            except (GitError, OSError) as error:
                logger.error(
                    "%s: no repository of its proposals: %s",
                    agent, error, extra=fields(agent=agent),
                )  # fmt: skip
        for approval in await self._core.store.read(approval_rows.untagged):
            await self.now(approval.id)

    def _say_without_git(self, error: NoGitError) -> None:
        if not self._without_git:
            self._without_git = True
            logger.error(
                "%s: proposals are pinned all the same, but the manager sees none of them in its"
                " repositories; %s, and start the broker again",
                error.what, error.todo,
            )  # fmt: skip
