"""What is not deployed, and leaves the host as it was: replayed, swapped, forged, not permitted."""

from functools import partial
from typing import Any, Final

import pytest

from hyperhive.deploy.broker import wishes_of
from hyperhive.deploy.deployment import FailedError
from hyperhive.deploy.reconcile import Reconciliation
from hyperhive.deploy.whole import reconcile_whole
from hyperhive.errors import InputError, NoBrokerError, RefusedError
from hyperhive.hive.models import HiveConfig
from hyperhive.operator.approval_models import Approval
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.store.container_states import Wanted
from tests.integration.deploy import approvals
from tests.integration.deploy.approvals import ApprovalBroker, differences, everything
from tests.integration.deploy.fake_host import HIVE, declared

pytestmark = pytest.mark.usefixtures("as_root")

OPUS: Final = 'model = "opus"\n'


@pytest.mark.parametrize(
    "state",
    [state for state in ApprovalState if state not in ("approved", "building")],
)
def test_what_is_not_to_be_deployed_changes_nothing(
    broker: ApprovalBroker, state: ApprovalState
) -> None:
    broker.propose("alice", OPUS, state=state)
    before = everything(broker.host)
    with pytest.raises(InputError, match=f"approval 7 is {state}"):
        broker.deploy()
    with pytest.raises(InputError, match="there is no approval 9"):
        broker.deploy(9)
    assert differences(before, everything(broker.host)) == {}


def test_an_id_that_is_replayed_changes_nothing(broker: ApprovalBroker) -> None:
    broker.propose("alice", OPUS)
    broker.deploy()
    broker.propose("alice", 'model = "haiku"\n', id=8)
    broker.deploy(8)
    before = everything(broker.host)
    with pytest.raises(InputError, match="approval 7 is deployed"):
        broker.deploy(7)
    assert differences(before, everything(broker.host)) == {}


@pytest.mark.parametrize(
    "name", ["../bob", "alice/../../etc", "", ".", "operator", "Alice", "a" * 99]
)
def test_a_broker_that_lies_about_the_agent_is_refused(broker: ApprovalBroker, name: str) -> None:
    broker.propose("alice", OPUS)
    broker.change(agent=name)
    before = everything(broker.host)
    with pytest.raises(InputError):
        broker.deploy()
    assert differences(before, everything(broker.host)) == {}
    assert "begin" not in broker.asked


def test_a_broker_that_answers_for_another_approval_is_refused(broker: ApprovalBroker) -> None:
    broker.propose("alice", OPUS)
    [asked] = broker.approvals.values()
    asked.deployable = asked.deployable.model_copy(update={"id": 8})
    with pytest.raises(InputError, match="answers for approval 7 with 8"):
        broker.deploy()


