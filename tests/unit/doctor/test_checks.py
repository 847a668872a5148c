"""Every check of the doctor's: a good host is good, and each trouble is found."""

import stat
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final

import pytest

from hyperhive.doctor import (
    checks_containers,
    checks_deploys,
    checks_machine,
    checks_network,
    checks_owners,
    checks_ranges,
)
from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.checks import CHECKS, Check, findings
from hyperhive.doctor.facts import Cgroups, Disk, Entry, Firewall, HostFacts, Missing, Nix, Taken
from hyperhive.doctor.finding import Level, ok
from hyperhive.doctor.mounts import Mount
from hyperhive.doctor.units import BROKER, NOTIFY, Unit
from hyperhive.hive.load import parse_hive
from hyperhive.hive.names import AgentName
from tests.unit.doctor.good_host import (
    ALICE,
    BOSS,
    DENIED,
    GID,
    GOOD,
    HOST,
    MOUNTS,
    NOW,
    SECRET,
    TOKEN,
    TOP,
    UID,
    directory,
    file,
    levels,
    socket,
    with_entry,
    words,
)

OWN: Final = HOST.hive
OF_ALICE: Final = OWN.agent(ALICE)
DASHBOARD: Final = "hyperhive-dashboard-127-0-0-1-8710.socket"
USER: Final = 2097152 + 1000
BOSS_USER: Final = 1048576 + 1000


def test_a_good_host_is_good() -> None:
    assert {finding.level for finding in findings(GOOD)} == {Level.OK}
    says_nothing = {check for check in CHECKS if not list(check(GOOD))}
    assert says_nothing == {checks_network.host_networks}


def units_with(name: str, **changed: Any) -> dict[str, Unit]:
    """The hive's units, one of them otherwise, or one more."""
    assert not isinstance(GOOD.units, Unknown)
    there = GOOD.units.get(name, replace(GOOD.units[BROKER], name=name))
    return {**GOOD.units, name: replace(there, **changed)}


def taken_with(*taken: Taken) -> dict[str, tuple[Taken, ...] | Unknown]:
    """The ids that are taken, and more."""
    return {**GOOD.taken, "more": taken}


def mounts_without(*left_out: int) -> dict[str, tuple[Mount, ...] | Unknown]:
    """What alice's container sees without some of its mounts."""
    return {"alice": tuple(mount for mount in MOUNTS if mount.id not in left_out)}


OUT_OF_EN: Final = Firewall(True, closed=True, outside=frozenset({"en*"}))
"""The table with `externalInterface = "en*"`, as nftables has names."""

