"""What can be wrong with what is asked of an approval."""

from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import OPERATOR
from hyperhive.store.approval_rows import Approval


class ApprovalClosedError(HyperhiveError):
    """It is not in a state in which this can be done; it may be that somebody else was first."""

    def __init__(self, approval: Approval) -> None:
        super().__init__(approval.standing, f"see: hyperhive show {approval.id}")
        self.approval = approval


class PendingApprovalError(HyperhiveError):
    """Another approval about the same agent waits for the operator."""

    def __init__(self, approval: Approval, by: str) -> None:
        """Args: by: who asks for the new one."""
        super().__init__(
            f"approval {approval.id} about {approval.agent} is pending",
            f"pass supersede={approval.id} to have the new one take its place"
            if may_set_aside(approval, by)
            else f"{approval.submitted_by} asked for it: wait until it is decided",
        )
        self.approval = approval


def may_set_aside(approval: Approval, by: str) -> bool:
    """Whether who asks for a newer one may have it take the place of this one: of the operator's
    only the operator."""
    return by == OPERATOR or approval.submitted_by != OPERATOR


class OtherCommitError(HyperhiveError):
    """What was looked at is not what the approval is about."""


class NotYoursError(HyperhiveError):
    """It belongs to somebody else, or is about something else."""


class EarlierApprovalError(HyperhiveError):
    """An older approval about the same agent is to be done first."""
