"""The part of the client that is about approvals."""

from typing import Any

from hyperhive.errors import InputError
from hyperhive.operator.approval_models import (
    Approval,
    ApprovalDetail,
    Approve,
    Base,
    Deny,
    Deployable,
    DeployOutcome,
    NewRule,
)
from hyperhive.operator.connection import Connection, agent_path
from hyperhive.operator.input_errors import as_input


class ApprovalClient(Connection):
    """Asks for approvals and decides on them; and, for root, does them."""

    def approvals(
        self, *, agent: str | None, after: int | None, limit: int, closed: bool = False
    ) -> list[Approval]:
        """Approvals in order; without `after` the newest."""
        state = "all" if closed else "open"
        params = {"agent": agent, "state": state, "after": after, "limit": limit}
        return self._list(Approval, "/api/v1/approvals", params)

    def approval(self, id: int, base: Base = Base.RUNNING) -> ApprovalDetail:
        """One approval, with all that there is to decide by."""
        answer = self._ask("GET", _path(id), params={"base": base.value})
        return ApprovalDetail.model_validate(answer)

    def approval_row(self, id: int) -> Approval:
        """One approval, without all that there is to decide by.

        Raises:
            InputError: there is none.
        """
        rows = self.approvals(agent=None, after=max(0, id - 1), limit=1, closed=True)
        if not rows or rows[0].id != id:
            raise InputError(f"there is no approval {id}", "see hyperhive approvals --all")
        return rows[0]

    def approve(self, id: int, commit: str | None) -> Approval:
        """Decides for it; what is asked for begins.

        Args:
            commit: the commit that was looked at; another one is refused. None: whichever it is.
        """
        return self._approval(f"{_path(id)}/approve", Approve(commit=commit))

    def deny(self, id: int, reason: str = "") -> Approval:
        """Decides against it.

        Raises:
            InputError: the reason is no plain line, or too long.
        """
        with as_input():
            said = Deny(reason=reason)
        return self._approval(f"{_path(id)}/deny", said)

    def allow_rule(self, agent: str, rule: str, supersede: int | None = None) -> Approval:
        """Asks for one Bash rule more for an agent.

        Raises:
            InputError: the rule is no plain line, or too long.
        """
        with as_input():
            new = NewRule(rule=rule, supersede=supersede)
        return self._approval(f"{agent_path(agent)}/allow-rule", new)

    def deployable(self, id: int) -> Deployable:
        """What it takes to do an approval."""
        return Deployable.model_validate(self._ask("GET", f"{_path(id)}/deployable"))

    def begin_deploy(self, id: int) -> Approval:
        """Says that an approval is being done; saying it again changes nothing."""
        return self._approval(f"{_path(id)}/begin", repeatable=True)

    def end_deploy(self, id: int, outcome: DeployOutcome) -> Approval:
        """Says how doing an approval ended."""
        return self._approval(f"{_path(id)}/outcome", outcome)

    def _approval(self, path: str, body: Any = None, *, repeatable: bool = False) -> Approval:
        answer = self._ask("POST", path, body, repeatable=repeatable)
        return Approval.model_validate(answer)


def _path(id: int) -> str:
    return f"/api/v1/approvals/{id}"
