"""A host in memory: does the steps of plans as a real one would, and minds what must never be."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from hyperhive.deploy import steps
from hyperhive.deploy.desired import Desired, DesiredAgent, FormerAgent, Run
from hyperhive.deploy.ownership import Owner
from hyperhive.deploy.plan import OWN_MODE, Observed, Place, Plan, plan
from hyperhive.deploy.record import NO_RECORD, Record, shape_digest
from hyperhive.deploy.steps import BOOKKEEPING, RemoveDropIn, Step, WriteDropIn
from hyperhive.hive.names import parse_agent_name
from hyperhive.hive.paths import HostPaths
from hyperhive.hive.uids import FIRST_BASE, SIZE, UidRange

ALICE: Final = parse_agent_name("alice")
HOST: Final = HostPaths.default()
PLACE: Final = Place(
    HOST.hive.agent(ALICE), HOST.container(ALICE), HOST.hive.approved / ALICE, broker=990
)
RANGES: Final = [UidRange(FIRST_BASE + slot * SIZE) for slot in range(3)]
FIRST, SECOND, THIRD = RANGES
DROP_IN: Final = b"# Written by `hyperhive render`\n[Service]\nMemoryMax=1G\n"


def conf_of(uids: UidRange, variant: str = "") -> bytes:
    """A conf for a range."""
    return f"# Written by `hyperhive render`\nPRIVATE_USERS={uids.base}\n{variant}\n".encode()


def range_of(conf: bytes) -> UidRange:
    """The range that a container with this conf lives in."""
    line = next(line for line in conf.decode().splitlines() if line.startswith("PRIVATE_USERS="))
    return UidRange(int(line.removeprefix("PRIVATE_USERS=")))


@dataclass
class ModelledHost:
    """What the host has of alice; `runs` is what her container was really started with."""

    observed: Observed = field(default_factory=Observed)
    runs: tuple[bytes, bytes, str] | None = None
    loaded: bytes | None = None
    """The drop-in as systemd last read it."""
    started: int = 0

    def apply(self, step: Step) -> None:
        """Do a step."""
        now = self.observed
        match step:
            case steps.MakeDirectory(path, owner):
                above = now.proposed if path == PLACE.agent.config else now.home
                assert path in (PLACE.agent.home, PLACE.agent.proposed) or above is not None
                self._own(path, owner)
            case steps.OwnTree(path, uids):
                assert path == PLACE.agent.config or self.runs is None
                before = self._owner(path)
                assert before is not None
                self._own(path, Owner(uids.agent, uids.agent, before.mode))
            case steps.OwnSockets(owner):
                groups = {owner.gid} if now.socket_groups else set[int]()
                self.observed = replace(now, sockets=owner, socket_groups=frozenset(groups))
            case steps.WriteConf(content):
                assert now.system or now.conf is not None, "without a system it would be started"
                self.observed = replace(now, conf=content)
            case steps.WriteDropIn(content):
                self.observed = replace(now, drop_in=content)
            case steps.Build(digest):
                self.set_system(f"/nix/store/{digest}")
                self._record(digest=digest, system=self.observed.system)
            case steps.Stop():
                self.stop("inactive")
            case steps.Start(shape) | steps.Restart(shape):
                self.stop("inactive")
                self._record(shape=shape, run="", running=self.observed.system)
                self.start()
            case steps.Remember(shape):
                assert self.runs is None
                self._record(shape=shape, run="", running=self.observed.system)
            case steps.NoteRun(run):
                self._record(run=run)
            case steps.Switch():
                assert now.active == "active"
                assert self.runs is not None
                self.runs = (*self.runs[:2], now.system)
                self._record(running=now.system)
            case steps.RemoveProfile():
                self.observed = replace(now, system="", profiles=False, record=NO_RECORD)
            case steps.RemoveConf():
                assert now.system == "", "without its conf it would start as the host's root"
                self.observed = replace(now, conf=None)
            case steps.RemoveDropIn():
                self.observed = replace(now, drop_in=None)
            case steps.RemoveSockets():
                self.observed = replace(now, sockets=None, socket_groups=frozenset())
            case steps.ForgetFailure():
                self.observed = replace(now, active="inactive")
            case steps.RemoveTree(path) if path == PLACE.agent.home:
                assert self.runs is None
                self.observed = replace(now, home=None, state=None, claude=None)
            case steps.RemoveTree(path) if path == PLACE.agent.proposed:
                self.observed = replace(now, proposed=None, config=None)
            case steps.RemoveTree(path) if path == PLACE.agent.proposals:
                self.observed = replace(now, proposals=False)
            case steps.RemoveTree(path) if path == PLACE.approved:
                self.observed = replace(now, approved=False)
            case steps.RemoveTree(path):
                assert path == PLACE.container.root
                assert self.runs is None
                self.observed = replace(now, root=False)
            case steps.Refuse(error):
                raise error

    def start(self) -> None:
        """Start the container, by whoever: with what is there."""
        now = self.observed
        assert self.runs is None
        assert now.conf is not None
        assert now.system != ""
        uids = range_of(now.conf)
        for owner in (now.state, now.claude):
            assert owner is not None
            assert owner.within(uids), "it would run with files of another range"
        self.runs = now.conf, self.loaded or b"", now.system
        self.started += 1
        run = str(self.started)
        self.observed = replace(now, active="active", invocation=run, root=True)

    def stop(self, active: str) -> None:
        """The container ends: `inactive`, `failed`."""
        self.runs = None
        self.observed = replace(self.observed, active=active)

    def boot(self) -> None:
        """The host goes down and comes up, without what was in /run."""
        self.stop("inactive")
        self.loaded = None
        now = replace(self.observed, drop_in=None, sockets=None, socket_groups=frozenset())
        self.observed = now

    def reload(self) -> None:
        """systemd reads its units anew."""
        self.loaded = self.observed.drop_in

    def set_system(self, system: str) -> None:
        """Somebody puts a system into the profile."""
        self.observed = replace(self.observed, system=system, profiles=True)

    def _record(self, **values: str) -> None:
        record: Record = replace(self.observed.record, **values)
        self.observed = replace(self.observed, record=record)

    def _owner(self, path: Path) -> Owner | None:
        owner = getattr(self.observed, _field(path))
        assert owner is None or isinstance(owner, Owner)
        return owner

    def _own(self, path: Path, owner: Owner) -> None:
        values: dict[str, Any] = {_field(path): owner}
        self.observed = replace(self.observed, **values)


def _field(path: Path) -> str:
    named = {PLACE.agent.home: "home", PLACE.agent.proposed: "proposed"}
    return named.get(path, path.name)


def carry_out(host: ModelledHost, done: Plan, most: int = 1000) -> None:
    """Do the first steps of a plan, as far as `most`."""
    for step in done.early[:most]:
        host.apply(step)
    if most >= len(done.early):
        if any(isinstance(step, WriteDropIn | RemoveDropIn) for step in done.early):
            host.reload()
        for step in done.late[: most - len(done.early)]:
            host.apply(step)


def fresh(desired: Desired) -> ModelledHost:
    """A host on which a plan was carried out from nothing."""
    host = ModelledHost()
    carry_out(host, plan(desired, host.observed, PLACE))
    return host


def agent(run: Run = Run.UP, **values: Any) -> DesiredAgent:
    """Alice in her first range."""
    made = DesiredAgent(ALICE, FIRST, FIRST, conf_of(FIRST), DROP_IN, "d1", run)
    return replace(made, **values)


def words(desired: Desired, host: ModelledHost) -> list[str]:
    """What is to be done, in a few words each, as the operator hears of it."""
    todo = plan(desired, host.observed, PLACE).all
    return [step.words for step in todo if not isinstance(step, BOOKKEEPING)]


def could_start(now: Observed) -> bool:
    """Whether systemd would start the container."""
    owners = (now.state, now.claude)
    return (
        now.active in ("inactive", "failed")
        and None not in (now.conf, now.drop_in)
        and now.system != ""
        and all(owner and owner.within(range_of(now.conf or b"")) for owner in owners)
    )


def meddle(host: ModelledHost, how: str) -> None:
    """Something happens that nobody planned."""
    now = host.observed
    match how:
        case "the container ends":
            host.stop("inactive")
        case "the container fails":
            host.stop("failed")
        case "it crashed, and is to be started again" if host.runs is not None:
            host.stop("activating")
        case "somebody starts it" if could_start(now):
            host.start()
        case "the host is booted":
            host.boot()
        case "it was started before its settings came" if could_start(now):
            host.boot()
            host.start()
        case "another system" if now.system:
            host.set_system("/nix/store/other")
        case "other permissions" if now.state is not None:
            host.observed = replace(now, state=replace(now.state, mode=0o777))
        case "root takes a directory" if now.claude is not None and host.runs is None:
            host.observed = replace(now, claude=Owner(0, 0, 0o755))
        case "the broker's sockets" if now.sockets is not None:
            host.observed = replace(now, socket_groups=frozenset({990}))


def check(host: ModelledHost, desired: Desired) -> None:
    """The host is as desired."""
    now = host.observed
    if isinstance(desired, FormerAgent):
        assert host.runs is None
        assert (now.conf, now.drop_in, now.system, now.profiles) == (None, None, "", False)
        assert now.sockets is None or desired.declared
        if desired.purge:
            assert (now.home, now.proposed, now.root) == (None, None, False)
            assert desired.declared or not (now.approved or now.proposals)
        return
    assert (now.conf, now.drop_in) == (desired.conf, desired.drop_in)
    for owner, uids in (
        (now.state, desired.uids),
        (now.claude, desired.uids),
        (now.config, desired.config_uids),
    ):
        assert owner == Owner(uids.agent, uids.agent, OWN_MODE)
    assert now.sockets == Owner(PLACE.broker, desired.uids.agent, 0o2750)
    assert now.system == f"/nix/store/{desired.digest}"
    assert (host.runs is not None) == (desired.run is Run.UP)
    if host.runs is not None:
        conf, drop_in, system = host.runs
        assert shape_digest(conf, drop_in) == shape_digest(desired.conf, desired.drop_in)
        assert system == now.system
