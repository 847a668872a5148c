"""Checks of running containers: what must not be writable inside is not.

nixos-containers shows a container its profile and gcroots directories writable, with ids mapped one
to one: root of the container could leave a program there that is root's, setuid, on the host. The
conf of an agent's container covers both.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.facts import HostFacts, unknown
from hyperhive.doctor.finding import Finding, fail, ok
from hyperhive.doctor.mounts import Mount, mount_of

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
        mend = f"systemctl start hyperhive-reconcile.service; hyperhive agent restart {name}"
        for place in open_places:
            yield fail(f"{name}: its container can write to the host's {place}", mend)
        if not open_places:
            yield ok(f"{name}: its container cannot write to profiles and gcroots of the host")


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
