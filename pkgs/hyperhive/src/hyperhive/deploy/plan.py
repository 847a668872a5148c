"""What is to be done for an agent: the difference between what is desired and what is there. Pure.

The order is what makes a crash harmless. A container never runs with files of another range than
its conf's: it is stopped, its files change hands, then its conf. A system is built before anything
but its unit's settings is touched, so that one that does not build leaves an agent as it was, and
no conf is written where there is no system to be started. And a container's profile goes before its
conf, without which its unit starts no more (modules/host/containers.nix).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hyperhive.deploy import steps
from hyperhive.deploy.desired import Desired, DesiredAgent, FormerAgent, Run
from hyperhive.deploy.ownership import Owner
from hyperhive.deploy.record import NO_RECORD, Record, shape_digest
from hyperhive.deploy.steps import Step
from hyperhive.errors import HyperhiveError
from hyperhive.hive.paths import AgentPaths, ContainerPaths
from hyperhive.hive.uids import UidRange

HOME_MODE: Final = 0o755
OWN_MODE: Final = 0o750
SOCKETS_MODE: Final = 0o2750
"""Sockets made in there get the directory's group, the agent's."""

_NO_RUN: Final = "none"
_DOWN: Final = ("inactive", "failed")
"""ActiveState of a unit of which no process is left."""

RUNS: Final = ("active", "reloading", "refreshing")
"""ActiveState of a container that can be asked to take up another system."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an agent lies, what was approved of it, and the broker's uid."""

    agent: AgentPaths
    container: ContainerPaths
    approved: Path
    broker: int


