"""Doing an approval, on a host of real files and a real git."""

import json
from typing import Final

import pytest

from hyperhive.deploy.deployment import FailedError
from hyperhive.hive.names import parse_agent_name
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
CARL: Final = parse_agent_name("carl")
WITH_EXTRA: Final = with_agent("alice", extra_nix=True)


def test_it_is_deployed(broker: ApprovalBroker) -> None:
    host = broker.host
    sha = broker.propose("alice", OPUS, README_md="She knows Rust.\n")
    broker.deploy()
    assert broker.state() is ApprovalState.DEPLOYED
    assert broker.outcome().changes == ["build its system", "switch to its system"]
    deploy = host.paths.hive.deploy
    assert (deploy / "approved/alice/agent.toml").read_text() == OPUS
    assert '"opus"' in (deploy / "agents/alice/agent.nix").read_text()
    assert subjects(deploy)[0] == f"alice: deploy #7 ({sha})"
    assert not (deploy / ".reconciled/transaction.json").exists()
    build, switch = host.logged()
    assert build.endswith("/agents/alice")
    assert switch.startswith("--machine=h-alice")
    assert host.systemd.done == []
    # Reconcile finds nothing to do, for any agent.
    assert [outcome.changes for outcome in host.whole(HIVE, broker).values()] == [[], [], []]
    assert host.logged() == []
    assert len(subjects(deploy)) == 2


def test_the_hive_of_all_agents_tells_of_it_too(broker: ApprovalBroker) -> None:
    broker.propose("alice", OPUS)
    broker.deploy()
    hive = json.loads((broker.host.paths.hive.deploy / "hive.json").read_text())
    assert hive["agents"]["alice"]["model"] == "opus"


def test_an_agent_that_is_stopped_gets_its_settings_and_stays_so(broker: ApprovalBroker) -> None:
    host = broker.host
    broker.wanted["alice"] = Wanted.STOPPED
    host.whole(HIVE, broker)
    broker.propose("alice", OPUS)
    host.systemd.done.clear()
    broker.deploy()
    assert broker.state() is ApprovalState.DEPLOYED
    assert broker.outcome().changes == ["build its system"]
    assert "agent" not in broker.asked
    assert host.systemd.done == []
    assert host.systemd.active["container@h-alice.service"] == "inactive"


def test_a_readme_alone_is_a_deploy_too(broker: ApprovalBroker) -> None:
    broker.propose("alice", "", README_md="Hello.\n")
    broker.deploy()
    assert broker.state() is ApprovalState.DEPLOYED
    assert broker.outcome().changes == []
    assert subjects(broker.host.paths.hive.deploy)[0].startswith("alice: deploy #7 (")


def test_an_agent_is_spawned(broker: ApprovalBroker) -> None:
    host = broker.host
    broker.propose("carl", OPUS, kind=ApprovalKind.SPAWN, description="Tests the parser")
    broker.deploy()
    assert broker.state() is ApprovalState.DEPLOYED
    assert broker.outcome().changes[-1] == "start"
    assert host.systemd.active["container@h-carl.service"] == "active"
    deploy = host.paths.hive.deploy
    spawned = json.loads((deploy / "approved/carl/spawn.json").read_text())
    assert spawned == {"approval": 7, "description": "Tests the parser"}
    assert "carl" in (deploy / "flake.nix").read_text()
    assert host.paths.hive.agent(CARL).config.is_dir()
    assert host.whole(HIVE, broker)["carl"].changes == []


def test_a_spawned_agent_gets_other_settings(broker: ApprovalBroker) -> None:
    broker.propose("carl", "", kind=ApprovalKind.SPAWN)
    broker.deploy()
    broker.propose("carl", OPUS, id=8)
    broker.deploy(8)
    assert broker.state(8) is ApprovalState.DEPLOYED
    approved = broker.host.paths.hive.approved / "carl"
    assert json.loads((approved / "spawn.json").read_text())["approval"] == 7
    assert (approved / "agent.toml").read_text() == OPUS