def test_what_is_closed_before_it_begins_changes_nothing(
    broker: ApprovalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.propose("alice", OPUS)
    before = everything(broker.host)
    begin = broker.begin_deploy

    def too_late(id: int) -> Approval:
        broker.change(state=ApprovalState.FAILED)
        return begin(id)

    monkeypatch.setattr(broker, "begin_deploy", too_late)
    with pytest.raises(InputError, match="approval 7 is failed"):
        broker.deploy()
    assert differences(before, everything(broker.host)) == {}


def test_a_silent_broker_has_nothing_changed(broker: ApprovalBroker) -> None:
    broker.propose("alice", OPUS)
    before = everything(broker.host)
    broker.away = None
    with pytest.raises(NoBrokerError):
        broker.deploy()
    assert differences(before, everything(broker.host)) == {}


def test_a_broker_that_restarts_is_waited_for(broker: ApprovalBroker) -> None:
    broker.propose("alice", OPUS)
    broker.away = 30
    broker.deploy()
    assert broker.state() is ApprovalState.DEPLOYED


def refused(broker: ApprovalBroker, match: str, hive: dict[str, object] = HIVE) -> None:
    """It fails before anything is touched, and the broker is told."""
    before = everything(broker.host)
    with pytest.raises(FailedError, match=match):
        broker.deploy(hive=hive)
    assert differences(before, everything(broker.host)) == {}
    assert broker.state() is ApprovalState.FAILED
    assert broker.outcome().log


def test_another_commit_than_the_approved_one_is_refused(broker: ApprovalBroker) -> None:
    broker.propose("alice", 'model = "haiku"\n', id=8)
    broker.propose("alice", OPUS)
    broker.change(objects=broker.approvals[8].deployable.objects)
    refused(broker, "is not the commit")


def test_objects_that_were_tampered_with_are_refused(broker: ApprovalBroker) -> None:
    broker.propose("alice", 'model = "haiku"\n', id=8)
    broker.propose("alice", OPUS)
    mine, other = (broker.approvals[id].deployable.objects["blobs"] for id in (7, 8))
    [sha] = mine
    [content] = other.values()
    broker.change(objects=broker.approvals[7].deployable.objects | {"blobs": {sha: content}})
    refused(broker, "is not the blob")


@pytest.mark.parametrize("objects", [{}, {"commit": 1}, {"error": "no"}])
def test_objects_that_are_none_are_refused(
    broker: ApprovalBroker, objects: dict[str, object]
) -> None:
    broker.propose("alice", OPUS)
    broker.change(objects=objects)
    refused(broker, "approval 7: ")


@pytest.mark.parametrize(
    ("text", "match"),
    [("uid_base = 1048576\n", "uid_base"), ("binds = []\n", "binds"), ("model = 3\n", "model")],
)
def test_what_no_proposal_may_name_is_refused(
    broker: ApprovalBroker, text: str, match: str
) -> None:
    broker.propose("alice", text)
    refused(broker, match)


def test_an_extra_nix_that_is_not_permitted_is_refused(broker: ApprovalBroker) -> None:
    broker.propose("alice", "", extra_nix="{ }\n")
    refused(broker, r"extra\.nix")


def test_an_agent_that_is_there_already_is_not_spawned(broker: ApprovalBroker) -> None:
    broker.propose("alice", "", kind=ApprovalKind.SPAWN)
    refused(broker, "there is an agent alice already")


def test_an_agent_that_is_none_is_not_changed(broker: ApprovalBroker) -> None:
    broker.propose("dora", OPUS)
    refused(broker, "the hive has no agent dora")


def test_an_agent_that_is_destroyed_is_not_changed(broker: ApprovalBroker) -> None:
    broker.propose("alice", OPUS)
    broker.wanted["alice"] = Wanted.DESTROYED
    refused(broker, "alice is destroyed")


def test_more_agents_than_the_operator_declared_are_not_spawned(
    broker: ApprovalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_at_most(agents: dict[str, Any]) -> HiveConfig:
        hive = {"name": "lab", "spawn": {"most": 1}}
        return HiveConfig.model_validate({"hive": hive, "agents": agents})

    monkeypatch.setattr(approvals, "declared", one_at_most)
    broker.propose("carl", OPUS, kind=ApprovalKind.SPAWN)
    broker.deploy()
    broker.propose("dora", OPUS, id=8, kind=ApprovalKind.SPAWN)
    with pytest.raises(FailedError, match="its 1 spawned agents already"):
        broker.deploy(8)
    assert broker.state(8) is ApprovalState.FAILED


@pytest.mark.parametrize(("kind", "told"), [("apply_commit", False), ("spawn", True)])
def test_a_begin_that_is_refused_is_not_asked_for_again(
    broker: ApprovalBroker, monkeypatch: pytest.MonkeyPatch, kind: str, told: bool
) -> None:
    broker.propose("alice", OPUS, kind=ApprovalKind(kind))

    def refuse(id: int) -> Approval:
        broker.asked.append("begin")
        raise RefusedError("not now", "later")

    monkeypatch.setattr(broker, "begin_deploy", refuse)
    before, began = everything(broker.host), broker.now
    # What the hive declares nobody can spawn; what has to wait for another one is tried again.
    with pytest.raises(FailedError if told else RefusedError, match="not now"):
        broker.deploy()
    assert broker.asked.count("begin") == 1
    assert broker.now == began
    assert broker.state() is (ApprovalState.FAILED if told else ApprovalState.APPROVED)
    assert differences(before, everything(broker.host)) == {}


def test_a_transaction_that_cannot_be_read_keeps_nobody_down(broker: ApprovalBroker) -> None:
    host = broker.host
    (host.paths.records / "transaction.json").write_text("{}")
    ask = partial(wishes_of, broker.containers())
    run = Reconciliation(partial(declared, HIVE), ask, None, host.host)
    outcomes = reconcile_whole(run, host.host, ask, broker.patient, lambda _: None)
    assert {outcome.agent: outcome.error for outcome in outcomes} == dict.fromkeys(HIVE)
    assert run.left_over is not None
    assert "cannot be read" in run.left_over.what
