"""What the operator's API says and takes of approvals. Times are seconds since the epoch."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from hyperhive.hive.values import Line
from hyperhive.operator.models import Id, Reason
from hyperhive.store.approval_states import ApprovalKind, ApprovalState

MOST_LOG_LINES: Final = 100
"""Lines of a deploy's log that are kept when it fails."""

ASKED: Final = {
    ApprovalKind.APPLY_COMMIT: "new settings for {}",
    ApprovalKind.SPAWN: "a new agent, {}",
    ApprovalKind.ALLOW_RULE: "one rule more for {}",
}
"""What is asked for, in words, of an agent."""

Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Words = Annotated[str, Field(max_length=1000)]
LogLine = Annotated[str, Field(max_length=4000)]


class Base(StrEnum):
    """What a proposal is compared with."""

    RUNNING = "running"
    """The settings that were deployed last."""
    APPROVED = "approved"
    """Those that the operator approved last, deployed or not."""


class Approval(BaseModel):
    """A wish for a change, and what became of it.

    Attributes:
        commit: the commit whose files are the agent's settings.
        submitted_by: an agent's name, or `operator`.
        reason: why it was denied, cancelled or superseded.
        error: why it failed.
        extra_nix: whether it carries free-form NixOS configuration.
        supersedes, superseded_by: ids of other approvals.
    """

    id: int
    kind: ApprovalKind
    agent: str
    commit: str
    description: str
    submitted_by: str
    created_at: float
    state: ApprovalState
    decided_at: float | None
    decided_by: str | None
    reason: str
    began_at: float | None
    finished_at: float | None
    error: str
    extra_nix: bool
    supersedes: int | None
    superseded_by: int | None


class Effect(BaseModel):
    """One setting that changes.

    Attributes:
        setting: its place in the agent's table: `bash.allow`.
        was, becomes: the values; None: not there.
        layer_was, layer_becomes: the layers that the values come from.
        words: the same in one line, for a reader.
        warnings: what the rule checker says of it, one line each.
        masked_by: what else holds as long as the operator does not take it back; "": nothing.
    """

    setting: str
    was: Any
    becomes: Any
    layer_was: str
    layer_becomes: str
    words: str
    warnings: list[str]
    masked_by: str


class ApprovalDetail(Approval):
    """All that there is to decide by.

    Attributes:
        base: what it was asked to be compared with, and `compared_with` what that is, in words.
        effects: what changes in effect; empty: nothing does.
        warnings: what is to be known of the whole, one line each.
        data_diff: of the files of the proposal but for extra.nix, as a unified diff.
        nix_diff: of the rendered configuration, as a unified diff.
        extra_nix_diff: of extra.nix, as a unified diff; "": it does not change.
        files: the files of the proposal.
        log: the last lines of a deploy that failed.
        problem: why it could not be deployed as things are now; "": it could.
    """

    base: Base
    compared_with: str
    effects: list[Effect]
    warnings: list[str]
    data_diff: str
    nix_diff: str
    extra_nix_diff: str
    files: dict[str, str]
    log: list[str]
    problem: str


class Approve(BaseModel):
    """The operator wants it.

    Attributes:
        commit: the commit that was looked at; another one is refused. None: whichever it is.
    """

    model_config = ConfigDict(extra="forbid")

    commit: Sha | None = None


class Deny(Reason):
    """The operator does not want it."""


class NewRule(BaseModel):
    """A Bash rule to allow an agent: what stands in `Bash(...)`.

    Attributes:
        supersede: the pending approval about this agent that this one takes the place of.
    """

    model_config = ConfigDict(extra="forbid")

    rule: Annotated[Line, Field(min_length=1, max_length=1000)]
    supersede: Id | None = None


class Deployable(BaseModel):
    """What the deploy unit needs of an approval.

    Attributes:
        objects: the commit's objects (see `wire.git_objects.CommitObjects`), to be verified against
            `commit`, which names them.
    """

    id: int
    kind: ApprovalKind
    agent: str
    commit: str
    description: str
    state: ApprovalState
    objects: dict[str, Any]


class DeployOutcome(BaseModel):
    """How a deploy ended.

    Attributes:
        error: why it failed, in one line; "": it is deployed.
        log: the last lines of what it said.
        changes: what was done, a few words each.
    """

    error: Words = ""
    log: Annotated[list[LogLine], Field(max_length=MOST_LOG_LINES)] = []
    changes: Annotated[list[Words], Field(max_length=50)] = []
