"""Reconciling a host: from nothing, again, and with what changes in a hive's life."""

from pathlib import Path

import pytest

import hyperhive.deploy.apply as apply
from hyperhive.deploy.builder import build_system
from hyperhive.deploy.ownership import Owner, owner_of
from hyperhive.errors import InputError
from hyperhive.hive.uids import uid_range
from hyperhive.store.container_states import Wanted
from tests.integration.deploy.fake_host import (
    ALICE,
    BOB,
    BOSS,
    BROKER,
    HIVE,
    NEW,
    FakeHost,
    with_agent,
)

pytestmark = pytest.mark.usefixtures("as_root")


def snapshot(top: Path) -> dict[str, tuple[int, ...]]:
    """What would show that a file was touched: inode, owner, permissions, times of changes."""
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_ino, status.st_uid, status.st_mode, status.st_ctime_ns)
    return found


def test_a_hive_comes_up(host: FakeHost) -> None:
    outcomes = host.run(HIVE)
    assert {name: outcome.changes for name, outcome in outcomes.items()} == {
        "alice": [words.format("alice") for words in NEW] + ["start"],
        "bob": [words.format("bob") for words in NEW],
        "boss": [words.format("boss") for words in NEW] + ["start"],
    }
    assert [outcome.error for outcome in outcomes.values()] == [None, None, None]
    assert host.systemd.active == {
        "container@h-alice.service": "active",
        "container@h-boss.service": "active",
    }
    assert host.systemd.done.count("reload") == 1
    assert sorted(host.told) == ["alice", "bob", "boss"]
    paths = host.paths.hive.agent(ALICE)
    uids, manager = uid_range(ALICE), uid_range(BOSS)
    assert owner_of(paths.home) == Owner(0, 0, 0o755)
    assert owner_of(paths.state) == Owner(uids.agent, uids.agent, 0o750)
    assert owner_of(paths.claude) == Owner(uids.agent, uids.agent, 0o750)
    assert owner_of(paths.config) == Owner(manager.agent, manager.agent, 0o750)
    assert owner_of(paths.sockets) == Owner(BROKER, uids.agent, 0o2750)
    container = host.paths.container(ALICE)
    rendered = host.paths.hive.deploy / "containers" / "h-alice.conf"
    assert container.conf.read_bytes() == rendered.read_bytes()
    assert container.conf.stat().st_mode & 0o777 == 0o644
    assert container.profile.resolve().parent == host.store


