"""What is known of a host: gathered at the edge (`gather`), judged by pure functions (`checks`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.finding import Finding, warn
from hyperhive.doctor.mounts import Mount
from hyperhive.doctor.units import Unit
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.paths import HostPaths


def unknown(what: str, fact: Unknown) -> Finding:
    """Says of something that it is not known."""
    mend = "run hyperhive doctor as root" if fact.denied else "see to that first, and ask again"
    return warn(f"{what}: not known, {fact.why}", mend)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory; a symbolic link is followed only where the check says so.

    Attributes:
        mode: type and permissions (inode(7)).
        changed: when its content was last changed, seconds since the epoch.
    """

    uid: int
    gid: int
    mode: int
    changed: float = 0.0


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no file or directory of that name."""


@dataclass(frozen=True, slots=True)
class Cgroups:
    """The control groups of this boot.

    Attributes:
        unified: whether /sys/fs/cgroup is the one tree of version 2.
        controllers: those that its root has.
    """

    unified: bool
    controllers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Nix:
    """Nix, as root of this host has it.

    Attributes:
        flakes: whether it can evaluate flakes once that feature is switched on.
        daemon: whether somebody listens on the daemon's socket.
    """

    version: tuple[int, ...] | Unknown
    flakes: bool | Unknown
    daemon: bool | Unknown


@dataclass(frozen=True, slots=True)
class Firewall:
    """The table `inet hyperhive` of nftables.

    Attributes:
        loaded: whether there is one.
        closed: whether a new connection from an agent's interface to the host is dropped.
        outside: interfaces behind which agents' addresses are translated.
    """

    loaded: bool
    closed: bool = False
    outside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Taken:
    """Ids of the host that something has.

    Attributes:
        kind: of users or of groups.
        who: in a few words: `/etc/subuid: bob`, `user backup`, `container web`.
        machine: the container whose range it is; "" for anything else.
    """

    kind: Literal["uid", "gid"]
    first: int
    count: int
    who: str
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of the file system that holds the state."""

    free: int
    total: int


@dataclass(frozen=True, slots=True)
class HostFacts:
    """A host with a declared hive.

    Attributes:
        broker: uid and gid of the user and the group `hyperhive`; None: there are none.
        max_user_namespaces: what the kernel allows; 0: none.
        permitted: whether the broker's user may start a unit, by the unit's name.
        rule: whether a rule of polkit's names the deploy units; for when nothing could be asked.
        units: by name.
        entries: what is at a path; of credentials, where links lead to.
        taken: ids that somebody has, by where that was read.
        mounts: what is mounted in each running container of the hive, by the agent's name.
        nameservers: what the containers' resolv.conf names.
        now: seconds since the epoch.
    """

    hive: HiveConfig
    host: HostPaths
    now: float
    systemd: int | Unknown
    max_user_namespaces: int | Unknown
    cgroups: Cgroups
    nix: Nix
    broker: tuple[int, int] | None
    permitted: Mapping[str, bool] | Unknown
    rule: bool | Unknown
    firewall: Firewall | Unknown
    forwarding: bool | Unknown
    interfaces: frozenset[str]
    units: Mapping[str, Unit] | Unknown
    entries: Mapping[Path, Entry | Missing | Unknown]
    taken: Mapping[str, tuple[Taken, ...] | Unknown]
    mounts: Mapping[str, tuple[Mount, ...] | Unknown] | Unknown
    nameservers: tuple[str, ...] | Missing | Unknown
    disk: Disk | Unknown
    synchronised: bool | Unknown

    def store_files(self) -> dict[Path, Entry]:
        """The files of the store that are there."""
        found = {path: self.entries.get(path) for path in store_paths(self.host)}
        return {path: entry for path, entry in found.items() if isinstance(entry, Entry)}


def store_paths(host: HostPaths) -> tuple[Path, ...]:
    """The store's SQLite file, and those that SQLite keeps beside it."""
    store = host.hive.store
    return (store, *(store.with_name(f"{store.name}-{part}") for part in ("wal", "shm")))
