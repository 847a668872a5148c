"""A host in a temporary directory: real files and owners; systemd and Nix are stand-ins."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import pytest

from hyperhive.deploy.broker import wishes_of
from hyperhive.deploy.desired import Wishes
from hyperhive.deploy.host import Host
from hyperhive.deploy.patience import PatientBroker
from hyperhive.deploy.reconcile import Reconciliation
from hyperhive.deploy.task import Outcome
from hyperhive.deploy.whole import reconcile_whole
from hyperhive.errors import HyperhiveError
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import parse_agent_name
from hyperhive.hive.paths import HostPaths, StatePaths
from hyperhive.operator.hosting_models import Container
from hyperhive.systemd.unit_status import UnitStatus

BROKER: Final = 990
ALICE: Final = parse_agent_name("alice")
BOB: Final = parse_agent_name("bob")
BOSS: Final = parse_agent_name("boss")
HIVE: Final[dict[str, Any]] = {
    "boss": {"role": "manager"},
    "alice": {},
    "bob": {"autostart": False},
}
NEW: Final = [
    "write its unit's settings", "build its system", "make {}/", "make state/", "make claude/",
    "make {}/", "make config/", "own its sockets", "write its conf",
]  # fmt: skip
"""What is done for an agent that is new, before it is started."""

NIX: Final = """#!/bin/sh
# nix build … path:DIR#attribute: a "system" that is named after what it was built from.
for last; do :; done
dir=${last#path:}; dir=${dir%%#*}
echo "building $dir" >&2
if grep -q 'model = "unbuildable"' "$dir/agent.nix"; then
    echo "error: attribute 'unbuildable' missing" >&2
    exit 1
fi
system=@store@/$(cat "$dir"/* | sha256sum | cut -c1-32)-system
mkdir -p "$system/etc/hyperhive"
cp "$dir/agent.nix" "$system/etc/hyperhive/agent.json"
echo "[{\\"drvPath\\": \\"$system.drv\\", \\"outputs\\": {\\"out\\": \\"$system\\"}}]"
echo "$dir" >> @log@
"""
NIX_ENV: Final = """#!/bin/sh
# nix-env --profile PROFILE --set SYSTEM: a new generation, unless the newest is the same.
test -d "$4" || exit 1
newest=$(ls "${2%/*}" | sed -n 's/^system-\\([0-9]*\\)-link$/\\1/p' | sort -n | tail -1)
if [ "$(readlink "$2-$newest-link")" != "$4" ]; then
    newest=$((newest + 1))
    ln -s "$4" "$2-$newest-link"
fi
ln -sfn "${2##*/}-$newest-link" "${2%/*}/.system.$$" && mv -T "${2%/*}/.system.$$" "$2"
"""
SYSTEMD_RUN: Final = """#!/bin/sh
echo "$*" >> @log@
machine=${1#--machine=}
readlink -f "@profiles@/$machine/system" > "@running@/$machine"
if [ -e @store@/unswitchable-once ]; then
    rm @store@/unswitchable-once
    echo "unit x failed" >&2
    exit 4
fi
test ! -e @store@/unswitchable || { echo "unit x failed" >&2; exit 4; }
"""


class WholeBroker(Protocol):
    """What a run as the command does it asks."""

    @property
    def patient(self) -> PatientBroker: ...

    def containers(self) -> list[Container]: ...


@dataclass(frozen=True)
class FakeJob:
    """A start job."""

    path: str
    result: str

    def error(self, result: str) -> HyperhiveError | None:
        return None if result == "done" else HyperhiveError(f"{self.path} did not start: {result}")


@dataclass
class FakeSystemd:
    """Units in memory.

    Attributes:
        active: ActiveState of those that were ever started.
        done: what it was asked to do.
        results: how the starts of units end that do not start: `failed`, `canceled`.
        runs: the conf that each container was last started with.
        loaded: the drop-ins, as they were last read.
    """

    paths: HostPaths
    active: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    runs: dict[str, bytes] = field(default_factory=dict)
    loaded: dict[Path, bytes] = field(default_factory=dict)
    _ended: dict[str, str] = field(default_factory=dict)

    def status(self, unit: str) -> UnitStatus:
        active, run = self.active.get(unit, "inactive"), str(self.done.count(f"start {unit}"))
        return UnitStatus(unit, "loaded", active, "", invocation=run)

    def list(self, pattern: str) -> list[UnitStatus]:
        assert pattern == "container@h-*.service"
        return [self.status(unit) for unit in sorted(self.active)]

    def stop(self, unit: str) -> None:
        self.done.append(f"stop {unit}")
        self.active[unit] = "inactive"
        self._runs_now(unit).unlink(missing_ok=True)

    def begin(self, unit: str, verb: Literal["start"]) -> FakeJob:
        self.done.append(f"{verb} {unit}")
        container = unit.removeprefix("container@").removesuffix(".service")
        self.runs[unit] = (self.paths.confs / f"{container}.conf").read_bytes()
        system = (self.paths.profiles / container / "system").resolve()
        self._runs_now(unit).write_text(f"{system}\n")
        result = self.results.get(unit, "done")
        states = {"done": "active", "canceled": "inactive", "failed": "failed"}
        self.active[unit] = states[result]
        self._ended[unit] = result
        return FakeJob(unit, result)

    def ended(self) -> dict[str, str]:
        ended, self._ended = self._ended, {}
        return ended

    def wait(self, seconds: float | None) -> None:
        raise AssertionError("every job ends at once")

    def reset_failed(self, unit: str) -> None:
        self.done.append(f"reset-failed {unit}")
        del self.active[unit]

    def _runs_now(self, unit: str) -> Path:
        """What says which system a container runs."""
        return self.paths.hive.run / unit.removeprefix("container@").removesuffix(".service")

    def reload(self) -> None:
        self.done.append("reload")
        self.loaded = drop_ins(self.paths)


def drop_ins(paths: HostPaths) -> dict[Path, bytes]:
    """The drop-ins of a host by their paths."""
    return {path: path.read_bytes() for path in paths.units.rglob("*.conf")}


@dataclass
class FakeHost:
    """The host and its hive.

    Attributes:
        told: agents of which the end was told.
        read_locked: of each time that the hive was read, whether no other run could be at work.
    """

    paths: HostPaths
    systemd: FakeSystemd
    log: Path
    store: Path
    told: list[str] = field(default_factory=list)
    read_locked: list[bool] = field(default_factory=list)

    def run(
        self,
        hive: dict[str, Any],
        wishes: Wishes | None = None,
        *,
        silent: bool = False,
        scope: str | None = None,
        rebuild: bool = False,
        later: Sequence[Wishes] = (),
    ) -> dict[str, Outcome]:
        """Reconcile once; each agent's outcome by its name. `later`: what is wanted the second time
        that the broker is asked, and so on; the last one holds."""
        wished = None if silent else wishes or {}
        reconciliation = self.reconciliation(hive, wished, scope, rebuild, later)
        with self.host.alone():
            outcomes = reconciliation.run(lambda outcome: self.told.append(outcome.agent))
        return {outcome.agent: outcome for outcome in outcomes}

    def whole(self, hive: dict[str, Any], broker: "WholeBroker") -> dict[str, Outcome]:
        """Reconcile as the command does, with a broker that says what is wanted."""
        ask = partial(wishes_of, broker.containers())
        run = Reconciliation(partial(declared, hive), ask, None, self.host)
        outcomes = reconcile_whole(run, self.host, ask, broker.patient, lambda _: None)
        assert run.left_over is None, run.left_over
        return {outcome.agent: outcome for outcome in outcomes}

    def reconciliation(
        self,
        hive: dict[str, Any],
        wishes: Wishes | None,
        scope: str | None = None,
        rebuild: bool = False,
        later: Sequence[Wishes] = (),
    ) -> Reconciliation:
        """A run that has not begun."""
        name = parse_agent_name(scope) if scope else None
        said = [wishes, *later]
        answers = chain(said, repeat(said[-1]))

        def ask() -> Wishes:
            answer = next(answers)
            if answer is None:
                raise HyperhiveError("the broker is silent")
            return answer

        def read() -> HiveConfig:
            self.read_locked.append(is_locked(self.paths.records / "lock"))
            return declared(hive)

        return Reconciliation(read, ask, name, self.host, rebuild=rebuild)

    @property
    def host(self) -> Host:
        """The same for what changes it."""
        return Host(self.paths, BROKER, self._connect, lambda _: None)

    def logged(self) -> list[str]:
        """What Nix built and systemd-run ran since the last time."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    @contextmanager
    def _connect(self) -> Iterator[FakeSystemd]:
        yield self.systemd


def is_locked(file: Path) -> bool:
    """Whether somebody holds a lock file."""
    if not file.exists():
        return False
    with file.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def with_agent(name: str, **values: Any) -> dict[str, Any]:
    """The hive with other values of one agent."""
    return {**HIVE, name: {**HIVE.get(name, {}), **values}}


def declared(agents: dict[str, Any]) -> HiveConfig:
    """A hive with these agents."""
    return HiveConfig.model_validate({"hive": {"name": "lab"}, "agents": agents})


def paths_of(top: Path) -> HostPaths:
    """Where such a host has everything."""
    return HostPaths(
        hive=StatePaths(top / "state", top / "run"),
        confs=top / "confs",
        units=top / "units",
        roots=top / "roots",
        profiles=top / "profiles",
        gcroots=top / "gcroots",
    )


def make_host(top: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    """A host that has nothing yet."""
    top.chmod(0o755)
    paths = paths_of(top)
    for directory in (paths.hive.state, paths.hive.run, paths.roots, top / "bin", top / "store"):
        directory.mkdir()
    paths.hive.state.chmod(0o1770)
    log = top / "log"
    for name, script in (("nix", NIX), ("nix-env", NIX_ENV), ("systemd-run", SYSTEMD_RUN)):
        program = top / "bin" / name
        places = {"store": top / "store", "log": log, "running": paths.hive.run}
        text = script
        for place, path in {**places, "profiles": paths.profiles}.items():
            text = text.replace(f"@{place}@", str(path))
        program.write_text(text)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{top}/bin:/usr/bin:/bin")
    return FakeHost(paths, FakeSystemd(paths), log, top / "store")
