"""A deploy that fails leaves everything as it was; and so does the next run after one that died."""

import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from hyperhive.deploy import undoing
from hyperhive.deploy.deployment import FailedError
from hyperhive.deploy.recovery import StuckError
from hyperhive.errors import HyperhiveError, NoBrokerError
from hyperhive.operator.approval_models import DeployOutcome
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.store.container_states import Wanted
from tests.integration.deploy.approvals import (
    ApprovalBroker,
    differences,
    everything,
    subjects,
)
from tests.integration.deploy.fake_host import ALICE, HIVE, with_agent

pytestmark = pytest.mark.usefixtures("as_root")

OPUS: Final = 'model = "opus"\n'
UNBUILDABLE: Final = 'model = "unbuildable"\n'


def fails(broker: ApprovalBroker, match: str, hive: dict[str, Any] = HIVE) -> DeployOutcome:
    """It fails, everything is as it was, and the broker knows; what it was told."""
    before = everything(broker.host)
    with pytest.raises(FailedError, match=match):
        broker.deploy(hive=hive)
    assert differences(before, everything(broker.host)) == {}
    assert broker.state() is ApprovalState.FAILED
    return broker.outcome()


def test_a_system_that_does_not_build_touches_no_container(
    broker: ApprovalBroker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.propose("alice", UNBUILDABLE)
    with caplog.at_level(logging.INFO):
        told = fails(broker, "attribute 'unbuildable' missing")
    assert broker.host.systemd.done == []
    assert broker.host.logged() == []
    assert told.log[-1].startswith("alice: approval 7 failed: nix exited with status 1")
    assert "error: attribute 'unbuildable' missing" in told.log
    assert told.error.startswith("nix exited with status 1: error: attribute 'unbuildable' missing")


def test_one_that_crashed_is_not_started_by_a_system_that_does_not_build(
    broker: ApprovalBroker,
) -> None:
    broker.host.systemd.active["container@h-alice.service"] = "failed"
    broker.propose("alice", UNBUILDABLE)
    fails(broker, "attribute 'unbuildable' missing")
    assert broker.host.systemd.done == []


def test_a_container_that_cannot_switch_is_restarted(broker: ApprovalBroker) -> None:
    host = broker.host
    broker.propose("alice", OPUS)
    (host.store / "unswitchable-once").touch()
    fails(broker, "alice did not take up its new system: unit x failed")
    assert len(host.logged()) == 2, "a build and a switch: it is not asked to switch back"
    assert host.systemd.done[-1] == "start container@h-alice.service"


def test_a_harness_that_never_says_hello(broker: ApprovalBroker) -> None:
    broker.propose("alice", OPUS)
    broker.mute.add("alice")
    begun = broker.now
    told = fails(broker, "did not say hello with its new settings within 120 s")
    assert 120 <= broker.now - begun < 125
    assert len(broker.host.logged()) == 2, "a build, a switch"
    assert "alice did not say hello" not in told.log


def test_a_container_that_fails_is_not_waited_for(
    broker: ApprovalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.propose("alice", OPUS)
    unit = "container@h-alice.service"
    agent = broker.agent

    def dies(name: str) -> Any:
        if "opus" in (broker.host.paths.agent_source(ALICE) / "agent.nix").read_text():
            broker.host.systemd.active[unit] = "failed"
        return agent(name)

    monkeypatch.setattr(broker, "agent", dies)
    broker.mute.add("alice")
    begun = broker.now
    fails(broker, "the container of alice failed with its new settings")
    assert broker.now - begun < 5
    assert broker.host.systemd.active[unit] == "active"


def test_a_container_that_the_operator_stops_meanwhile_is_not_waited_for(
    broker: ApprovalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.propose("alice", OPUS)
    agent = broker.agent

    def stopped(name: str) -> Any:
        broker.wanted["alice"] = Wanted.STOPPED
        broker.host.systemd.active["container@h-alice.service"] = "inactive"
        return agent(name)

    broker.mute.add("alice")
    monkeypatch.setattr(broker, "agent", stopped)
    broker.deploy()
    assert broker.state() is ApprovalState.DEPLOYED


def test_one_that_is_down_stays_down(broker: ApprovalBroker) -> None:
    broker.wanted["alice"] = Wanted.STOPPED
    broker.host.whole(HIVE, broker)
    broker.propose("alice", UNBUILDABLE)
    fails(broker, "attribute 'unbuildable' missing")


def test_a_spawned_agent_that_does_not_come_up_leaves_nothing(broker: ApprovalBroker) -> None:
    broker.propose("carl", OPUS, kind=ApprovalKind.SPAWN)
    broker.mute.add("carl")
    fails(broker, "the harness of carl did not say hello")


def test_a_spawned_agent_that_does_not_build_leaves_nothing(broker: ApprovalBroker) -> None:
    broker.propose("carl", UNBUILDABLE, kind=ApprovalKind.SPAWN)
    fails(broker, "attribute 'unbuildable' missing")


def test_what_a_former_agent_of_the_name_left_stays(broker: ApprovalBroker) -> None:
    notes = broker.host.paths.hive.state / "agents/carl/state/notes.md"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    for path in (notes, notes.parent):
        os.chown(path, 12345, 12345)
    broker.propose("carl", OPUS, kind=ApprovalKind.SPAWN)
    broker.mute.add("carl")
    with pytest.raises(FailedError):
        broker.deploy()
    assert notes.read_text() == "mine"
    assert not (broker.host.paths.confs / "h-carl.conf").exists()


def test_an_approval_that_changed_meanwhile_is_not_deployed(
    broker: ApprovalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.propose("alice", OPUS)
    agent = broker.agent
    before = everything(broker.host)

    def decided(name: str) -> Any:
        broker.change(state=ApprovalState.FAILED)
        return agent(name)

    monkeypatch.setattr(broker, "agent", decided)
    with pytest.raises(FailedError, match="approval 7 became failed meanwhile"):
        broker.deploy()
    assert differences(before, everything(broker.host)) == {}


def test_a_broker_that_stays_away_is_told_by_the_next_run(
    broker: ApprovalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.propose("alice", OPUS)
    end = broker.end_deploy
    before = everything(broker.host)

    def gone(id: int, outcome: DeployOutcome) -> Any:
        broker.away = None
        raise NoBrokerError("no broker", "start one")

    monkeypatch.setattr(broker, "end_deploy", gone)
    begun = broker.now
    with pytest.raises(NoBrokerError):
        broker.deploy()
    assert broker.now - begun >= 300
    after = everything(broker.host)
    assert "state/deploy/approved/alice/agent.toml" in differences(before, after)
    monkeypatch.setattr(broker, "end_deploy", end)
    broker.away = 0
    broker.deploy()
    assert broker.state() is ApprovalState.DEPLOYED
    assert subjects(broker.host.paths.hive.deploy)[0].startswith("alice: deploy #7")
    assert broker.outcome().changes == ["build its system", "switch to its system"]


def test_a_failure_that_could_not_be_told_is_told_by_reconcile(
    broker: ApprovalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.propose("alice", UNBUILDABLE)
    end = broker.end_deploy
    before = everything(broker.host)

    def gone(id: int, outcome: DeployOutcome) -> Any:
        broker.away = None
        raise NoBrokerError("no broker", "start one")

    monkeypatch.setattr(broker, "end_deploy", gone)
    with pytest.raises(NoBrokerError):
        broker.deploy()
    assert set(differences(before, everything(broker.host))) == {
        "state/deploy/.reconciled/transaction.json"
    }
    monkeypatch.setattr(broker, "end_deploy", end)
    broker.away = 0
    broker.host.whole(HIVE, broker)
    assert broker.state() is ApprovalState.FAILED
    assert "attribute 'unbuildable' missing" in broker.outcome().error
    assert differences(before, everything(broker.host)) == {}


def test_what_was_told_and_not_heard_back_is_done(
    broker: ApprovalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.propose("alice", OPUS)
    end = broker.end_deploy

    def lost(id: int, outcome: DeployOutcome) -> Any:
        end(id, outcome)
        raise HyperhiveError("the broker went away")

    monkeypatch.setattr(broker, "end_deploy", lost)
    broker.deploy()
    assert broker.state() is ApprovalState.DEPLOYED
    assert not (broker.host.paths.records / "transaction.json").exists()


def test_a_container_that_does_not_come_back_keeps_no_other_approval_back(
    broker: ApprovalBroker,
) -> None:
    host = broker.host
    broker.propose("alice", OPUS)
    broker.propose("boss", OPUS, id=8)
    (host.store / "unswitchable-once").touch()
    host.systemd.results["container@h-alice.service"] = "failed"
    with pytest.raises(FailedError):
        broker.deploy()
    assert broker.state() is ApprovalState.FAILED
    assert "did not take up its new system" in broker.outcome().error
    assert "its files are as they were, its container is not" in broker.outcome().error
    broker.deploy(8)
    assert broker.state(8) is ApprovalState.DEPLOYED
    del host.systemd.results["container@h-alice.service"]
    assert host.whole(HIVE, broker)["alice"].error is None
    assert host.systemd.active["container@h-alice.service"] == "active"


@pytest.fixture
def unrestorable(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A profile that root itself cannot put back."""

    def full(profiles: Path, before: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(undoing, "restore_profile", full)
        yield patched


def test_what_cannot_be_put_back_is_tried_again_and_keeps_nobody_else_back(
    broker: ApprovalBroker, caplog: pytest.LogCaptureFixture, unrestorable: pytest.MonkeyPatch
) -> None:
    host = broker.host
    before = everything(host)
    broker.propose("alice", UNBUILDABLE)
    with pytest.raises(StuckError, match="what approval 7 changed could not be put back"):
        broker.deploy()
    assert any(record.levelname == "CRITICAL" for record in caplog.records)
    assert broker.state() is ApprovalState.FAILED
    assert "not everything is put back: alice: what approval 7" in broker.outcome().error
    broker.propose("boss", OPUS, id=9)
    with pytest.raises(StuckError):
        broker.deploy(9)
    assert "what approval 7 changed could not be put back" in broker.outcome(9).error
    outcomes = host.whole(with_agent("bob", packages=["jq"]), broker)
    assert isinstance(outcomes["alice"].error, StuckError)
    assert outcomes["bob"].changes == ["build its system"]
    assert len(subjects(host.paths.hive.deploy)) == 1, "nothing is committed meanwhile"
    unrestorable.undo()
    broker.propose("bob", OPUS, id=8)
    host.whole(HIVE, broker)
    assert broker.state(7) is ApprovalState.FAILED
    changed = set(differences(before, everything(host)))
    assert not [name for name in changed if "alice" in name], changed
    broker.deploy(8)
    assert broker.state(8) is ApprovalState.DEPLOYED


@pytest.mark.usefixtures("unrestorable")
def test_a_preview_says_what_was_cut_short(broker: ApprovalBroker) -> None:
    from hyperhive.deploy.whole import preview_whole

    host = broker.host
    broker.propose("alice", UNBUILDABLE)
    with pytest.raises(StuckError):
        broker.deploy()
    outcomes = preview_whole(host.reconciliation(HIVE, {}), host.host)
    assert outcomes[0].changes[0] == "complete or put back what the deploy of approval 7 began"
    assert not [outcome for outcome in outcomes[1:] if outcome.changes]
