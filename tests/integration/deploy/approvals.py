"""A broker in memory with approvals, and all of a host that a deploy may touch."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from hyperhive.deploy.deployment import Deployment
from hyperhive.deploy.hello import settings_digest
from hyperhive.deploy.host import Host
from hyperhive.deploy.patience import Clock, PatientBroker
from hyperhive.errors import HyperhiveError, InputError, NoBrokerError
from hyperhive.hive.names import parse_agent_name
from hyperhive.operator.approval_models import Approval, Deployable, DeployOutcome
from hyperhive.operator.hosting_models import Container, DeploymentReport
from hyperhive.operator.models import Agent
from hyperhive.store.approval_states import UNFINISHED, ApprovalKind, ApprovalState
from hyperhive.store.container_states import Wanted
from hyperhive.wire.git_objects import made
from hyperhive.wire.records import to_json
from tests.integration.deploy.fake_host import HIVE, FakeHost, declared

NOT_COMPARED: Final = {
    ".git/objects",
    ".git/index",
    ".reconciled/lock",
    ".reconciled/interrupted.json",
}
"""In the deploy directory: what git has for itself, and what says nothing of the host."""


@dataclass
class Asked:
    """An approval as the broker has it."""

    deployable: Deployable
    outcome: DeployOutcome | None = None


@dataclass
class ApprovalBroker:
    """The broker of a fake host.

    Attributes:
        wanted: what the operator wants of agents.
        mute: agents whose harness never says hello with new settings.
        away: questions that go unanswered before one is; None: nobody ever answers.
        before: called with the name of each question before it is answered.
        asked: the questions.
    """

    host: FakeHost
    approvals: dict[int, Asked] = field(default_factory=dict)
    wanted: dict[str, Wanted | None] = field(default_factory=dict)
    mute: set[str] = field(default_factory=set)
    away: int | None = 0
    asked: list[str] = field(default_factory=list)
    now: float = 1000.0

    def propose(
        self,
        agent: str,
        agent_toml: str,
        *,
        id: int = 7,
        kind: ApprovalKind = ApprovalKind.APPLY_COMMIT,
        state: ApprovalState = ApprovalState.APPROVED,
        description: str = "",
        **more: str,
    ) -> str:
        """Have an approval about an agent; the id of its commit."""
        files = {"agent.toml": agent_toml, **{name.replace("_", "."): more[name] for name in more}}
        sha, objects = made(
            {name: text.encode() for name, text in files.items()},
            parent=None, name="boss", email="boss@lab.hive.internal", message="Change", at=1,
        )  # fmt: skip
        self.approvals[id] = Asked(
            Deployable(
                id=id, kind=kind, agent=agent, commit=sha, description=description, state=state,
                objects=to_json(objects),
            )
        )  # fmt: skip
        return sha

    def change(self, id: int = 7, **values: Any) -> None:
        """Have the broker say something else of an approval."""
        asked = self.approvals[id]
        asked.deployable = asked.deployable.model_copy(update=values)

    def state(self, id: int = 7) -> ApprovalState:
        """How far an approval has come."""
        return self.approvals[id].deployable.state

    def outcome(self, id: int = 7) -> DeployOutcome:
        """What was told of an approval."""
        found = self.approvals[id].outcome
        assert found is not None, "nothing was told"
        return found

    @contextmanager
    def connect(self) -> Iterator["ApprovalBroker"]:
        if self.away is None or self.away > 0:
            self.away = None if self.away is None else self.away - 1
            raise NoBrokerError("no broker answers", "start one")
        yield self

    def pause(self, seconds: float) -> None:
        self.now += seconds

    # What the broker is asked.

    def containers(self) -> list[Container]:
        self.asked.append("containers")
        spawned = [one.deployable.agent for one in self.approvals.values()]
        return [
            Container(
                agent=name, declared=name in HIVE, autostart=True, wanted=self.wanted.get(name),
                wanted_reason="", should_run=True, state=None, reason="", since=None,
                invocation=None,
            )
            for name in sorted({*HIVE, *self.wanted, *spawned})
            if parses(name)
        ]  # fmt: skip

    def report_deployment(self, agent: str, report: DeploymentReport) -> Container:
        self.asked.append("report")
        [found] = [one for one in self.containers() if one.agent == agent]
        return found

    def agent(self, name: str) -> Agent:
        self.asked.append("agent")
        container = self.host.paths.container(parse_agent_name(name))
        runs = self.host.systemd.active.get(container.unit) == "active"
        digest = settings_digest(container.profile.resolve()) if runs else None
        return cast(Agent, SimpleNamespace(settings="old" if name in self.mute else digest))

    def deployable(self, id: int) -> Deployable:
        self.asked.append("deployable")
        if id not in self.approvals:
            raise InputError(f"there is no approval {id}", "see hyperhive approvals")
        return self.approvals[id].deployable

    def begin_deploy(self, id: int) -> Approval:
        self.asked.append("begin")
        return self._enter(id, ApprovalState.BUILDING)

    def end_deploy(self, id: int, outcome: DeployOutcome) -> Approval:
        self.asked.append("end")
        done = self._enter(id, ApprovalState.FAILED if outcome.error else ApprovalState.DEPLOYED)
        self.approvals[id].outcome = outcome
        return done

    def _enter(self, id: int, state: ApprovalState) -> Approval:
        if self.state(id) not in UNFINISHED:
            raise HyperhiveError(f"approval {id} is {self.state(id)}")
        self.change(id, state=state)
        return cast(Approval, SimpleNamespace(state=state))

    # What is done with it.

    @property
    def patient(self) -> PatientBroker:
        """The broker, waited for by a clock of the test's own."""
        return PatientBroker(self.connect, Clock(lambda: self.now, self.pause))

    def deploy(
        self, id: int = 7, hive: Mapping[str, Any] = HIVE, *, host: Host | None = None
    ) -> None:
        """Do an approval."""
        reads = partial(declared, dict(hive))
        Deployment(id, reads, host or self.host.host, self.patient).run()


def parses(name: str) -> bool:
    """Whether a text is an agent's name."""
    try:
        parse_agent_name(name)
    except InputError:
        return False
    return True


def everything(host: FakeHost, but: Sequence[str] = ()) -> dict[str, Any]:
    """All of the host that a deploy may touch, byte by byte."""
    top = host.paths.hive.state.parent
    found: dict[str, Any] = {}
    running = {
        unit.removeprefix("container@").removesuffix(".service"): active
        for unit, active in host.systemd.active.items()
    }
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        in_deploy = name.removeprefix("state/deploy/")
        if name.startswith(("store/", "bin/", "log", "world", *but)) or any(
            in_deploy == one or in_deploy.startswith(f"{one}/") for one in NOT_COMPARED
        ):
            continue
        if name.startswith("run/h-") and running.get(path.name) != "active":
            continue  # Which system it ran.
        status = path.lstat()
        what: Any = None
        if path.is_symlink():
            what = str(path.readlink())
        elif path.is_file():
            what = path.read_bytes()
        found[name] = (what, oct(status.st_mode), status.st_uid, status.st_gid)
    found["units"] = {
        unit: active for unit, active in host.systemd.active.items() if active != "inactive"
    }
    found["loaded"] = dict(host.systemd.loaded)
    return found


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What is not the same, for a reader."""
    return {
        name: (before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }


def subjects(deploy: Path) -> list[str]:
    """The subjects of the commits to the deploy repository, the newest first."""
    done = subprocess.run(
        ["/usr/bin/git", "-C", deploy, "log", "--format=%s"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()
