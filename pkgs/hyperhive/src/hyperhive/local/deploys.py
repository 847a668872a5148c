"""Approvals in a hive without containers: settings are written, and a harness begins with them."""

import asyncio
import hashlib
import logging
from contextlib import suppress
from pathlib import Path
from typing import Final

from hyperhive.broker.core import Core
from hyperhive.errors import HyperhiveError
from hyperhive.hive.members import Approved, Members
from hyperhive.hive.names import AgentName
from hyperhive.local.harness_processes import HarnessProcesses
from hyperhive.local.settings import write_settings
from hyperhive.logs import fields
from hyperhive.store import listing
from hyperhive.store.agents import settle
from hyperhive.store.approval_rows import Approval
from hyperhive.store.approval_states import ApprovalKind

logger: Final = logging.getLogger(__name__)

HELLO_SECONDS: Final = 30.0
"""How long a harness with new settings may take to say hello."""


class LocalDeploys:
    """Deploys one approval after the other about each agent; the caller sees to that.

    A kill in the middle leaves nothing half: at the next start every agent's settings are written
    as the store has them, and what is unfinished is done anew.
    """

    def __init__(
        self, core: Core, processes: HarnessProcesses, claude: str, hello_seconds: float
    ) -> None:
        self._core = core
        self._processes = processes
        self._claude = claude
        self._hello_seconds = hello_seconds

    async def deploy(self, id: int, agent: AgentName) -> None:
        """Gives an agent what was approved, or leaves it as it was, and says which.

        Raises:
            HyperhiveError: it is not approved, or is done already; or nothing can be written.
        """
        core = self._core
        approval = await core.approvals.begin(id)
        # A harness with the new settings is given no turn before the rest of them holds: a model
        # is none of the harness's settings.
        with core.harnesses.held(agent):
            try:
                changes = await self._apply(approval, agent)
            except (HyperhiveError, OSError) as error:
                what = error.what if isinstance(error, HyperhiveError) else _in_words(error)
                extra = fields(agent=agent, approval=id)
                logger.error("%s: approval %d failed: %s", agent, id, what, extra=extra)
                await self._undo(approval, agent)
                await core.approvals.finish(id, error=what)
            else:
                await core.approvals.finish(id, changes=changes)
        await core.store.write(settle, agent, now=core.clock())

    async def _apply(self, approval: Approval, agent: AgentName) -> list[str]:
        """Has an agent run with what was approved; what was done for that, in words."""
        members = self._with(approval, agent)
        if agent in members.problems:
            raise members.problems[agent]
        settings = self._core.paths.agent(agent).settings
        before = _digest(settings)
        write_settings(members.hive, self._core.paths, agent, self._claude)
        digest = _digest(settings)
        changes = [] if digest == before else ["settings written"]
        if self._processes.runs(agent):
            if digest != before:
                await self._restart(agent, f"approval {approval.id} is deployed")
                changes.append("harness restarted")
        elif approval.kind is ApprovalKind.SPAWN:
            self._processes.start(agent, settings)
            changes.append("harness started")
        if self._processes.runs(agent):
            await self._hello(agent, digest)
        if members.hive.agents[agent].packages or approval.extra_nix:
            changes.append("packages and extra.nix have no effect without a container")
        return changes

    async def _undo(self, approval: Approval, agent: AgentName) -> None:
        """Has all be as it was before; what cannot be is logged."""
        paths = self._core.paths.agent(agent)
        reason = f"approval {approval.id} failed"
        try:
            if approval.kind is ApprovalKind.SPAWN:
                await self._processes.stop(agent, reason)
                paths.settings.unlink(missing_ok=True)
                for made in (paths.work, paths.state, paths.claude, paths.home):
                    # What somebody has put there meanwhile is kept.
                    with suppress(OSError):
                        made.rmdir()
                return
            before = _digest(paths.settings)
            write_settings(self._core.hive, self._core.paths, agent, self._claude)
            if _digest(paths.settings) != before and self._processes.runs(agent):
                await self._restart(agent, reason)
        except OSError:
            logger.exception("%s: not all is as it was", agent, extra=fields(agent=agent))

    def _with(self, approval: Approval, agent: AgentName) -> Members:
        """The hive as it will be."""
        members = self._core.members
        if approval.kind is ApprovalKind.SPAWN:
            return members  # who is being spawned is a member
        had = members.approved.get(agent)
        return members.replaced(
            agent, Approved(approval.files, None if had is None else had.spawned)
        )

    async def _restart(self, agent: AgentName, reason: str) -> None:
        await self._processes.stop(agent, reason)
        self._processes.start(agent, self._core.paths.agent(agent).settings)

    async def _hello(self, agent: AgentName, digest: str | None) -> None:
        """Waits until an agent's harness runs with the settings of this digest.

        Raises:
            HyperhiveError: it takes too long.
        """
        try:
            async with asyncio.timeout(self._hello_seconds):
                with self._core.bus.event_bell() as bell:
                    while (await self._row(agent))["harness_settings"] != digest:
                        await bell.wait()
        except TimeoutError:
            reason = (await self._row(agent))["reason"]
            raise HyperhiveError(
                f"{agent}'s harness did not say hello with the new settings in"
                f" {self._hello_seconds:g} s" + (f": {reason}" if reason else ""),
                "see what the hive logs",
            ) from None

    async def _row(self, agent: AgentName) -> listing.Row:
        row = await self._core.store.read(listing.agent, agent)
        assert row is not None, f"{agent} has no row"
        return row


def _in_words(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _digest(file: Path) -> str | None:
    """Of the contents of a file of settings, as a harness says it; None: there is none."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
