"""Reconciling where something is in the way, fails or was cut short: no other agent suffers."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from hyperhive.errors import HyperhiveError
from hyperhive.store.container_states import Wanted
from tests.integration.deploy.fake_host import ALICE, HIVE, NEW, FakeHost, with_agent

pytestmark = pytest.mark.usefixtures("as_root")


def test_a_switch_that_failed_is_tried_again(settled: FakeHost) -> None:
    changed = with_agent("alice", packages=["jq"])
    (settled.store / "unswitchable").touch()
    for _ in range(2):
        outcome = settled.run(changed)["alice"]
        assert outcome.error is not None
        assert outcome.error.what == "alice did not take up its new system: unit x failed"
    (settled.store / "unswitchable").unlink()
    assert settled.run(changed)["alice"].changes == ["switch to its system"]
    assert settled.run(changed)["alice"].changes == []


def test_a_system_that_does_not_build_leaves_its_agent_as_it_was(settled: FakeHost) -> None:
    system = settled.paths.container(ALICE).profile.resolve()
    outcomes = settled.run(with_agent("alice", model="unbuildable", network="none"))
    error = outcomes["alice"].error
    assert error is not None
    assert error.what == "nix exited with status 1: error: attribute 'unbuildable' missing"
    assert settled.paths.container(ALICE).profile.resolve() == system
    assert settled.systemd.active["container@h-alice.service"] == "active"
    assert [outcomes["bob"].error, outcomes["boss"].error] == [None, None]
    outcomes = settled.run(HIVE)
    assert outcomes["alice"].error is None
    assert "restart" not in outcomes["alice"].changes


@pytest.mark.parametrize(
    ("more", "starts"),
    [({}, True), ({"limits": {"memory": "2G"}}, True), ({"network": "none"}, False),
     ({"uid_base": 1048576}, False)],
)  # fmt: skip
def test_what_is_down_and_does_not_build_starts_as_it_was(
    settled: FakeHost, more: dict[str, Any], starts: bool
) -> None:
    """Unless it is to become another agent: with another network, in another range."""
    settled.systemd.active["container@h-alice.service"] = "inactive"
    outcome = settled.run(with_agent("alice", model="unbuildable", **more))["alice"]
    assert outcome.error is not None
    assert outcome.error.what == "nix exited with status 1: error: attribute 'unbuildable' missing"
    assert ("start" in outcome.changes) == starts
    active = settled.systemd.active["container@h-alice.service"]
    assert active == ("active" if starts else "inactive")
    assert settled.run(HIVE)["alice"].error is None
    assert settled.systemd.active["container@h-alice.service"] == "active"


def test_what_never_built_leaves_nothing_that_could_be_started(host: FakeHost) -> None:
    outcomes = host.run(with_agent("alice", model="unbuildable"))
    assert outcomes["alice"].error is not None
    assert not host.paths.container(ALICE).conf.exists()
    assert host.run(HIVE)["alice"].changes[-1] == "start"


def test_a_container_that_runs_without_its_units_settings_is_restarted(settled: FakeHost) -> None:
    settled.paths.container(ALICE).drop_in.unlink()
    assert settled.run(HIVE)["alice"].changes == ["write its unit's settings", "restart"]
    assert settled.run(HIVE)["alice"].changes == []


def test_a_container_that_somebody_starts_while_its_files_change_hands(
    settled: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = with_agent("alice", uid_base=1048576)
    stop: Callable[[str], None] = settled.systemd.stop
    monkeypatch.setattr(settled.systemd, "stop", lambda unit: None)
    error = settled.run(moved)["alice"].error
    assert error is not None
    assert error.what == "the container of alice was started while its files changed hands"
    monkeypatch.setattr(settled.systemd, "stop", stop)
    assert settled.run(moved)["alice"].error is None


def test_somebody_elses_conf_is_that_agents_failure(host: FakeHost) -> None:
    conf = host.paths.container(ALICE).conf
    conf.parent.mkdir()
    conf.write_text("PRIVATE_NETWORK=1\n")
    outcomes = host.run(HIVE)
    error = outcomes["alice"].error
    assert error is not None
    assert error.what == f"{conf} was not written by hyperhive"
    assert not host.paths.hive.agent(ALICE).home.exists()
    assert outcomes["boss"].changes[-1] == "start"
    assert conf.read_text() == "PRIVATE_NETWORK=1\n"
    without = {name: agent for name, agent in HIVE.items() if name != "alice"}
    assert host.run(without, {ALICE: Wanted.PURGED})["alice"].changes == []
    assert conf.exists()


def test_a_container_that_does_not_start_stops_no_other(host: FakeHost) -> None:
    host.systemd.results["container@h-alice.service"] = "failed"
    outcomes = host.run(HIVE)
    error = outcomes["alice"].error
    assert error is not None
    assert error.what == "container@h-alice.service did not start: failed"
    assert outcomes["boss"].changes[-1] == "start"
    host.systemd.results.clear()
    assert host.run(HIVE)["alice"].changes == ["start"]


def test_files_changed_by_hand_stop_their_agent_only(settled: FakeHost) -> None:
    by_hand = settled.paths.agent_source(ALICE) / "agent.nix"
    by_hand.write_text("{ }")
    outcomes = settled.run({**with_agent("bob", packages=["jq"]), "alice": {"model": "opus"}})
    error = outcomes["alice"].error
    assert error is not None
    assert error.what == f"{by_hand} was changed by hand"
    assert by_hand.read_text() == "{ }"
    assert outcomes["bob"].changes == ["build its system"]


def test_files_of_all_that_were_changed_by_hand_are_told(settled: FakeHost) -> None:
    (settled.paths.hive.deploy / "hive.json").write_text("{}")
    run = settled.reconciliation(with_agent("alice", packages=["jq"]), {})
    outcomes = run.run(lambda _: None)
    assert run.left_over is not None
    assert "hive.json was changed by hand" in run.left_over.what
    assert outcomes[0].changes == ["build its system", "switch to its system"]


def test_a_silent_broker(host: FakeHost) -> None:
    outcomes = host.run(HIVE, silent=True)
    without_system = [words for words in NEW[:-1] if words != "build its system"]
    assert outcomes["alice"].changes == [words.format("alice") for words in without_system]
    assert not host.paths.container(ALICE).conf.exists()
    assert host.systemd.done == ["reload"]
    assert host.logged() == []
    host.run(HIVE)
    without = {name: agent for name, agent in HIVE.items() if name != "alice"}
    assert list(host.run(without, silent=True)) == ["bob", "boss"]
    assert host.paths.container(ALICE).conf.exists()


@pytest.mark.parametrize("directory", ["agents", "deploy"])
def test_directories_of_somebody_else_are_refused(host: FakeHost, directory: str) -> None:
    path = host.paths.hive.state / directory
    path.mkdir(mode=0o777)
    path.chmod(0o777)
    with pytest.raises(HyperhiveError, match=f"{directory} is not a directory that is root's"):
        host.run(HIVE)
    assert host.systemd.done == []


def test_a_run_that_was_cut_short_before_systemd_read_its_units(settled: FakeHost) -> None:
    def cut_short() -> None:
        raise KeyboardInterrupt

    changed = with_agent("alice", limits={"memory": "2G"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settled.systemd, "reload", cut_short)
        with pytest.raises(KeyboardInterrupt):
            settled.run(changed)
    assert settled.run(changed)["alice"].changes == []
    assert settled.systemd.done == ["reload"]


def test_a_record_that_says_more_than_was_done_is_not_believed(settled: FakeHost) -> None:
    container = settled.paths.container(ALICE)
    record = json.loads(container.record.read_text())
    container.profile.unlink()
    container.profile.symlink_to(settled.store)
    assert record["system"] != str(settled.store)
    assert settled.run(HIVE)["alice"].changes == ["build its system"]
