"""Whether what is asked for fits the hive as it is now, with what the store knows of it."""

import asyncio
import math
from collections.abc import Callable
from typing import Final, TypeVar

from hyperhive.broker.approvals import candidates, requests
from hyperhive.broker.approvals.candidates import Candidate
from hyperhive.broker.core import Core
from hyperhive.errors import InputError
from hyperhive.hive.members import Members
from hyperhive.hive.names import OPERATOR, AgentName
from hyperhive.store import approval_rows
from hyperhive.store.approval_rows import Approval
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.store.container_rows import read_container
from hyperhive.store.container_states import Wanted
from hyperhive.store.transaction import Transaction

MOST_AN_HOUR: Final = 60
"""Approvals that an agent may ask for within an hour. They are kept for ever, with their files."""
_HOUR: Final = 3600.0
_Made = TypeVar("_Made")


class Fitness:
    """Looks at one broker's hive and store. Every check raises InputError where it does not fit."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._computing = asyncio.Lock()

    async def computed(self, compute: Callable[[], _Made]) -> _Made:
        """What a function returns that looks at what an agent wrote.

        That can take a while, which is kept from the event loop; and one at a time, so that many at
        once keep no more than one thread busy.
        """
        async with self._computing:
            return await asyncio.to_thread(compute)

    async def pending_spawns(self, but: str) -> int:
        """How many agents were asked for and are not decided; `but` does not count."""
        return await self._core.store.read(approval_rows.pending_spawns, but)

    async def check_rate(self, by: str) -> None:
        """See that somebody who is not the operator has not asked for too much lately."""
        if by == OPERATOR:
            return
        core = self._core
        first = await core.store.read(approval_rows.asked_at, by, MOST_AN_HOUR)
        # A clock that was set back is no reason to wait for long.
        if first is not None and first <= core.clock() < first + _HOUR:
            minutes = math.ceil((first + _HOUR - core.clock()) / 60)
            raise InputError(
                f"{by} has asked for {MOST_AN_HOUR} approvals within an hour",
                f"ask again in {minutes} minutes, with all changes of an agent in one commit",
            )

    async def to_come(self, but: int | None = None) -> Members:
        """The hive with the agents that are to be spawned.

        Args:
            but: an approval that is left out.
        """
        waiting = await self._core.store.read(approval_rows.unfinished)
        others = [approval for approval in waiting if approval.id != but]
        return candidates.with_waiting(self._core.members, others)

    async def candidate(self, approval: Approval) -> Candidate:
        """The hive with what an approval is about."""
        files = {name: text.encode() for name, text in approval.files.items()}
        if approval.kind is ApprovalKind.SPAWN:
            members = await self.to_come(but=approval.id)
            return await self.computed(
                lambda: candidates.spawn_candidate(
                    members, approval.agent, approval.description, files, approval=approval.id
                )
            )
        members = self._core.members
        agent = candidates.member(members, approval.agent)
        return await self.computed(lambda: candidates.commit_candidate(members, agent, files))

    async def check(self, approval: Approval) -> None:
        """See that an approval that is pending can be approved."""
        agent = AgentName(approval.agent)
        # What it changes was shown beside what runs, which is about to be something else.
        await self.check_runs_as_it_is(agent, but=approval.id)
        await self.candidate(approval)
        if approval.kind is ApprovalKind.ALLOW_RULE and (
            requests.parent_of(approval) != await self.running_commit(agent)
        ):
            raise InputError(
                f"{agent} runs with other settings than when the rule was asked for",
                f"hyperhive deny {approval.id}, and allow the rule again",
            )
        if approval.kind is ApprovalKind.SPAWN:
            await self.check_is_new(agent)

    async def check_runs_as_it_is(self, agent: AgentName, but: int | None = None) -> None:
        """See that nothing is to be deployed that a change of what runs now would take back.

        Args:
            but: an approval that does not count.
        """
        for other in await self._core.store.read(approval_rows.unfinished):
            if other.agent == agent and other.id != but:
                raise InputError(
                    f"approval {other.id} is being deployed for {agent}",
                    "wait until that has ended",
                )

    async def check_is_new(self, agent: AgentName) -> None:
        """See that the hive keeps nothing of an agent of this name that it had."""
        if await self._core.store.write(_is_former, agent):
            raise InputError(
                f"{agent} was an agent of this hive, and its state is kept",
                f"use another name, or have the operator run: hyperhive agent purge {agent}",
            )

    async def running_commit(self, agent: AgentName) -> str | None:
        """The commit that was deployed last; None: the agent runs as it is declared."""
        deployed = await self._core.store.read(approval_rows.last_deployed, agent)
        return None if deployed is None else deployed.commit


def _is_former(tx: Transaction, agent: str) -> bool:
    """Whether the hive had such an agent, and was not told to remove what it left."""
    try:
        wanted = read_container(tx, agent).wanted
    except KeyError:
        return False
    asked = approval_rows.last_approved(tx, agent)
    never_was = asked is not None and (asked.kind, asked.state) == (
        ApprovalKind.SPAWN,
        ApprovalState.FAILED,
    )
    return wanted is not Wanted.PURGED and not never_was
