"""What an approval is about, and how far it has come.

pending → approved → building → deployed
        ↘ denied             ↘ failed
        ↘ cancelled, superseded
"""

from enum import StrEnum
from typing import Final


class ApprovalKind(StrEnum):
    """What the operator is asked for."""

    APPLY_COMMIT = "apply_commit"
    """To give an agent the settings of a commit."""
    SPAWN = "spawn"
    """To make a new agent."""
    ALLOW_RULE = "allow_rule"
    """To give an agent a rule more; asked for by the operator."""


class ApprovalState(StrEnum):
    """How far it has come."""

    PENDING = "pending"
    """The operator has not decided."""
    APPROVED = "approved"
    """The operator wants it; nothing has begun."""
    BUILDING = "building"
    """It is being done."""
    DEPLOYED = "deployed"
    """The agent runs with it."""
    FAILED = "failed"
    """It could not be done; everything is as it was."""
    DENIED = "denied"
    """The operator does not want it."""
    CANCELLED = "cancelled"
    """Who asked for it withdrew it."""
    SUPERSEDED = "superseded"
    """A newer one about the same agent took its place before it was decided."""


UNFINISHED: Final = (ApprovalState.APPROVED, ApprovalState.BUILDING)
"""States of what the operator wants and what is not done yet."""

OPEN: Final = (ApprovalState.PENDING, *UNFINISHED)
"""States that something follows."""
