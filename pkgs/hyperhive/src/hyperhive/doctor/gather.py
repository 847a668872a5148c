"""Looks at this host. Nothing here changes anything, and what cannot be seen is `Unknown`."""

import grp
import os
import pwd
import re
import socket
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from hyperhive.doctor.ask import Answer, Unknown, ask, not_seen, said
from hyperhive.doctor.facts import (
    Cgroups,
    Disk,
    Entry,
    Firewall,
    HostFacts,
    Missing,
    Nix,
    store_paths,
)
from hyperhive.doctor.ids import taken_ids
from hyperhive.doctor.machines import leaders, machine_ids, machine_mounts
from hyperhive.doctor.mounts import mount_of, parse_mounts
from hyperhive.doctor.ruleset import read_ruleset
from hyperhive.doctor.units import BROKER, IN_MEMORY, Unit, units, units_of
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.paths import RESOLVER, HostPaths

USER: Final = "hyperhive"

ONLY_ROOT: Final = Unknown("only root can look", denied=True)

_CGROUPS: Final = PurePosixPath("/sys/fs/cgroup")
_NIX_DAEMON: Final = "/nix/var/nix/daemon-socket/socket"
_RULES: Final = tuple(
    Path(place, "polkit-1/rules.d")
    for place in ("/etc", "/run", "/usr/share", "/run/current-system/sw/share")
)
_STRANGER: Final = "systemd-journald.service"
"""A unit that the broker has no business with."""


def gather(hive: HiveConfig, host: HostPaths, now: float) -> HostFacts:
    """What is known of this host.

    Args:
        now: seconds since the epoch.
    """
    known_units = units([*units_of(hive), IN_MEMORY])
    machines = leaders()
    return HostFacts(
        hive=hive,
        host=host,
        now=now,
        systemd=_systemd(),
        max_user_namespaces=_number(Path("/proc/sys/user/max_user_namespaces")),
        cgroups=_cgroups(),
        nix=_nix(),
        broker=_broker_user(),
        permitted=_permitted(hive, known_units),
        rule=_rule(),
        firewall=_firewall(),
        forwarding=_forwarding(),
        interfaces=frozenset(name for _, name in socket.if_nameindex()),
        units=known_units,
        entries=_entries(hive, host),
        taken=taken_ids() | {"running containers": machine_ids(machines)},
        mounts=machine_mounts(hive, machines),
        nameservers=_nameservers(),
        disk=_disk(host.hive.state),
        synchronised=_synchronised(),
    )


def _systemd() -> int | Unknown:
    match said("systemctl", "--version"):
        case Unknown() as unknown:
            return unknown
        case text:
            found = re.match(r"systemd (\d+)", text)
            return int(found[1]) if found else Unknown("its version is not clear")


def _number(path: Path) -> int | Unknown:
    try:
        return int(path.read_text())
    except OSError as error:
        return Unknown(f"{path}: {error.strerror}")
    except ValueError:
        return Unknown(f"{path} holds no number")


def _cgroups() -> Cgroups:
    mount = mount_of(parse_mounts(Path("/proc/self/mountinfo").read_text()), _CGROUPS)
    if mount is None or mount.kind != "cgroup2":
        return Cgroups(unified=False)
    controllers = Path(_CGROUPS, "cgroup.controllers").read_text().split()
    return Cgroups(unified=True, controllers=frozenset(controllers))


def _nix() -> Nix:
    version: tuple[int, ...] | Unknown
    match said("nix", "--version"):
        case Unknown() as unknown:
            return Nix(unknown, unknown, unknown)
        case text:
            found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
            version = Unknown("its version is not clear")
            if found:
                version = tuple(int(part) for part in found.groups() if part is not None)
    return Nix(version, _flakes(), _answers(_NIX_DAEMON))


def _flakes() -> bool | Unknown:
    features = ("--extra-experimental-features", "nix-command flakes")
    match said("nix", *features, "eval", "--expr", "builtins ? getFlake"):
        case Unknown(why):
            # Who has no home, or no access to the daemon, does not get as far as an answer.
            return Unknown(why, denied=os.geteuid() != 0)
        case text if text.strip() in ("true", "false"):
            return text.strip() == "true"
        case _:
            return Unknown("nix answers neither true nor false")


def _answers(path: str) -> bool | Unknown:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(path)
        except PermissionError:
            return ONLY_ROOT
        except OSError:
            return False
    return True


def _broker_user() -> tuple[int, int] | None:
    try:
        return pwd.getpwnam(USER).pw_uid, grp.getgrnam(USER).gr_gid
    except KeyError:
        return None


