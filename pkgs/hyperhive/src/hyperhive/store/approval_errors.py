"""What can be wrong with what is asked of an approval."""

from hyperhive.errors import HyperhiveError
from hyperhive.store.approval_rows import Approval


class ApprovalClosedError(HyperhiveError):
    """It is not in a state in which this can be done; it may be that somebody else was first."""

    def __init__(self, approval: Approval) -> None:
        super().__init__(approval.standing, f"see: hyperhive show {approval.id}")
        self.approval = approval


class PendingApprovalError(HyperhiveError):
    """Another approval about the same agent waits for the operator."""

    def __init__(self, approval: Approval) -> None:
        super().__init__(
            f"approval {approval.id} about {approval.agent} is pending",
            f"pass supersede={approval.id} to have the new one take its place",
        )
        self.approval = approval


class OtherCommitError(HyperhiveError):
    """What was looked at is not what the approval is about."""


class NotYoursError(HyperhiveError):
    """It belongs to somebody else, or is about something else."""


class EarlierApprovalError(HyperhiveError):
    """An older approval about the same agent is to be done first."""
