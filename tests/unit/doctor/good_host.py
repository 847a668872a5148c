"""A host on which everything is as it should be, for checks to find something wrong with."""

import stat
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.checks import Check
from hyperhive.doctor.facts import Cgroups, Disk, Entry, Firewall, HostFacts, Nix, Taken
from hyperhive.doctor.finding import Level
from hyperhive.doctor.mounts import Mount
from hyperhive.doctor.units import Unit, units_of
from hyperhive.hive.host_paths import NIX_DAEMON
from hyperhive.hive.load import parse_hive
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import HostPaths

NOW: Final = 1_800_000_000.0
UID: Final = 990
GID: Final = 980

ALICE: Final = AgentName("alice")
BOSS: Final = AgentName("boss")

HIVE: Final = parse_hive(
    {
        "hive": {
            "name": "lab",
            "dashboard": {"port": 8710, "token_file": "/run/secrets/token"},
            "notify": {"command": ["/opt/tell-me"]},
        },
        "agents": {
            "boss": {"role": "manager", "uid_base": 1048576},
            "alice": {
                "uid_base": 2097152,
                "credentials": {"ANTHROPIC_API_KEY": "/run/secrets/anthropic"},
            },
        },
    },
    "test",
)
HOST: Final = HostPaths.default()
SECRET: Final = Path("/run/secrets/anthropic")
TOKEN: Final = Path("/run/secrets/token")
DENIED: Final = Unknown("permission denied", denied=True)


def directory(uid: int, gid: int, mode: int) -> Entry:
    """A directory."""
    return Entry(uid, gid, stat.S_IFDIR | mode)


def file(uid: int, gid: int, mode: int, changed: float = NOW - 1) -> Entry:
    """A file."""
    return Entry(uid, gid, stat.S_IFREG | mode, changed)


def socket(uid: int, gid: int, mode: int) -> Entry:
    """A socket."""
    return Entry(uid, gid, stat.S_IFSOCK | mode)


def _entries() -> dict[Path, Entry]:
    own = HOST.hive
    entries = {
        own.state: directory(0, GID, 0o1770),
        own.agents: directory(0, 0, 0o755),
        own.deploy: directory(0, 0, 0o755),
        own.run: directory(0, GID, 0o750),
        own.run / "agents": directory(0, 0, 0o755),
        own.operator_socket: socket(UID, GID, 0o660),
        own.store: file(UID, GID, 0o600),
        own.store.with_name("hive.sqlite-wal"): file(UID, GID, 0o600),
        SECRET: file(0, 0, 0o400),
        TOKEN: file(UID, 0, 0o400),
    }
    boss = HIVE.agents[BOSS].uid_range(BOSS).agent
    for name, agent in HIVE.agents.items():
        paths, user = own.agent(name), agent.uid_range(name).agent
        entries[paths.home] = directory(0, 0, 0o755)
        entries[paths.state] = entries[paths.claude] = directory(user, user, 0o750)
        entries[paths.config] = directory(boss, boss, 0o750)
        entries[paths.sockets] = directory(UID, user, 0o2750)
        entries[paths.harness_socket] = entries[paths.mcp_socket] = socket(UID, user, 0o660)
    return entries


TOP: Final = PurePosixPath("/")
_BOUND: Final = PurePosixPath("/var/nix/per-container/h-alice")
_PROFILES: Final = PurePosixPath("/nix/var/nix/profiles")
_GCROOTS: Final = PurePosixPath("/nix/var/nix/gcroots")
MOUNTS: Final = (
    Mount(1, 99, _BOUND, TOP, "ext4", False),
    Mount(2, 1, _BOUND, _PROFILES, "ext4", False),
    Mount(3, 1, _BOUND, _GCROOTS, "ext4", False),
    Mount(4, 2, _BOUND, _PROFILES, "ext4", True),
    Mount(5, 3, TOP, _GCROOTS, "tmpfs", False),
    Mount(6, 1, NIX_DAEMON, NIX_DAEMON, "ext4", True),
    Mount(7, 6, TOP, NIX_DAEMON, "tmpfs", True),
)
"""What a container sees whose conf covers what nixos-containers binds."""

GOOD: Final = HostFacts(
    hive=HIVE,
    host=HOST,
    now=NOW,
    systemd=258,
    max_user_namespaces=15000,
    cgroups=Cgroups(True, frozenset({"cpu", "memory", "pids", "io"})),
    nix=Nix((2, 31, 1), True, True),
    broker=(UID, GID),
    permitted={
        "container@h-boss.service": True,
        "hyperhive-deploy@boss.service": True,
        "systemd-journald.service": False,
    },
    rule=True,
    firewall=Firewall(True, closed=True, outside=frozenset({"eth0"})),
    forwarding=True,
    interfaces=frozenset({"lo", "eth0", "ve-h-alice"}),
    units={
        name: Unit(name, "loaded", "active", "running", "success", 7, NOW)
        for name in units_of(HIVE)
    },
    entries=_entries(),
    taken={
        "users": (Taken("uid", 0, 1, "user root"), Taken("uid", UID, 1, "user hyperhive")),
        "/etc/subuid": (Taken("uid", 100000, 65536, "/etc/subuid: bob"),),
        "running containers": (
            Taken("uid", 2097152, 65536, "container h-alice", "h-alice"),
            Taken("gid", 2097152, 65536, "container h-alice", "h-alice"),
        ),
    },
    mounts={"alice": MOUNTS},
    nameservers=("192.0.2.53",),
    disk=Disk(50 * 2**30, 100 * 2**30),
    synchronised=True,
)


def with_entry(path: Path, entry: Any) -> HostFacts:
    """The host with something else at a path."""
    return replace(GOOD, entries={**GOOD.entries, path: entry})


def levels(check: Check, facts: HostFacts) -> set[Level]:
    """How good a check finds a host; every trouble must come with a mend."""
    found = list(check(facts))
    assert all(bool(one.mend) == (one.level is not Level.OK) for one in found)
    assert all("\n" not in one.what + one.mend for one in found)
    return {one.level for one in found}


def words(check: Check, facts: HostFacts) -> str:
    """What a check says of what is not good, on one line."""
    bad = [one for one in check(facts) if one.level is not Level.OK]
    return "; ".join(f"{one.what} ({one.mend})" for one in bad)