def _permitted(hive: HiveConfig, known: dict[str, Unit] | Unknown) -> dict[str, bool] | Unknown:
    """What polkit says of the broker's process."""
    if isinstance(known, Unknown):
        return known
    broker = known.get(BROKER)
    if os.geteuid() != 0:
        return ONLY_ROOT
    if broker is None or broker.main_pid == 0:
        return Unknown("the broker does not run")
    agent = next(iter(hive.agents))
    answers = {}
    deploys = (f"hyperhive-deploy@{agent}.service", "hyperhive-deploy@1.service")
    for unit in (f"container@h-{agent}.service", *deploys, _STRANGER):
        words = ["--process", str(broker.main_pid), "--detail", "unit", unit]
        words += ["--detail", "verb", "start"]
        match ask("pkcheck", "--action-id", "org.freedesktop.systemd1.manage-units", *words):
            case Unknown() as unknown:
                return unknown
            # 1: no; 2, 3: only if somebody authenticates (pkcheck(1)).
            case Answer(status) if status in range(4):
                answers[unit] = status == 0
            case Answer(_, _, error):
                return Unknown(f"pkcheck: {' '.join(error.split())}")
    return answers


def _rule() -> bool | Unknown:
    """Whether a rule of polkit's names the broker's deployments."""
    denied = False
    for directory in _RULES:
        try:
            texts = [file.read_text() for file in directory.glob("*.rules")]
            if any("hyperhive-deploy@" in text for text in texts):
                return True
            denied = denied or not os.access(directory, os.R_OK | os.X_OK | os.F_OK)
        except PermissionError:
            denied = True
    return ONLY_ROOT if denied and os.geteuid() != 0 else False


def _firewall() -> Firewall | Unknown:
    if os.geteuid() != 0:
        return ONLY_ROOT
    match ask("nft", "--json", "list", "table", "inet", "hyperhive"):
        case Unknown() as unknown:
            return unknown
        case Answer(0, output):
            try:
                return read_ruleset(output)
            except ValueError:
                return Unknown("nft answers something else than its JSON")
        case Answer(_, _, error) if "No such file" in error:
            return Firewall(loaded=False)
        case Answer(_, _, error):
            return Unknown(f"nft: {' '.join(error.split())}")


def _forwarding() -> bool | Unknown:
    match _number(Path("/proc/sys/net/ipv4/ip_forward")):
        case Unknown() as unknown:
            return unknown
        case number:
            return number == 1


def _entries(hive: HiveConfig, host: HostPaths) -> dict[Path, Entry | Missing | Unknown]:
    own = host.hive
    paths = {own.state, own.run, own.run / "agents", own.operator_socket, own.agents, own.deploy}
    paths.update((*store_paths(host), host.transaction))
    for name in hive.agents:
        agent = own.agent(name)
        paths.update((agent.home, agent.state, agent.claude, agent.config))
        paths.update((agent.sockets, agent.harness_socket, agent.mcp_socket))
    secrets = {Path(path) for agent in hive.agents.values() for path in agent.credentials.values()}
    if hive.hive.dashboard.token_file is not None:
        secrets.add(Path(hive.hive.dashboard.token_file))
    return _looked_at(paths, follow=False) | _looked_at(secrets, follow=True)


def _looked_at(paths: Iterable[Path], *, follow: bool) -> dict[Path, Entry | Missing | Unknown]:
    found: dict[Path, Entry | Missing | Unknown] = {}
    for path in paths:
        try:
            status = path.stat(follow_symlinks=follow)
        except (FileNotFoundError, NotADirectoryError):
            found[path] = Missing()
        except OSError as error:
            found[path] = not_seen(error)
        else:
            found[path] = Entry(status.st_uid, status.st_gid, status.st_mode, status.st_mtime)
    return found


def _nameservers() -> tuple[str, ...] | Missing | Unknown:
    try:
        lines = (RESOLVER / "resolv.conf").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return Missing()
    except OSError as error:
        return not_seen(error)
    words = [line.split() for line in lines]
    return tuple(word[1] for word in words if len(word) > 1 and word[0] == "nameserver")


def _disk(state: Path) -> Disk | Unknown:
    try:
        room = os.statvfs(state)
    except OSError as error:
        return not_seen(error)
    return Disk(room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize)


def _synchronised() -> bool | Unknown:
    match said("timedatectl", "show", "--property=NTPSynchronized", "--value"):
        case Unknown() as unknown:
            return unknown
        case text:
            return text.strip() == "yes"
