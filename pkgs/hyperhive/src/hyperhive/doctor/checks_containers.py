"""Checks of running containers: what nixos-containers gives away is covered.

It shows a container its profile and gcroots directories writable, with ids mapped one to one: root
of the container could leave a program there that is root's, setuid, on the host. It shows it the
socket of the host's Nix daemon too, and that builds on the host. The conf of an agent's container
covers them, the socket unless the agent may build.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.facts import HostFacts, unknown
from hyperhive.doctor.finding import Finding, fail, ok, warn
from hyperhive.doctor.mounts import Mount, mount_of
from hyperhive.hive.host_paths import NIX_DAEMON

PROFILES: Final = PurePosixPath("/nix/var/nix/profiles")
GCROOTS: Final = PurePosixPath("/nix/var/nix/gcroots")


def covered(facts: HostFacts) -> Iterator[Finding]:
    """A container cannot write to the host's profile and gcroots directories."""
    if isinstance(facts.mounts, Unknown):
        yield unknown("what running containers can write", facts.mounts)
        return
    for name, mounts in sorted(facts.mounts.items()):
        if isinstance(mounts, Unknown):
            yield unknown(f"{name}: what its container can write", mounts)
            continue
        open_places = list(_open(mounts))
        for place in open_places:
            yield fail(f"{name}: its container can write to the host's {place}", _mend(name))
        if not open_places:
            yield ok(f"{name}: its container cannot write to profiles and gcroots of the host")


def nix_daemon(facts: HostFacts) -> Iterator[Finding]:
    """The host's Nix daemon is for agents that may build with it alone."""
    builders = {name for name, agent in facts.hive.agents.items() if agent.nix_daemon}
    for builder in sorted(builders):
        yield warn(
            f"{builder} may build on the host, on its network and beyond its container's limits",
            f"set agents.{builder}.nix_daemon to false",
        )
    if isinstance(facts.mounts, Unknown):
        yield unknown("who can reach the Nix daemon", facts.mounts)
        return
    for name, mounts in sorted(facts.mounts.items()):
        if name in builders:
            continue
        if isinstance(mounts, Unknown):
            yield unknown(f"{name}: whether its container can reach the Nix daemon", mounts)
            continue
        mount = mount_of(mounts, NIX_DAEMON)
        if mount is None or not _is_own(mount):
            yield fail(f"{name}: its container can reach the host's Nix daemon", _mend(name))
        else:
            yield ok(f"{name}: its container cannot reach the host's Nix daemon")


def _mend(name: str) -> str:
    return f"systemctl start hyperhive-reconcile.service; hyperhive agent restart {name}"


def _open(mounts: tuple[Mount, ...]) -> Iterator[PurePosixPath]:
    for place in (PROFILES, GCROOTS):
        mount = mount_of(mounts, place)
        if mount is None or not (mount.read_only or _is_own(mount)):
            yield place


def _is_own(mount: Mount) -> bool:
    """Whether a mount is the container's alone: its root, or one that goes with it.

    The host's own directories may lie in a tmpfs too; but then a part of it is mounted.
    """
    top = PurePosixPath("/")
    return mount.at == top or (mount.kind == "tmpfs" and mount.root == top)
