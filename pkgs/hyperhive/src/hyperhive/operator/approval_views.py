"""What an approval changes: in effect, in its files and in what is rendered from them. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass

from hyperhive.errors import InputError
from hyperhive.hive.effect_warnings import hive_warnings
from hyperhive.hive.effects import changes
from hyperhive.hive.layers import Effective
from hyperhive.hive.members import Approved, Members, Spawned
from hyperhive.hive.names import AgentName
from hyperhive.hive.proposal import EXTRA_NIX
from hyperhive.hive.taken_back import taken_files
from hyperhive.operator.approval_models import ApprovalDetail, Base, Effect
from hyperhive.operator.unified_diff import files_diff
from hyperhive.render.agent import Host, agent_files
from hyperhive.store.approval_rows import Approval
from hyperhive.store.approval_states import OPEN, ApprovalKind, ApprovalState
from hyperhive.wire.proposed_repositories import FILES


@dataclass(frozen=True, slots=True)
class Compared:
    """What an approval is compared with.

    Attributes:
        layer: what was approved of the agent; None: nothing, or there is no agent yet.
        words: the same for a reader, after "compared with".
        files: the files that the approval's are compared with.
    """

    base: Base
    layer: Approved | None
    words: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """How things are with the agent now.

    Attributes:
        problem: why the approval could not be deployed; "": it could.
        model: what the operator set at run time; None: what is declared or approved holds.
        turn: whether one of its turns runs.
        stopped: whether the operator wants it not to run.
    """

    problem: str = ""
    model: str | None = None
    turn: bool = False
    stopped: bool = False


def compared(
    approval: Approval, base: Base, members: Members, earlier: Approval | None
) -> Compared:
    """What there is to compare with.

    Args:
        members: the hive as it is now.
        earlier: the newest approval about the agent, older than this one, that was deployed, or
            for `Base.APPROVED` approved.
    """
    layer, words = _compared(approval, base, members, earlier)
    if layer is not None:
        return Compared(base, layer, words, layer.files)
    files = _begun_with(approval.files)
    if files:
        words += f"; {' and '.join(files)} with what hyperhive writes there to begin with"
    return Compared(base, None, words, files)


def _compared(
    approval: Approval, base: Base, members: Members, earlier: Approval | None
) -> tuple[Approved | None, str]:
    name = AgentName(approval.agent)
    if approval.kind is ApprovalKind.SPAWN:
        return None, "nothing, since the agent is new"
    layer = members.approved.get(name)
    if base is Base.RUNNING and approval.state in OPEN:
        return layer, f"what is deployed, {_running(members, name, earlier)}"
    done = "deployed" if base is Base.RUNNING else "approved"
    if earlier is None:
        return None, f"{name} as declared (nothing was {done} before it)"
    before = Approved(earlier.files, None if layer is None else layer.spawned)
    failed = ", which failed" if earlier.state is ApprovalState.FAILED else ""
    return before, f"approval {earlier.id}, the last one {done} before it{failed}"


def detail(
    approval: Approval, against: Compared, members: Members, standing: Standing, host: Host
) -> ApprovalDetail:
    """All that there is to decide by.

    The texts in it are as the manager wrote them: whoever shows them makes them fit for that.

    Args:
        members: the hive as it is now.
        host: where what is rendered is deployed to.
    """
    name = AgentName(approval.agent)
    spawns = approval.kind is ApprovalKind.SPAWN
    without = members.replaced(name, None if spawns else against.layer)
    candidate = members.replaced(name, _layer(approval, members))
    effects: list[Effect] = []
    warnings: list[str] = []
    nix_diff, problem = "", standing.problem
    try:
        after = _effective(candidate, name)
        before = None if spawns else _effective(without, name)
        effects = [
            Effect.model_validate(asdict(change))
            for change in changes(before, after, overridden_model=standing.model)
        ]
        warnings = hive_warnings(after, extra_nix=approval.files.get(EXTRA_NIX))
        rendered = {} if spawns else _rendered(without, name, host)
        nix_diff = files_diff(rendered, _rendered(candidate, name, host))
    except InputError as error:
        problem = problem or f"{error.what}; {error.todo}"
    if approval.state is ApprovalState.PENDING:
        warnings += _consequences(name, standing)
    files = against.files
    warnings += taken_files(files, approval.files)
    return ApprovalDetail(
        **{field: getattr(approval, field) for field in _COPIED},
        base=against.base,
        compared_with=against.words,
        effects=effects,
        warnings=warnings,
        data_diff=files_diff(_but_extra(files), _but_extra(approval.files)),
        nix_diff=nix_diff,
        extra_nix_diff=files_diff(_extra(files), _extra(approval.files)),
        problem=problem,
    )


_COPIED = [field for field in ApprovalDetail.model_fields if field in Approval.__dataclass_fields__]


def _layer(approval: Approval, members: Members) -> Approved:
    if approval.kind is ApprovalKind.SPAWN:
        return Approved(approval.files, Spawned(approval.description, approval.id))
    layer = members.approved.get(AgentName(approval.agent))
    return Approved(approval.files, None if layer is None else layer.spawned)


def _effective(members: Members, name: AgentName) -> Effective:
    """An agent's settings.

    Raises:
        InputError: the hive has no such agent, or what was approved of it does not fit.
    """
    if name not in members.hive.agents:
        raise InputError(f"the hive has no agent {name} now", "nothing can be compared")
    if problem := members.problems.get(name):
        raise problem
    return members.effective(name)


def _rendered(members: Members, name: AgentName, host: Host) -> dict[str, str]:
    files = agent_files(members.hive, name, host)
    return {path: text.decode() for path, text in files.items()}


def _consequences(name: AgentName, standing: Standing) -> Iterator[str]:
    if standing.stopped:
        yield f"{name} is stopped: it gets the settings, and stays stopped"
    elif standing.turn:
        yield f"a turn of {name} runs: it ends with the deploy, and its message comes again"


def _running(members: Members, name: AgentName, deployed: Approval | None) -> str:
    layer = members.approved.get(name)
    if layer is None:
        return f"{name} as declared"
    if name in members.problems:
        return f"{name} as declared, since what was approved no longer fits"
    if deployed is not None and deployed.files == layer.files:
        return f"approval {deployed.id}"
    return "what was approved before"


def _begun_with(files: Mapping[str, str]) -> dict[str, str]:
    """Those of hyperhive's own texts that files were made from, as far as a diff tells."""
    return {
        name: text
        for name, text in FILES.items()
        if name in files
        and len(files_diff({name: text}, {name: files[name]}))
        < len(files_diff({}, {name: files[name]}))
    }


def _extra(files: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in files.items() if name == EXTRA_NIX}


def _but_extra(files: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in files.items() if name != EXTRA_NIX}