def test_a_spawned_agent_is_purged_with_all_that_was_approved(broker: ApprovalBroker) -> None:
    host = broker.host
    before = everything(host, but=["state/deploy/.git"])
    broker.propose("carl", OPUS, kind=ApprovalKind.SPAWN)
    broker.deploy()
    broker.wanted["carl"] = Wanted.DESTROYED
    assert host.whole(HIVE, broker)["carl"].former
    assert (host.paths.hive.approved / "carl/spawn.json").exists()
    broker.wanted["carl"] = Wanted.PURGED
    outcome = host.whole(HIVE, broker)["carl"]
    assert outcome.former
    assert outcome.changes[-1] == f"remove {host.paths.hive.approved / 'carl'}"
    del broker.approvals[7]
    after = everything(host, but=["state/deploy/.git"])
    # The directory that holds them all, and a list of units that were ever started.
    assert set(differences(before, after)) <= {"state/deploy/approved"}
    assert host.whole(HIVE, broker)["carl"].changes == []
    assert subjects(host.paths.hive.deploy)[0] == "render: carl"


def test_an_extra_nix_comes_and_goes_with_its_proposal(broker: ApprovalBroker) -> None:
    host = broker.host
    extra = host.paths.agent_source(ALICE) / "extra.nix"
    broker.propose("alice", "", extra_nix="{ a = 1; }\n")
    broker.deploy(hive=WITH_EXTRA)
    assert extra.read_text() == "{ a = 1; }\n"
    broker.propose("alice", OPUS, id=8)
    broker.deploy(8, WITH_EXTRA)
    assert broker.state(8) is ApprovalState.DEPLOYED
    assert not extra.exists()
    assert host.whole(WITH_EXTRA, broker)["alice"].changes == []
    extra.write_text("{ mine = true; }\n")
    assert host.whole(WITH_EXTRA, broker)["alice"].error is None
    assert extra.read_text() == "{ mine = true; }\n"


def test_an_extra_nix_of_the_operators_stays(broker: ApprovalBroker) -> None:
    host = broker.host
    extra = host.paths.agent_source(ALICE) / "extra.nix"
    extra.write_text("{ mine = true; }\n")
    broker.propose("alice", OPUS)
    broker.deploy(hive=WITH_EXTRA)
    assert extra.read_text() == "{ mine = true; }\n"
    broker.propose("alice", OPUS, id=8, extra_nix="{ hers = true; }\n")
    with pytest.raises(FailedError, match=r"alice has an extra\.nix of your own"):
        broker.deploy(8, WITH_EXTRA)
    assert extra.read_text() == "{ mine = true; }\n"
    assert broker.state(8) is ApprovalState.FAILED


def test_a_layer_that_no_longer_fits_is_its_agents_trouble_alone(broker: ApprovalBroker) -> None:
    broker.propose("alice", "", extra_nix="{ a = 1; }\n")
    broker.deploy(hive=WITH_EXTRA)
    outcomes = broker.host.whole(HIVE, broker)
    error = outcomes["alice"].error
    assert error is not None
    assert "what was approved does not fit the declaration" in error.what
    assert outcomes["bob"].error is outcomes["boss"].error is None
    assert broker.host.systemd.active["container@h-alice.service"] == "active"


def test_a_spawned_agent_that_does_not_fit_any_more_is_left_alone(broker: ApprovalBroker) -> None:
    host = broker.host
    broker.propose("carl", "", kind=ApprovalKind.SPAWN)
    broker.deploy()
    (host.paths.hive.approved / "carl/agent.toml").write_text("uid_base = 1\n")
    before = everything(host)
    outcome = host.whole(HIVE, broker)["carl"]
    assert outcome.error is not None
    assert outcome.changes == []
    after = differences(before, everything(host))
    assert not [name for name in after if "h-carl" in name and "deploy" not in name], after
    assert host.systemd.active["container@h-carl.service"] == "active"