TROUBLES: Final[list[tuple[Check, HostFacts, Level, str]]] = [
    (checks_machine.systemd, replace(GOOD, systemd=251), Level.FAIL, "systemd 251"),
    (checks_machine.systemd, replace(GOOD, systemd=252), Level.WARN, "without growing pauses"),
    (checks_machine.systemd, replace(GOOD, systemd=Unknown("there is no systemctl")), Level.FAIL,
     "there is no systemctl"),
    (checks_machine.user_namespaces, replace(GOOD, max_user_namespaces=0), Level.FAIL,
     "switched off"),
    (checks_machine.user_namespaces, replace(GOOD, max_user_namespaces=Unknown("no such file")),
     Level.FAIL, "no such file"),
    (checks_machine.cgroups, replace(GOOD, cgroups=Cgroups(False)), Level.FAIL, "version 2 alone"),
    (checks_machine.cgroups, replace(GOOD, cgroups=Cgroups(True, frozenset({"cpu"}))), Level.WARN,
     "lack memory, pids: limits.memory, limits.tasks"),
    (checks_machine.nix, replace(GOOD, nix=Nix(Unknown("there is no nix"), DENIED, DENIED)),
     Level.FAIL, "there is no nix"),
    (checks_machine.nix, replace(GOOD, nix=Nix((2, 17, 9), True, True)), Level.FAIL, "nix 2.17.9"),
    (checks_machine.nix, replace(GOOD, nix=Nix((2, 31), False, True)), Level.FAIL, "flakes"),
    (checks_machine.nix, replace(GOOD, nix=Nix((2, 31), DENIED, True)), Level.WARN, "flakes"),
    (checks_machine.nix, replace(GOOD, nix=Nix((2, 31), True, False)), Level.FAIL, "daemon"),
    (checks_machine.nix, replace(GOOD, nix=Nix((2, 31), True, DENIED)), Level.WARN, "as root"),
    (checks_machine.units, replace(GOOD, units=Unknown("no bus")), Level.WARN, "no bus"),
    (checks_machine.units, replace(GOOD, units=units_with(BROKER, active="failed",
     result="watchdog")), Level.FAIL, "hyperhive.service has failed: watchdog (journalctl -u "),
    (checks_machine.units, replace(GOOD, units=units_with(BROKER, load="not-found")), Level.FAIL,
     "there is no hyperhive.service"),
    (checks_machine.units, replace(GOOD, units=units_with(BROKER, active="inactive")), Level.WARN,
     "hyperhive.service does not run (systemctl start hyperhive.service)"),
    (checks_machine.units, replace(GOOD, units=units_with(NOTIFY, active="activating",
     sub="auto-restart", result="exit-code")), Level.FAIL,
     "hyperhive-notify.service ends again and again: exit-code (journalctl -u hyperhive-notify"),
    (checks_machine.units, replace(GOOD, units=units_with(NOTIFY, load="not-found")), Level.FAIL,
     "there is no hyperhive-notify.service"),
    (checks_machine.units, replace(GOOD, units=units_with(DASHBOARD, active="failed",
     result="resources")), Level.FAIL, f"{DASHBOARD} has failed: resources"),
    (checks_machine.units, replace(GOOD, units=units_with("hyperhive-root@h-alice.service",
     active="failed", result="exit-code")), Level.FAIL,
     "hyperhive-root@h-alice.service has failed: exit-code (journalctl -u hyperhive-root@h-alice"),
    (checks_machine.polkit, replace(GOOD, permitted={"container@h-a.service": False}), Level.FAIL,
     "does not let the broker start container@h-a.service"),
    (checks_machine.polkit, replace(GOOD, permitted={"sshd.service": True}), Level.FAIL,
     "lets the broker start sshd.service, which is none"),
    (checks_machine.polkit, replace(GOOD, permitted=DENIED), Level.WARN, "has a rule"),
    (checks_machine.polkit, replace(GOOD, permitted=DENIED, rule=False), Level.FAIL, "no rule"),
    (checks_machine.polkit, replace(GOOD, permitted=DENIED, rule=DENIED), Level.WARN, "as root"),
    (checks_machine.disk, replace(GOOD, disk=Disk(2**20, 2**40)), Level.FAIL, "too little"),
    (checks_machine.disk, replace(GOOD, disk=Disk(2**29, 2**40)), Level.WARN, "0.5 of 1024.0 GiB"),
    (checks_machine.disk, replace(GOOD, disk=DENIED), Level.WARN, "as root"),
    (checks_machine.clock, replace(GOOD, synchronised=False), Level.WARN, "not synchronised"),
    (checks_machine.clock, replace(GOOD, synchronised=Unknown("no bus")), Level.WARN, "no bus"),
    (checks_machine.clock, with_entry(OWN.store, file(UID, GID, 0o600, NOW + 3600)), Level.FAIL,
     "the clock is behind: the store was written at 2027-01-15 09:00 UTC"),
    (checks_owners.broker_user, replace(GOOD, broker=None), Level.FAIL, "no user or group"),
    (checks_owners.operator_socket, with_entry(OWN.operator_socket, socket(UID, GID, 0o666)),
     Level.FAIL, "has mode 0666, should have 0660"),
    (checks_owners.operator_socket, with_entry(OWN.operator_socket, socket(UID, 100, 0o660)),
     Level.FAIL, "is 990:100's, should be 990:980's"),
    (checks_owners.operator_socket, with_entry(OWN.operator_socket, file(UID, GID, 0o660)),
     Level.FAIL, "is no socket"),
    (checks_owners.operator_socket, with_entry(OWN.operator_socket, Missing()), Level.FAIL,
     "there is no /run/hyperhive/operator.sock (systemctl restart hyperhive.socket)"),
    (checks_owners.operator_socket, with_entry(OWN.run, directory(0, GID, 0o755)), Level.FAIL,
     "/run/hyperhive has mode 0755"),
    (checks_owners.operator_socket, with_entry(OWN.run / "agents", directory(UID, GID, 0o755)),
     Level.FAIL, "/run/hyperhive/agents is 990:980's, should be 0:0's"),
    (checks_owners.operator_socket, with_entry(OWN.run, DENIED), Level.WARN, "as root"),
    (checks_owners.agent_sockets, with_entry(OF_ALICE.sockets, directory(UID, USER, 0o755)),
     Level.FAIL, "has mode 0755, should have 2750"),
    (checks_owners.agent_sockets, with_entry(OF_ALICE.sockets, directory(UID, GID, 0o2750)),
     Level.FAIL, f"should be {UID}:{USER}'s"),
    (checks_owners.agent_sockets, with_entry(OF_ALICE.mcp_socket, socket(UID, GID, 0o660)),
     Level.FAIL, "mcp.sock is"),
    (checks_owners.agent_sockets, with_entry(OF_ALICE.harness_socket, Missing()), Level.FAIL,
     "there is no /run/hyperhive/agents/alice/harness.sock"),
    (checks_owners.state, with_entry(OWN.state, directory(UID, GID, 0o750)), Level.FAIL,
     "should be 0:980's; has mode 0750, should have 1770"),
    (checks_owners.state, with_entry(OWN.deploy, directory(UID, GID, 0o755)), Level.FAIL,
     "/var/lib/hyperhive/deploy is 990:980's"),
    (checks_owners.state, with_entry(OF_ALICE.home, Missing()), Level.WARN, "no state yet"),
    (checks_owners.state, with_entry(OF_ALICE.home, directory(USER, USER, 0o755)), Level.FAIL,
     "agents/alice is"),
    (checks_owners.state, with_entry(OF_ALICE.state, directory(USER, 0, 0o750)), Level.FAIL,
     f"alice/state is {USER}:0's, should be {USER}:{USER}'s"),
    (checks_owners.state, with_entry(OF_ALICE.claude, file(USER, USER, 0o750)), Level.FAIL,
     "is no directory"),
    (checks_owners.state, with_entry(OF_ALICE.config, directory(USER, USER, 0o750)), Level.FAIL,
     f"should be {BOSS_USER}:{BOSS_USER}'s"),
    (checks_owners.store, with_entry(OWN.store, file(0, 0, 0o600)), Level.FAIL, "is uid 0's"),
    (checks_owners.store, with_entry(OWN.store, file(UID, GID, 0o620)), Level.FAIL, "0620"),
    (checks_owners.store, with_entry(OWN.store, file(UID, GID, 0o604)), Level.FAIL, "0604"),
    (checks_owners.store, with_entry(OWN.store, Missing()), Level.WARN, "never run"),
    (checks_owners.store, with_entry(OWN.store, DENIED), Level.WARN, "as root"),
    (checks_owners.credentials, with_entry(SECRET, Missing()), Level.FAIL,
     "agents.alice.credentials.ANTHROPIC_API_KEY: there is no /run/secrets/anthropic"),
    (checks_owners.credentials, with_entry(SECRET, file(0, 0, 0o440)), Level.FAIL, "mode 0440"),
    (checks_owners.credentials, with_entry(SECRET, file(5, 0, 0o400)), Level.FAIL, "uid 5's"),
    (checks_owners.credentials, with_entry(SECRET, directory(0, 0, 0o700)), Level.FAIL, "no file"),
    (checks_owners.credentials, with_entry(SECRET, DENIED), Level.WARN, "as root"),
    (checks_owners.token, with_entry(TOKEN, Missing()), Level.FAIL, "there is no"),
    (checks_owners.token, with_entry(TOKEN, file(UID, 0, 0o444)), Level.FAIL, "open to everyone"),
    (checks_owners.token, with_entry(TOKEN, file(0, 0, 0o400)), Level.FAIL, "cannot read"),
    (checks_owners.token, with_entry(TOKEN, DENIED), Level.WARN, "as root"),
    (checks_ranges.ranges, replace(GOOD, taken=taken_with(Taken("uid", 2097152 + 65535, 1,
     "user eve"))), Level.FAIL, "alice: user eve has uid 2162687"),
    (checks_ranges.ranges, replace(GOOD, taken=taken_with(Taken("gid", 2000000, 100000,
     "/etc/subgid: eve"))), Level.FAIL, "gid 2000000 to 2099999, in the range 2097152 to 2162687"),
    (checks_ranges.ranges, replace(GOOD, taken=taken_with(Taken("uid", 2097152, 65536,
     "container web", "web"))), Level.FAIL, "alice: container web has uid"),
    (checks_ranges.ranges, replace(GOOD, taken=taken_with(Taken("uid", 3145728, 65536,
     "container h-alice", "h-alice"))), Level.FAIL, "runs with uids from 3145728"),
    (checks_ranges.ranges, replace(GOOD, taken={"/etc/subuid": DENIED}), Level.WARN, "as root"),
    (checks_containers.covered, replace(GOOD, mounts=mounts_without(4)), Level.FAIL,
     "write to the host's /nix/var/nix/profiles"),
    (checks_containers.covered, replace(GOOD, mounts=mounts_without(5)), Level.FAIL,
     "write to the host's /nix/var/nix/gcroots"),
    (checks_containers.covered, replace(GOOD, mounts={"alice": ()}), Level.FAIL, "profiles"),
    (checks_containers.covered, replace(GOOD, mounts={"alice": DENIED}), Level.WARN, "as root"),
    (checks_containers.covered, replace(GOOD, mounts=DENIED), Level.WARN, "as root"),
    (checks_containers.nix_daemon, replace(GOOD, mounts=mounts_without(7)), Level.FAIL,
     "alice: its container can reach the host's Nix daemon (systemctl start hyperhive-reconcile"),
    (checks_containers.nix_daemon, replace(GOOD, mounts={"alice": ()}), Level.FAIL, "can reach"),
    (checks_containers.nix_daemon, replace(GOOD, mounts={"alice": DENIED}), Level.WARN, "as root"),
    (checks_containers.nix_daemon, replace(GOOD, mounts=DENIED), Level.WARN, "as root"),
    (checks_network.firewall, replace(GOOD, firewall=Firewall(False)), Level.FAIL, "no table"),
    (checks_network.firewall, replace(GOOD, firewall=Firewall(True)), Level.FAIL, "are open"),
    (checks_network.firewall, replace(GOOD, firewall=DENIED), Level.WARN, "as root"),
    (checks_network.way_out, replace(GOOD, forwarding=False), Level.FAIL, "does not forward"),
    (checks_deploys.cut_short, with_entry(HOST.transaction, file(0, 0, 0o644)), Level.FAIL,
     f"{HOST.transaction} says which (systemctl start hyperhive-reconcile.service"),
    (checks_deploys.cut_short, with_entry(HOST.transaction, DENIED), Level.WARN, "as root"),
    (checks_network.way_out, replace(GOOD, forwarding=DENIED), Level.WARN, "as root"),
    (checks_network.way_out, replace(GOOD, interfaces=frozenset({"lo"})), Level.FAIL,
     "lead to eth0, which is the name of no interface"),
    (checks_network.way_out, replace(GOOD, firewall=OUT_OF_EN), Level.FAIL,
     "lead to en*, which is the name of no interface"),
    (checks_network.way_out, replace(GOOD, firewall=Firewall(True, closed=True)), Level.FAIL,
     "no external interface"),
    (checks_network.nameservers, replace(GOOD, nameservers=()), Level.FAIL, "could reach"),
    (checks_network.nameservers, replace(GOOD, nameservers=Missing()), Level.FAIL, "no list"),
    (checks_network.nameservers, replace(GOOD, nameservers=DENIED), Level.WARN, "as root"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "facts", "level", "text"),
    TROUBLES,
    ids=[f"{check.__name__}-{level}-{text}" for check, _, level, text in TROUBLES],
)
def test_each_trouble_is_found(check: Check, facts: HostFacts, level: Level, text: str) -> None:
    assert level in levels(check, facts)
    assert text in words(check, facts)
    assert text == "" or text not in words(check, GOOD)


