"""What may be asked for, what the operator decides, and what becomes of it.

The store says how far an approval has come, and nothing else does: repositories are a copy of it,
and a deploy that was cut off is begun again.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hyperhive.broker.approvals import candidates, requests
from hyperhive.broker.approvals.candidates import Candidate
from hyperhive.broker.approvals.deployments import Deployments
from hyperhive.broker.approvals.fitness import Fitness
from hyperhive.broker.approvals.publishing import Publishing
from hyperhive.broker.core import Core
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.names import OPERATOR, AgentName
from hyperhive.logs import fields
from hyperhive.store import approval_rows, approvals, purging
from hyperhive.store.approval_rows import Approval, NewApproval
from hyperhive.store.approval_states import UNFINISHED, ApprovalKind, ApprovalState
from hyperhive.wire.git_objects import CommitObjects
from hyperhive.wire.proposed_repositories import SPAWN

logger: Final = logging.getLogger(__name__)


class Approvals:
    """The approvals of one broker. Used from its event loop.

    Methods that name an approval raise UnknownApprovalError (a KeyError) where there is none, and
    ApprovalClosedError (a HyperhiveError) where it has gone another way already.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._deciding = asyncio.Lock()
        # What the next one may ask for depends on what this one did.
        self._asking = asyncio.Lock()
        self._newest: tuple[int, list[str]] = (0, [])
        self._fitness = Fitness(core)
        self._publishing = Publishing(core)
        self._deployments = Deployments(
            lambda id, agent: core.lifecycle.deploy(id, agent), self._is_unfinished, self._give_up
        )

    async def submit_commit(
        self,
        by: str,
        agent: str,
        commit: str,
        description: str,
        objects: Mapping[str, Any] | None,
        supersede: int | None = None,
    ) -> Approval:
        """Asks that an agent runs with a commit.

        Args:
            by: the agent that asks.
            objects: the commit's objects (see `wire.git_objects.CommitObjects`).
            supersede: the pending approval about this agent that this one takes the place of.

        Raises:
            InputError: it is not something that could be done, or would change nothing.
            PendingApprovalError: another one about the agent is pending.
        """
        members = self._core.members
        name = candidates.member(members, agent)

        def compute() -> tuple[Candidate, CommitObjects]:
            read = requests.objects_of(objects)
            candidate = candidates.commit_candidate(members, name, requests.files_of(commit, read))
            candidates.check_changes(members, name, candidate)
            return candidate, read

        async with self._asking:
            await self._fitness.check_rate(by)
            candidate, read = await self._fitness.computed(compute)
            new = requests.wish(ApprovalKind.APPLY_COMMIT, candidate, by, commit, read, description)
            return await self._submit(new, supersede, candidate)

    async def submit_spawn(
        self,
        by: str,
        name: str,
        description: str,
        agent_toml: str | None = None,
        supersede: int | None = None,
    ) -> Approval:
        """Asks for a new agent; errors as for `submit_commit`.

        Args:
            agent_toml: its settings; None: as those of an agent that declares nothing.
        """
        description = requests.described(description)
        files = requests.spawn_files(name, agent_toml)
        async with self._asking:
            await self._fitness.check_rate(by)
            members = await self._fitness.to_come()
            pending = await self._fitness.pending_spawns(but=name)
            candidate = await self._fitness.computed(
                lambda: candidates.spawn_candidate(
                    members, name, description, files, pending=pending
                )
            )
            await self._fitness.check_is_new(candidate.after.name)
            commit, read = self._made(files, None, by, SPAWN.format(name=name))
            new = requests.wish(ApprovalKind.SPAWN, candidate, by, commit, read, description)
            return await self._submit(new, supersede, candidate)

    async def allow_rule(self, agent: str, rule: str, supersede: int | None = None) -> Approval:
        """Asks, for the operator, for one Bash rule more; errors as for `submit_commit`.

        Args:
            rule: `git push *` or `Bash(git push *)`.
        """
        members = self._core.members
        name = candidates.member(members, agent)
        await self._fitness.check_runs_as_it_is(name)
        text = requests.bash_rule(rule)

        def compute() -> tuple[Candidate, dict[str, bytes]]:
            files = requests.files_with_rule(members, name, text)
            return candidates.commit_candidate(members, name, files), files

        candidate, files = await self._fitness.computed(compute)
        parent = await self._fitness.running_commit(name)
        words = f"Allow Bash({text})"
        commit, read = self._made(files, parent, OPERATOR, f"{words}\n")
        new = requests.wish(ApprovalKind.ALLOW_RULE, candidate, OPERATOR, commit, read, words)
        return await self._submit(new, supersede, candidate)

    async def approve(self, id: int, by: str, commit: str | None = None) -> Approval:
        """The operator wants it; that it is done, the answer does not wait for.

        Args:
            commit: the commit that was looked at; another one is refused.

        Raises:
            InputError: it does not fit the hive as it is now.
        """
        async with self._deciding:
            asked = await self._core.store.read(approval_rows.get, id)
            if asked.state is ApprovalState.PENDING:  # else it is said who decided
                await self._fitness.check(asked)
            approval = await self._decide(id, approve=True, by=by, commit=commit)
        self._publishing.later(id)
        self._deployments.begin(id, AgentName(approval.agent))
        return approval

    async def deny(self, id: int, by: str, reason: str = "") -> Approval:
        """The operator does not want it."""
        approval = await self._decide(id, approve=False, by=by, reason=reason)
        self._publishing.later(id)
        return approval

    async def cancel(self, id: int, by: str, reason: str = "") -> Approval:
        """Who asked for it, or the operator, withdraws it."""
        core = self._core
        approval = await core.store.write(
            approvals.cancel, id, by=by, reason=reason, reader=self._reader, now=core.clock()
        )
        self._publishing.later(id)
        return approval

    async def purge(self, agent: AgentName, reason: str) -> None:
        """The operator has an agent purged: what is pending about it is cancelled.

        Its repository says so before this returns, as whoever called removes that next.
        """
        core = self._core
        cancelled = await core.membership.after(
            f"purging {agent}",
            purging.purge,
            agent,
            reason,
            in_declaration=agent in core.members.declared.agents,
            reader=self._reader,
            now=core.clock(),
        )
        for id in cancelled:
            await self._publishing.now(id)

    async def forget_repository(self, agent: AgentName) -> None:
        """Removes the repository of a purged agent's proposals."""
        await self._publishing.remove(agent)

    async def begin(self, id: int) -> Approval:
        """Whoever deploys it begins; saying it twice is no error."""
        core = self._core
        by = f"approval {id}"
        return await core.membership.after(by, approvals.begin, id, now=core.clock())

    async def finish(
        self, id: int, *, error: str = "", log: Sequence[str] = (), changes: Sequence[str] = ()
    ) -> Approval:
        """Whoever deploys it has ended.

        Args:
            error: why it failed, in one line; "": it is deployed.
            log: the last lines of what was said.
            changes: what was done, a few words each.
        """
        core = self._core
        approval = await core.membership.after(
            f"approval {id}",
            approvals.finish,
            id,
            error=error,
            log=list(log),
            changes=list(changes),
            reader=self._reader,
            now=core.clock(),
        )
        self._deployments.ended(id)
        self._publishing.later(id)
        return approval

    async def warnings(self, approval: Approval) -> list[str]:
        """What is to be known of the change, one line each; none of one that does not fit."""
        id, warnings = self._newest
        if approval.id == id:
            return warnings
        try:
            candidate = await self._fitness.candidate(approval)
        except InputError:
            return []
        return await self._warnings(approval, candidate)

    async def problem(self, approval: Approval) -> str:
        """Why it could not be approved as things are now; "": it could, or is no longer pending."""
        if approval.state is not ApprovalState.PENDING:
            return ""
        try:
            await self._fitness.check(approval)
        except InputError as error:
            return f"{error.what}: {error.todo}" if error.todo else error.what
        return ""

    async def resume(self) -> None:
        """At the start, once `core.lifecycle` is set: what was approved and not done is deployed
        again, and what repositories lack is written. Neither is waited for."""
        for approval in await self._core.store.read(approval_rows.unfinished):
            self._deployments.begin(approval.id, AgentName(approval.agent))
        self._publishing.all_later()

    async def settled(self) -> None:
        """Waits until the repositories have what the store has."""
        await self._publishing.settled()

    async def close(self) -> None:
        """At the end of the broker, before its store is closed."""
        await self._deployments.close()
        await self._publishing.close()

    @property
    def _reader(self) -> str:
        return self._core.hive.manager or OPERATOR

    async def _submit(
        self, new: NewApproval, supersede: int | None, candidate: Candidate
    ) -> Approval:
        core = self._core
        approval = await core.store.write(
            approvals.submit, new, supersede=supersede, reader=self._reader, now=core.clock()
        )
        self._newest = (approval.id, await self._warnings(approval, candidate))
        if approval.supersedes is not None:
            self._publishing.later(approval.supersedes)
        # Who asked may look for it at once.
        await self._publishing.now(approval.id)
        return approval

    async def _warnings(self, approval: Approval, candidate: Candidate) -> list[str]:
        running = await self._fitness.running_commit(candidate.after.name)
        return requests.warnings_of(approval, candidate, running)

    async def _decide(self, id: int, *, approve: bool, by: str, **more: Any) -> Approval:
        core = self._core
        decision = {"reason": "", "commit": None, **more}
        return await core.store.write(
            approvals.decide,
            id,
            approve=approve,
            by=by,
            reader=self._reader,
            now=core.clock(),
            **decision,
        )

    def _made(
        self, files: Mapping[str, bytes], parent: str | None, by: str, message: str
    ) -> tuple[str, CommitObjects]:
        core = self._core
        hive = core.members.declared.hive.name
        return requests.commit_of(files, parent, by, hive, message, at=int(core.clock()))

    async def _is_unfinished(self, id: int) -> bool:
        return (await self._core.store.read(approval_rows.get, id)).state in UNFINISHED

    async def _give_up(self, id: int, error: str) -> None:
        try:
            await self.finish(id, error=error)
        except HyperhiveError as late:
            logger.warning("approval %d: %s", id, late.what, extra=fields(approval=id))
