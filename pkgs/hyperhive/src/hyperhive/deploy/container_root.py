"""Makes a container's file system one that the host's root may go into, before a start.

All of it belongs to the container, whose root may have put a link wherever it likes. But the start
script of nixos-containers makes directories, sets modes and writes files in it as the host's root,
and systemd-nspawn makes some more before it enters; both follow links, to places of the host. So
before each start, while nothing of the container runs, what they would follow is replaced by what
belongs there. No link is followed for that.
"""

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from hyperhive.deploy.tree_walk import DIRECTORY, open_directory
from hyperhive.hive.paths import RESOLVER

DIRECTORIES: Final = {
    "dev": 0o755,
    "etc": 0o755,
    "proc": 0o755,
    "root": 0o700,
    "run": 0o755,
    "sys": 0o755,
    "tmp": 0o1777,
    "usr": 0o755,
    "usr/bin": 0o755,
    "var": 0o755,
    "var/lib": 0o755,
    "var/lib/private": 0o700,
    "var/log": 0o755,
    "var/log/journal": 0o755,
}
"""What the start script (`mkdir -p`, `chmod`) and systemd-nspawn (journal, /run/host, /dev) take
for directories; what is above comes first. Each with the mode of a new one."""

MACHINE_ID: Final = "machine-id"
"""The start script makes it (`touch`) where it is not, or is a link to what is not: as the host's
root's, into which the container's systemd cannot write its id."""
RESOLV_CONF: Final = "resolv.conf"
"""Where COPY_RESOLV_CONF=1 the start script copies the host's to it: into it, if that is a link to
a directory. Else it may be a link, and NixOS makes one."""
_OWN_LINKS: Final = frozenset({"/etc/static/resolv.conf", f"{RESOLVER}/resolv.conf"})
"""Where it leads in a container with a private network, which may come to have the host's."""


def mend_root(top: Path, *, copies_resolv_conf: bool) -> Iterator[str]:
    """Replace what the host's root must not follow; yield for each thing what was done.

    Args:
        top: the container's file system, in a directory that only root can change. It need not be
            there yet. Nothing of the container may run.
        copies_resolv_conf: whether the container's conf has COPY_RESOLV_CONF=1.

    Raises:
        OSError: something cannot be replaced: the container must not start.
    """
    try:
        root = open_directory(top)
    except FileNotFoundError:
        return
    try:
        status = os.fstat(root)
        owner = status.st_uid, status.st_gid
        for path, mode in DIRECTORIES.items():
            above, _, name = path.rpartition("/")
            parent = _descend(root, above)
            try:
                found = _make_directory(name, parent, mode, owner)
            finally:
                os.close(parent)
            if found:
                yield f"/{path} was {found}, and is an empty directory now"
        etc = _descend(root, "etc")
        try:
            found = _remove(MACHINE_ID, etc)
            with suppress(FileExistsError):
                _make_file(MACHINE_ID, etc, owner)
            if found:
                yield f"/etc/{MACHINE_ID} was {found}, and is an empty file now"
            if copies_resolv_conf and (found := _remove(RESOLV_CONF, etc, but=_OWN_LINKS)):
                yield f"/etc/{RESOLV_CONF} was {found}, and the host's is copied there now"
        finally:
            os.close(etc)
    finally:
        os.close(root)


def _descend(root: int, path: str) -> int:
    """Open a directory of `DIRECTORIES` that has been seen to be one."""
    here = os.dup(root)
    for name in path.split("/") if path else ():
        try:
            below = os.open(name, DIRECTORY, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


def _make_directory(name: str, parent: int, mode: int, owner: tuple[int, int]) -> str:
    """Make sure that there is a directory; what was there instead, "" where nothing was."""
    try:
        os.close(os.open(name, DIRECTORY, dir_fd=parent))
        return ""
    except FileNotFoundError:
        found = ""
    except NotADirectoryError:  # What O_NOFOLLOW with O_DIRECTORY says of a link, too.
        found = _described(name, parent)
        os.unlink(name, dir_fd=parent)
    os.mkdir(name, 0o700, dir_fd=parent)
    _give(name, parent, DIRECTORY, mode, owner)
    return found


def _remove(name: str, parent: int, but: Collection[str] = ()) -> str:
    """Remove what is neither a file nor a directory; what it was, "" where nothing was removed.

    Links to the places `but` are left.
    """
    try:
        status = os.lstat(name, dir_fd=parent)
    except FileNotFoundError:
        return ""
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return ""
    if stat.S_ISLNK(status.st_mode) and os.readlink(name, dir_fd=parent) in but:
        return ""
    found = _described(name, parent)
    os.unlink(name, dir_fd=parent)
    return found


def _make_file(name: str, parent: int, owner: tuple[int, int]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    _give(name, parent, flags, 0o644, owner)


def _give(name: str, parent: int, flags: int, mode: int, owner: tuple[int, int]) -> None:
    """Open what is new, and make it the container's."""
    descriptor = os.open(name, flags, 0o600, dir_fd=parent)
    try:
        os.fchmod(descriptor, mode)
        os.fchown(descriptor, *owner)
    finally:
        os.close(descriptor)


def _described(name: str, parent: int) -> str:
    """What an entry is, for people."""
    mode = os.lstat(name, dir_fd=parent).st_mode
    if stat.S_ISLNK(mode):
        return f"a link to {os.readlink(name, dir_fd=parent)!a}"
    if stat.S_ISREG(mode):
        return "a file"
    return "something else than files and directories"