def test_every_check_has_its_trouble() -> None:
    tried = {check for check, _, level, _ in TROUBLES if level is Level.FAIL}
    assert set(CHECKS) - tried == {checks_network.host_networks}


def test_a_network_that_is_the_hosts_is_a_warning() -> None:
    hive = parse_hive({"hive": {"name": "lab"}, "agents": {"bob": {"network": "host"}}}, "test")
    facts = replace(GOOD, hive=hive)
    assert "bob has the host's network" in words(checks_network.host_networks, facts)
    for check in (checks_network.firewall, checks_network.way_out, checks_network.nameservers):
        assert list(check(facts)) == [], "nobody there needs what this looks at"


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("hyperhive-reconcile.service", {"active": "inactive"}),
        ("hyperhive-deploy@alice.service", {"active": "inactive"}),
        ("hyperhive-old.service", {"active": "inactive", "load": "not-found"}),
    ],
)
def test_what_need_not_run_is_no_trouble(name: str, changed: dict[str, Any]) -> None:
    facts = replace(GOOD, units=units_with(name, **changed))
    assert levels(checks_machine.units, facts) == {Level.OK}


def test_a_way_out_may_be_all_interfaces_of_a_kind() -> None:
    facts = replace(GOOD, firewall=OUT_OF_EN, interfaces=frozenset({"lo", "enp2s0", "eno1"}))
    *_, found = checks_network.way_out(facts)
    assert found == ok("private networks lead out through eno1, enp2s0")


