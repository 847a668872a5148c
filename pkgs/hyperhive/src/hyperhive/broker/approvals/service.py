"""What may be asked for, what the operator decides, and what becomes of it.

The store says how far an approval has come, and nothing else does: repositories are a copy of it,
and a deploy that was cut off is begun again.
"""

from collections.abc import Sequence
from typing import Any

from hyperhive.broker.core import Core
from hyperhive.hive.names import AgentName
from hyperhive.store.approvals import Approval


class Approvals:
    """The approvals of one broker. Used from its event loop.

    Methods that name an approval raise UnknownApprovalError (a KeyError) where there is none, and
    ApprovalClosedError (a HyperhiveError) where it has gone another way already.
    """

    def __init__(self, core: Core) -> None: ...

    async def submit_commit(
        self,
        by: str,
        agent: str,
        commit: str,
        description: str,
        objects: dict[str, Any] | None,
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

    async def submit_spawn(
        self,
        by: str,
        name: str,
        description: str,
        agent_toml: str | None = None,
        supersede: int | None = None,
    ) -> Approval:
        """Asks for a new agent; errors as for `submit_commit`."""

    async def allow_rule(self, agent: str, rule: str, supersede: int | None = None) -> Approval:
        """Asks, for the operator, for one Bash rule more; errors as for `submit_commit`.

        Args:
            rule: `git push *` or `Bash(git push *)`.
        """

    async def approve(self, id: int, by: str, commit: str | None = None) -> Approval:
        """The operator wants it; that it is done, the answer does not wait for.

        Args:
            commit: the commit that was looked at; another one is refused.

        Raises:
            InputError: it does not fit the hive as it is now.
        """

    async def deny(self, id: int, by: str, reason: str = "") -> Approval:
        """The operator does not want it."""

    async def cancel(self, id: int, by: str, reason: str = "") -> Approval:
        """Who asked for it, or the operator, withdraws it."""

    async def begin(self, id: int) -> Approval:
        """Whoever deploys it begins; saying it twice is no error."""

    async def finish(
        self, id: int, *, error: str = "", log: Sequence[str] = (), changes: Sequence[str] = ()
    ) -> Approval:
        """Whoever deploys it has ended.

        Args:
            error: why it failed, in one line; "": it is deployed.
            log: the last lines of what was said.
            changes: what was done, a few words each.
        """

    def warnings(self, approval: Approval) -> list[str]:
        """What is to be known of the change, one line each."""

    def problem(self, approval: Approval) -> str:
        """Why it could not be deployed as things are now; "": it could."""

    async def resume(self) -> None:
        """At the start, once `core.lifecycle` is set: what was approved and not done is deployed
        again, and what repositories lack is written. Neither is waited for."""

    async def close(self) -> None:
        """At the end of the broker, before its store is closed."""