@dataclass(frozen=True, slots=True)
class Observed:
    """What the host has of an agent. None: it is not there.

    Attributes:
        socket_groups: the groups of the sockets.
        system: the store path that the profile leads to; "": none that exists.
        active, invocation: ActiveState of the unit, InvocationID of its last run
            (org.freedesktop.systemd1(5)).
        profiles, root: whether its profiles, the container's file system are there.
        proposals: whether there is the broker's repository of what was proposed of it.
        approved: whether anything was approved of it.
    """

    home: Owner | None = None
    state: Owner | None = None
    claude: Owner | None = None
    proposed: Owner | None = None
    config: Owner | None = None
    sockets: Owner | None = None
    socket_groups: frozenset[int] = frozenset()
    conf: bytes | None = None
    drop_in: bytes | None = None
    record: Record = NO_RECORD
    system: str = ""
    active: str = "inactive"
    invocation: str = ""
    profiles: bool = False
    root: bool = False
    proposals: bool = False
    approved: bool = False

    @property
    def up(self) -> bool:
        """Whether the container runs, starts, or is about to be started again."""
        return self.active not in {*_DOWN, "deactivating"}

    @property
    def run(self) -> str:
        """The only run that the record may be of. None while it is down, nor where it was started
        without its drop-in, which a boot takes away."""
        return self.invocation if self.up and self.drop_in is not None else _NO_RUN

    @property
    def shape(self) -> str:
        """What the container runs with, or would be started with; "": not known."""
        if self.run == _NO_RUN:
            return "" if self.up or self.record.run else self.record.shape
        return self.record.shape if self.record.run in ("", self.run) else ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps for an agent.

    Attributes:
        early: done for every agent before systemd reads its units anew.
        late: done after that.
    """

    early: tuple[Step, ...]
    late: tuple[Step, ...]

    @property
    def all(self) -> tuple[Step, ...]:
        """Every step in order."""
        return self.early + self.late

    @property
    def builds(self) -> bool:
        """Whether it may take long."""
        return any(isinstance(step, steps.Build) for step in self.late)


def plan(desired: Desired, observed: Observed, place: Place, *, rebuild: bool = False) -> Plan:
    """The steps that make what is observed what is desired.

    Args:
        desired: the agent as it should be.
        observed: as it is.
        place: where it is.
        rebuild: build its system though nothing that is known of has changed.
    """
    match desired:
        case FormerAgent():
            return _retire(desired, observed, place)
        case DesiredAgent():
            early: list[Step] = []
            shape = shape_digest(desired.conf, desired.drop_in)
            if observed.record.shape and not observed.record.run and observed.shape != shape:
                early.append(steps.NoteRun(observed.run))
            if observed.drop_in != desired.drop_in:
                early.append(steps.WriteDropIn(desired.drop_in))
            late = _reconcile(desired, observed, place, shape, rebuild=rebuild)
            return Plan(tuple(early), tuple(late))


def _reconcile(
    desired: DesiredAgent, observed: Observed, place: Place, shape: str, *, rebuild: bool
) -> Iterator[Step]:
    paths = place.agent
    own = [
        *_directory(paths.home, observed.home, Owner(0, 0, HOME_MODE)),
        *_tree(paths.state, observed.state, desired.uids),
        *_tree(paths.claude, observed.claude, desired.uids),
        *_directory(paths.proposed, observed.proposed, Owner(0, 0, HOME_MODE)),
        *_tree(paths.config, observed.config, desired.config_uids),
    ]
    reowns = {step.path for step in own if isinstance(step, steps.OwnTree)} - {paths.config}
    sockets = Owner(place.broker, desired.uids.agent, SOCKETS_MODE)
    if observed.sockets != sockets or observed.socket_groups - {sockets.gid}:
        own.append(steps.OwnSockets(sockets))
    conf = [] if observed.conf == desired.conf else [steps.WriteConf(desired.conf)]
    builds = rebuild or not (
        observed.system == observed.record.system and desired.digest == observed.record.digest
    )
    build = [steps.Build(desired.digest)] if builds or not observed.system else []
    startable = observed.system != "" and not conf and not reowns

    match desired.run:
        case Run.UNSAID if reowns and observed.active not in _DOWN:
            yield steps.Refuse(
                HyperhiveError(
                    f"the uid range of {desired.name} changed, and only the broker can say whether"
                    " its container may be stopped",
                    "see hyperhive.service, then run hyperhive reconcile again",
                )
            )
        case Run.UNSAID:
            yield from own
            if observed.system or observed.conf is not None:
                yield from conf
        case Run.UP if observed.up:
            yield from build
            if reowns:
                yield steps.Stop()
            yield from own
            yield from conf
            if reowns:
                yield steps.Start(shape)
            elif observed.shape != shape:
                yield steps.Restart(shape)
            else:
                if observed.record.run:
                    yield steps.NoteRun("")
                if build or observed.record.running != observed.system:
                    yield steps.Switch(shape) if observed.active in RUNS else steps.Restart(shape)
        case Run.UP | Run.DOWN:
            if observed.active not in _DOWN:
                yield steps.Stop()
            for step in build:
                # What cannot be built anew is better up than down, as long as it is the same agent.
                yield replace(step, needed=not startable)
            yield from own
            yield from conf
            known = observed.shape == shape and observed.record.running == observed.system
            if desired.run is Run.UP:
                yield steps.Start(shape)
            elif build or not known or observed.record.run:
                yield steps.Remember(shape)


def _directory(path: Path, observed: Owner | None, owner: Owner) -> list[Step]:
    if observed == owner:
        return []
    return [steps.MakeDirectory(path, owner, exists=observed is not None)]


def _tree(path: Path, observed: Owner | None, uids: UidRange) -> list[Step]:
    target = Owner(uids.agent, uids.agent, OWN_MODE)
    if observed is None or observed.within(uids):
        # Within the range everything below is, too: the top is the last to change hands.
        return _directory(path, observed, target)
    owned = replace(target, mode=observed.mode)
    return [steps.OwnTree(path, uids), *_directory(path, owned, target)]


def _retire(former: FormerAgent, observed: Observed, place: Place) -> Plan:
    early: list[Step] = []
    late: list[Step] = []
    ours = observed.conf is not None or observed.drop_in is not None
    if ours and observed.active not in _DOWN:
        early.append(steps.Stop())
    if observed.profiles or observed.record != NO_RECORD:
        early.append(steps.RemoveProfile())
    if observed.conf is not None:
        early.append(steps.RemoveConf())
    if observed.drop_in is not None:
        early.append(steps.RemoveDropIn())
    if observed.sockets is not None and not former.declared:
        early.append(steps.RemoveSockets())
    if ours and observed.active == "failed":
        late.append(steps.ForgetFailure())
    if former.purge:
        if observed.home is not None:
            late.append(steps.RemoveTree(place.agent.home))
        if observed.root:
            late.append(steps.RemoveTree(place.container.root))
        if observed.proposed is not None:
            late.append(steps.RemoveTree(place.agent.proposed))
        if observed.proposals and not former.declared:
            late.append(steps.RemoveTree(place.agent.proposals))
        # The last, since it is what a spawned agent is one by.
        if observed.approved and not former.declared:
            late.append(steps.RemoveTree(place.approved))
    return Plan(tuple(early), tuple(late))