def test_builds_on_the_host_are_a_warning() -> None:
    agents = {"alice": {"nix_daemon": True}}
    hive = parse_hive({"hive": {"name": "lab"}, "agents": agents}, "test")
    facts = replace(GOOD, hive=hive, mounts=mounts_without(7))
    assert levels(checks_containers.nix_daemon, facts) == {Level.WARN}
    assert "alice may build on the host" in words(checks_containers.nix_daemon, facts)


def test_without_a_manager_an_agent_keeps_its_own_configuration() -> None:
    hive = parse_hive({"hive": {"name": "lab"}, "agents": {"alice": {"uid_base": 2097152}}}, "test")
    facts = replace(GOOD, hive=hive)
    assert f"should be {USER}:{USER}'s" in words(checks_owners.state, facts)
    mended = with_entry(OF_ALICE.config, directory(USER, USER, 0o750))
    assert levels(checks_owners.state, replace(mended, hive=hive)) == {Level.OK}


def test_a_container_of_its_own_root_is_no_hole() -> None:
    root = Mount(1, 99, TOP, TOP, "ext4", False)
    assert levels(checks_containers.covered, replace(GOOD, mounts={"alice": (root,)})) == {Level.OK}


def test_a_part_of_a_tmpfs_is_the_hosts() -> None:
    gcroots = next(mount for mount in MOUNTS if mount.id == 5)
    others = [mount for mount in MOUNTS if mount != gcroots]
    bound = replace(gcroots, root=PurePosixPath("/nix/var/nix/gcroots"))
    facts = replace(GOOD, mounts={"alice": (*others, bound)})
    assert "write to the host's /nix/var/nix/gcroots" in words(checks_containers.covered, facts)


@pytest.mark.parametrize("name", [ALICE, BOSS])
def test_the_own_container_in_its_own_range_is_no_overlap(name: AgentName) -> None:
    uids = GOOD.hive.agents[name].uid_range(name)
    own = Taken("uid", uids.base, uids.size, f"container h-{name}", f"h-{name}")
    assert levels(checks_ranges.ranges, replace(GOOD, taken=taken_with(own))) == {Level.OK}


def test_a_store_that_the_group_reads_is_fine() -> None:
    readable = Entry(UID, GID, stat.S_IFREG | 0o640)
    assert levels(checks_owners.store, with_entry(OWN.store, readable)) == {Level.OK}
