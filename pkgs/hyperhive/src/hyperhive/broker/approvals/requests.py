"""What somebody asks for, read and made into the files and objects of a commit. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from hyperhive.broker.approvals.candidates import Candidate
from hyperhive.broker.texts import check_text
from hyperhive.errors import InputError
from hyperhive.hive.members import Members
from hyperhive.hive.names import AgentName, parse_agent_name
from hyperhive.hive.proposal import AGENT_TOML, template, with_rule
from hyperhive.store.approval_rows import Approval, NewApproval
from hyperhive.store.approval_states import ApprovalKind
from hyperhive.wire.git_objects import CommitObjects, ObjectsError, made, read_objects, verified
from hyperhive.wire.records import to_json

MOST_DESCRIPTION: Final = 4096
"""Bytes of what is said of a change."""

_RULE: Final = "Bash("


def described(text: str) -> str:
    """What is said of a change.

    Raises:
        InputError: it is too long, or no Unicode text.
    """
    if text.strip():
        check_text(
            "the description", text, MOST_DESCRIPTION,
            todo="say it shorter, or write it into README.md",
        )  # fmt: skip
    return text.strip()


def objects_of(objects: Mapping[str, Any] | None) -> CommitObjects:
    """The objects of a commit, as the bridge sent them with a call.

    Raises:
        InputError: there are none, the bridge could not read them, or they have another form.
    """
    try:
        return read_objects(objects)
    except ObjectsError as error:
        raise InputError(str(error)) from None


def files_of(commit: str, objects: CommitObjects) -> dict[str, bytes]:
    """The files of a commit, whose objects are what its id says.

    Raises:
        InputError: they are not, or are not what a proposal may hold.
    """
    try:
        return dict(verified(commit, objects).files)
    except ObjectsError as error:
        raise InputError(str(error)) from None


def parent_of(approval: Approval) -> str | None:
    """The first parent of an approval's commit."""
    return next(iter(parents_of(approval)), None)


def parents_of(approval: Approval) -> tuple[str, ...]:
    """The parents of an approval's commit."""
    return verified(approval.commit, objects_of(approval.objects)).parents


def warnings_of(approval: Approval, candidate: Candidate, running: str | None) -> list[str]:
    """What is to be known of a change, one line each, and where it may come from.

    Args:
        running: the commit that the agent runs with; None: none was deployed.
    """
    if running is None or not candidate.takes_back or running in parents_of(approval):
        return candidate.warnings
    agent = candidate.after.name
    where = (
        f"{agent} runs with {running}, which is no parent of this commit:"
        f" `git cat-file -p main:agent.toml` in the hive's record of {agent} (main)"
        " has what is deployed"
    )
    return [*candidate.warnings, where]


def spawn_files(name: str, agent_toml: str | None) -> dict[str, bytes]:
    """The files of a new agent.

    Raises:
        InputError: it may not have that name.
    """
    text = template(parse_agent_name(name)) if agent_toml is None else agent_toml
    return {AGENT_TOML: text.encode("utf-8", "replace")}


def bash_rule(text: str) -> str:
    """What stands in `Bash(...)`, with or without that around it."""
    rule = text.strip()
    if rule.startswith(_RULE) and rule.endswith(")"):
        return rule.removeprefix(_RULE).removesuffix(")").strip()
    return rule


def files_with_rule(members: Members, agent: AgentName, rule: str) -> dict[str, bytes]:
    """The files that an agent runs with, and a Bash rule more.

    Raises:
        InputError: it is no rule, or is allowed already.
    """
    allowed = members.effective(agent).agent.bash.allow
    if rule in allowed:
        raise InputError(f"{agent} may run that already: Bash({rule})", "there is nothing to do")
    layer = members.approved.get(agent)
    files = {} if layer is None else dict(layer.files)
    files[AGENT_TOML] = with_rule(files.get(AGENT_TOML, ""), allowed, rule)
    return {name: text.encode() for name, text in files.items()}


def commit_of(
    files: Mapping[str, bytes], parent: str | None, by: str, hive: str, message: str, *, at: int
) -> tuple[str, CommitObjects]:
    """A commit of these files that the hive makes for somebody: its id and its objects.

    Raises:
        InputError: the files are too large.
    """
    try:
        return made(
            files,
            parent=parent,
            name=by,
            email=f"{by}@{hive}.hive.internal",
            message=message,
            at=at,
        )
    except ObjectsError as error:
        raise InputError(str(error)) from None


def wish(
    kind: ApprovalKind,
    candidate: Candidate,
    by: str,
    commit: str,
    objects: CommitObjects,
    description: str,
) -> NewApproval:
    """What the store is asked to keep of a change."""
    agent = candidate.after.name
    files = candidate.members.approved[agent].files
    return NewApproval(
        kind=kind,
        agent=agent,
        commit=commit,
        description=described(description),
        files=files,
        objects=to_json(objects),
        submitted_by=by,
        extra_nix="extra.nix" in files,
    )