def test_a_second_run_changes_and_builds_nothing(settled: FakeHost, tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    outcomes = settled.run(HIVE)
    assert [outcome.changes for outcome in outcomes.values()] == [[], [], []]
    assert snapshot(tmp_path) == before
    assert (settled.systemd.done, settled.logged()) == ([], [])


def test_a_preview_touches_nothing(host: FakeHost, tmp_path: Path) -> None:
    before = snapshot(tmp_path)
    outcomes = host.reconciliation(HIVE, {}).preview()
    assert outcomes[0].changes == [words.format("alice") for words in NEW] + ["start"]
    assert snapshot(tmp_path) == before


def test_a_limit_is_applied_without_a_restart(settled: FakeHost) -> None:
    outcomes = settled.run(with_agent("alice", limits={"memory": "2G"}))
    assert outcomes["alice"].changes == ["write its unit's settings"]
    assert settled.systemd.done == ["reload"]
    assert settled.logged() == []


def test_a_network_takes_a_restart(settled: FakeHost) -> None:
    outcomes = settled.run(with_agent("alice", network="none"))
    assert outcomes["alice"].changes[-1] == "restart"
    assert settled.systemd.done[-2:] == [
        "stop container@h-alice.service",
        "start container@h-alice.service",
    ]


def test_other_packages_are_switched_to(settled: FakeHost) -> None:
    outcomes = settled.run(with_agent("alice", packages=["jq"]))
    assert outcomes["alice"].changes == ["build its system", "switch to its system"]
    build, switch = settled.logged()
    assert build == str(settled.paths.agent_source(ALICE))
    assert switch == (
        "--machine=h-alice --wait --pipe --quiet --collect --"
        " /nix/var/nix/profiles/system/bin/switch-to-configuration test"
    )


def test_what_stands_beside_an_agent_is_built_too(settled: FakeHost) -> None:
    (settled.paths.agent_source(BOB) / "extra.nix").write_text("{ }")
    outcomes = settled.run(HIVE)
    assert outcomes["bob"].changes == ["build its system"]
    assert outcomes["alice"].changes == []


def test_a_rebuild_on_demand_is_no_change_where_it_gives_the_same(settled: FakeHost) -> None:
    outcomes = settled.run(HIVE, rebuild=True)
    assert [outcome.changes for outcome in outcomes.values()] == [[], [], []]
    assert len(settled.logged()) == 3


def test_another_range(settled: FakeHost) -> None:
    state = settled.paths.hive.agent(ALICE).state
    (state / "notes.md").write_text("mine")
    outcomes = settled.run(with_agent("alice", uid_base=1048576))
    assert outcomes["alice"].error is None
    assert owner_of(state) == Owner(1049576, 1049576, 0o750)
    assert (state / "notes.md").stat().st_uid == 1049576
    assert "PRIVATE_USERS=1048576" in settled.paths.container(ALICE).conf.read_text()
    assert settled.systemd.active["container@h-alice.service"] == "active"
    assert settled.run(with_agent("alice", uid_base=1048576))["alice"].changes == []


def test_what_the_operator_wants(settled: FakeHost) -> None:
    outcomes = settled.run(HIVE, {ALICE: Wanted.STOPPED, BOB: Wanted.RUNNING, BOSS: None})
    assert outcomes["alice"].changes == ["stop"]
    assert outcomes["bob"].changes == ["start"]
    assert outcomes["boss"].changes == []


def test_what_was_made_and_started_later_is_not_restarted(settled: FakeHost) -> None:
    settled.systemd.begin("container@h-bob.service", "start")
    assert settled.run(HIVE, {BOB: Wanted.RUNNING})["bob"].changes == []
    settled.run(with_agent("bob", network="none"), {BOB: Wanted.STOPPED})
    settled.systemd.begin("container@h-bob.service", "start")
    wishes = {BOB: Wanted.RUNNING}
    assert settled.run(with_agent("bob", network="none"), wishes)["bob"].changes == []


def test_an_agent_that_leaves_is_kept_and_comes_back(settled: FakeHost) -> None:
    paths, container = settled.paths.hive.agent(ALICE), settled.paths.container(ALICE)
    (paths.state / "notes.md").write_text("mine")
    container.root.mkdir()
    without = {name: agent for name, agent in HIVE.items() if name != "alice"}
    outcomes = settled.run(without, {ALICE: None})
    assert outcomes["alice"].changes == [
        "stop", "remove its systems", "remove its conf", "remove its unit's settings",
        "remove its sockets",
    ]  # fmt: skip
    for path in (container.conf, container.drop_in.parent, container.profiles, paths.sockets):
        assert not path.exists()
    assert (paths.state / "notes.md").read_text() == "mine"
    assert container.root.is_dir()
    assert settled.run(without, {ALICE: None})["alice"].changes == []
    assert settled.run(HIVE)["alice"].error is None
    assert settled.systemd.active["container@h-alice.service"] == "active"


def test_one_that_the_broker_forgot_is_found_by_its_files(settled: FakeHost) -> None:
    without = {name: agent for name, agent in HIVE.items() if name != "alice"}
    assert settled.run(without)["alice"].changes[0] == "stop"


def test_a_purge_removes_what_is_the_agents_and_nothing_else(
    settled: FakeHost, tmp_path: Path
) -> None:
    container = settled.paths.container(ALICE)
    container.root.mkdir()
    (tmp_path / "kept").write_text("kept")
    (settled.paths.hive.agent(ALICE).state / "link").symlink_to(tmp_path / "kept")
    outcomes = settled.run(HIVE, {ALICE: Wanted.PURGED})
    assert outcomes["alice"].error is None
    assert not container.root.exists()
    assert [path.name for path in settled.paths.hive.agents.iterdir()] == ["bob", "boss"]
    assert (tmp_path / "kept").read_text() == "kept"
    assert settled.paths.hive.agent(ALICE).sockets.is_dir(), "the broker listens there"
    assert settled.run(HIVE, {ALICE: Wanted.PURGED})["alice"].changes == []
    assert settled.run(HIVE, {ALICE: Wanted.RUNNING})["alice"].changes[-1] == "start"


def test_a_failed_unit_of_a_former_agent_is_forgotten(settled: FakeHost) -> None:
    settled.systemd.active["container@h-alice.service"] = "failed"
    outcomes = settled.run(HIVE, {ALICE: Wanted.DESTROYED})
    assert outcomes["alice"].changes[-1] == "forget its unit's failure"
    assert "container@h-alice.service" not in settled.systemd.active


def test_one_agent_alone(host: FakeHost) -> None:
    outcomes = host.run(HIVE, scope="alice")
    assert list(outcomes) == ["alice"]
    assert outcomes["alice"].changes[-1] == "start"
    assert [path.name for path in host.paths.confs.iterdir()] == ["h-alice.conf"]
    with pytest.raises(InputError, match="hive lab has no agent alcie"):
        host.run(HIVE, scope="alcie")


def test_what_is_stopped_while_its_system_is_built_stays_down(host: FakeHost) -> None:
    outcomes = host.run(HIVE, later=[{ALICE: Wanted.STOPPED}])
    assert "start" not in outcomes["alice"].changes
    assert outcomes["boss"].changes[-1] == "start"
    assert set(host.systemd.active) == {"container@h-boss.service"}
    assert outcomes["alice"].error is None


def test_what_is_stopped_while_its_system_is_built_takes_up_nothing(settled: FakeHost) -> None:
    changed = with_agent("alice", packages=["jq"])
    outcome = settled.run(changed, later=[{ALICE: Wanted.STOPPED}])["alice"]
    assert (outcome.changes, outcome.error) == (["build its system"], None)
    assert len(settled.logged()) == 1


def test_what_crashes_while_its_system_is_built_is_restarted_with_it(
    settled: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash_and_build(source: Path, agent: str) -> Path:
        settled.systemd.active["container@h-alice.service"] = "activating"
        return build_system(source, agent)

    monkeypatch.setattr(apply, "build_system", crash_and_build)
    outcome = settled.run(with_agent("alice", packages=["jq"]))["alice"]
    assert (outcome.changes, outcome.error) == (["build its system", "restart"], None)
    assert settled.systemd.active["container@h-alice.service"] == "active"


def test_a_start_that_a_stop_cancels_has_not_failed(settled: FakeHost) -> None:
    unit = "container@h-bob.service"
    settled.systemd.results[unit] = "canceled"
    wishes = {BOB: Wanted.RUNNING}
    outcome = settled.run(HIVE, wishes, later=[wishes, {BOB: Wanted.STOPPED}])["bob"]
    assert (outcome.changes, outcome.error) == ([], None)
    outcome = settled.run(HIVE, wishes)["bob"]
    assert outcome.error is not None
    assert outcome.error.what == f"{unit} did not start: canceled"


def test_what_is_destroyed_while_it_is_made_is_removed_by_the_same_run(host: FakeHost) -> None:
    wishes, other = {ALICE: Wanted.RUNNING}, {ALICE: Wanted.DESTROYED}
    outcome = host.run(HIVE, wishes, scope="alice", later=[other])["alice"]
    assert (outcome.former, outcome.error) == (True, None)
    assert outcome.changes[-3:] == [
        "remove its systems", "remove its conf", "remove its unit's settings",
    ]  # fmt: skip
    assert not host.paths.container(ALICE).conf.exists()
    assert host.told == ["alice", "alice"], "the second time of what it removed"


def test_what_is_started_while_it_is_removed_is_made_by_the_same_run(settled: FakeHost) -> None:
    wishes, other = {ALICE: Wanted.DESTROYED}, {ALICE: Wanted.RUNNING}
    outcome = settled.run(HIVE, wishes, scope="alice", later=[other])["alice"]
    assert (outcome.former, outcome.error, outcome.changes[-1]) == (False, None, "start")
    assert settled.systemd.active["container@h-alice.service"] == "active"


def test_the_hive_is_read_when_no_other_run_is_at_work_any_more(host: FakeHost) -> None:
    host.run(HIVE)
    assert host.read_locked == [True]
