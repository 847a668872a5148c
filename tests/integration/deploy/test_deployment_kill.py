"""A deploy that is killed (SIGKILL) at any moment: the next run has everything before or after."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from tests.integration.deploy.approvals import ApprovalBroker, differences, everything
from tests.integration.deploy.deploy_process import load, save
from tests.integration.deploy.fake_host import HIVE, FakeHost
from tests.tools import ROOT

pytestmark = pytest.mark.usefixtures("as_root")

DEADLINE: Final = 60.0


def begin(top: Path, *words: str) -> "subprocess.Popen[str]":
    """Begin a process; it is at work when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.deploy.deploy_process", top, *words],
        cwd=ROOT, env={"PATH": f"{top}/bin:/usr/bin:/bin"}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def to_its_end(top: Path, *words: str) -> float:
    """Let a process do all of it; the seconds that it took."""
    begun = time.monotonic()
    process = begin(top, *words)
    at_work = time.monotonic()
    _, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, (said, time.monotonic() - begun)
    return time.monotonic() - at_work


def killed(top: Path, seconds: float, *words: str) -> None:
    """Kill a process, with all that it began, as systemd does with a unit whose main one is."""
    process = begin(top, *words)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=DEADLINE)


def of_the_host(found: dict[str, Any]) -> dict[str, Any]:
    """A host without what is another at each time: the ids of commits."""
    return {name: what for name, what in found.items() if "/.git/" not in name}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "moments"), [(ApprovalKind.APPLY_COMMIT, 30), (ApprovalKind.SPAWN, 8)]
)
def test_a_deploy_that_is_killed_is_before_or_after(
    settled: FakeHost, tmp_path: Path, kind: ApprovalKind, moments: int
) -> None:
    agent = "carl" if kind is ApprovalKind.SPAWN else "alice"
    broker = ApprovalBroker(settled)
    settled.whole(HIVE, broker)
    broker.propose("bob", 'model = "opus"\n', id=1)
    save(broker, tmp_path)
    usual = to_its_end(tmp_path, "deploy", "1")
    chance = random.Random(f"{time.time_ns()}")
    states = set()
    for moment in range(moments):
        broker = load(settled, tmp_path)
        id = moment + 2
        name = f"c{moment}" if kind is ApprovalKind.SPAWN else agent
        broker.propose(name, f'model = "model-{moment}"\n', id=id, kind=kind)
        save(broker, tmp_path)
        before = everything(settled)
        at = usual * (moment + chance.random()) / moments
        killed(tmp_path, at, "deploy", str(id))
        undone = load(settled, tmp_path).state(id)
        # Whoever comes next: reconcile at the next boot, or the same unit again.
        to_its_end(tmp_path, "reconcile")
        broker = load(settled, tmp_path)
        changed = differences(of_the_host(before), of_the_host(everything(settled)))
        state = broker.state(id)
        states.add(state)
        if state is ApprovalState.DEPLOYED:
            assert f"state/deploy/approved/{name}/agent.toml" in changed, at
        else:
            assert state in (ApprovalState.APPROVED, ApprovalState.BUILDING), (at, undone)
            assert changed == {}, (at, undone)
            to_its_end(tmp_path, "deploy", str(id))
            broker = load(settled, tmp_path)
            assert broker.state(id) is ApprovalState.DEPLOYED
        outcomes = settled.whole(HIVE, broker)
        assert {one: found.changes for one, found in outcomes.items() if found.changes} == {}
        assert not [path for path in tmp_path.rglob("*.new") if "world" not in path.name]
        save(broker, tmp_path)
    assert ApprovalState.BUILDING in states, "else none was cut short"
