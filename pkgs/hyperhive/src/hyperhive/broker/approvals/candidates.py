"""Whether a change can be made to the hive as it is now, and what it would change. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hyperhive.errors import InputError
from hyperhive.hive.effects import Change, changes, hive_warnings
from hyperhive.hive.layers import Effective
from hyperhive.hive.members import Approved, Members, Spawned
from hyperhive.hive.names import MANAGER, AgentName, parse_agent_name
from hyperhive.hive.proposal import parse_proposal
from hyperhive.hive.taken_back import taken_files, takes_back
from hyperhive.store.approval_states import ApprovalKind
from hyperhive.store.approvals import Approval

SPAWN_OTHERWISE: Final = "list_agents says who is in the hive: use another name"


class UnknownAgentError(InputError):
    """The hive has no such agent."""


class NothingChangesError(InputError):
    """The agent runs with this already."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change that fits the hive.

    Attributes:
        members: the hive with it.
        before, after: the agent without it (None: it is new) and with it.
        changes: what it changes in effect.
        warnings: what is to be known of it, one line each.
        takes_back: whether it takes away what was approved.
    """

    members: Members
    before: Effective | None
    after: Effective
    changes: list[Change]
    warnings: list[str]
    takes_back: bool


def member(members: Members, name: str) -> AgentName:
    """The agent of this name.

    Raises:
        UnknownAgentError: there is none.
    """
    if name not in members.hive.agents:
        raise UnknownAgentError(
            f"there is no agent {name[:40]!r} in this hive",
            f"name one of: {', '.join(sorted(members.hive.agents))}",
        )
    return AgentName(name)


def with_waiting(members: Members, waiting: Iterable[Approval]) -> Members:
    """The hive with those agents as well that are to be spawned and are not yet.

    Args:
        waiting: approvals that are approved or building.
    """
    for approval in waiting:
        name = AgentName(approval.agent)
        if approval.kind is ApprovalKind.SPAWN and name not in members.approved:
            spawned = Spawned(approval.description, approval.id)
            members = members.replaced(name, Approved(approval.files, spawned))
    return members


def commit_candidate(members: Members, agent: AgentName, files: Mapping[str, bytes]) -> Candidate:
    """An agent with the files of a commit.

    Raises:
        InputError: they are not what a proposal may hold, or do not fit the hive.
    """
    extra_nix = members.hive.agents[agent].extra_nix
    proposal = parse_proposal(files, extra_nix=extra_nix)
    layer = members.approved.get(agent)
    return _candidate(
        members, agent, Approved(proposal.files, None if layer is None else layer.spawned)
    )


def spawn_candidate(
    members: Members,
    name: str,
    description: str,
    files: Mapping[str, bytes],
    *,
    approval: int = 0,
    pending: int = 0,
) -> Candidate:
    """A new agent.

    Args:
        members: with those that are to be spawned; see `with_waiting`.
        approval: which makes it.
        pending: how many others were asked for and are not decided.

    Raises:
        InputError: there may be no such agent; says why.
    """
    most = members.declared.hive.spawn.most
    agent = parse_agent_name(name)
    if most == 0:
        raise InputError(
            "nobody may ask for new agents in this hive", "the operator declares hive.spawn.most"
        )
    if name == MANAGER:
        raise InputError('"manager" stands for the manager, whatever its name', SPAWN_OTHERWISE)
    if agent in members.hive.agents or agent in members.approved:
        raise InputError(f"there is an agent {name} already", SPAWN_OTHERWISE)
    if (count := len(members.spawned)) >= most:
        raise InputError(
            f"the hive has {count} of at most {most} spawned agents",
            "the operator purges one of them, or declares a larger hive.spawn.most",
        )
    if count + pending >= most:
        raise InputError(
            f"the hive has {count} of at most {most} spawned agents, and {pending} more"
            f" {'is' if pending == 1 else 'are'} asked for",
            "wait until the operator has decided, or withdraw one with cancel_approval",
        )
    proposal = parse_proposal(files, extra_nix=False)
    return _candidate(members, agent, Approved(proposal.files, Spawned(description, approval)))


def _candidate(members: Members, agent: AgentName, layer: Approved) -> Candidate:
    replaced = members.replaced(agent, layer)
    if problem := replaced.problems.get(agent):
        raise problem
    before = members.effective(agent) if agent in members.hive.agents else None
    after = replaced.effective(agent)
    found = changes(before, after)
    warnings = [f"{one.setting}: {warning}" for one in found for warning in one.warnings]
    warnings += hive_warnings(after, extra_nix=replaced.layers[agent].extra_nix)
    if (
        before is not None
        and not found
        and _extra_nix(members, agent) == _extra_nix(replaced, agent)
    ):
        warnings.append("nothing changes in effect: was agent.toml edited and committed?")
    approved = members.approved.get(agent)
    files = taken_files({} if approved is None else approved.files, layer.files)
    takes = takes_back(before, after) or bool(files)
    return Candidate(replaced, before, after, found, [*warnings, *files], takes)


def _extra_nix(members: Members, agent: AgentName) -> str | None:
    layer = members.layers.get(agent)
    return None if layer is None else layer.extra_nix


def check_changes(members: Members, agent: AgentName, candidate: Candidate) -> None:
    """See that a change changes something.

    Raises:
        NothingChangesError: the agent runs with it already.
    """
    layer = members.approved.get(agent)
    running = {} if layer is None else dict(layer.files)
    if not candidate.changes and running == dict(candidate.members.approved[agent].files):
        raise NothingChangesError(
            f"{agent} runs with this already", "commit a change first, or leave it at that"
        )
