"""Whose an agent's files are: gives a tree to another uid range.

An id of any container's range keeps its offset, so it can be done over and over; an id of the host
becomes the user `agent`. The top directory comes last: its owner says whether the job is finished,
so a run that was killed is completed by the next one.

The container is stopped meanwhile; but a proposal's directory belongs to the manager's range, whose
container may run. So nothing is looked up twice by a path: a directory is changed through its
descriptor, everything else by its name in an open directory, and whatever somebody swaps in there
lies in the same tree. A hard link cannot lead out of it, since a container sees each of these trees
as a mount of its own, and links do not cross mounts. The kernel takes setuid bits and file
capabilities from a file whose owner changes; nothing in these trees needs them.
"""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hyperhive.deploy.tree_walk import open_directory, refuse_mounts, walk
from hyperhive.errors import HyperhiveError
from hyperhive.hive.uids import AGENT_UID, FIRST_BASE, LAST_BASE, SIZE, UidRange


@dataclass(frozen=True, slots=True)
class Owner:
    """Owner, group and permissions of a directory."""

    uid: int
    gid: int
    mode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Owner":
        """As stat(2) says."""
        return cls(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))

    def within(self, uids: UidRange) -> bool:
        """Whether both owner and group lie in a range."""
        return uids.contains(self.uid) and uids.contains(self.gid)


@dataclass(frozen=True, slots=True)
class Reowned:
    """How many entries of a tree there were, and how many changed hands."""

    seen: int
    changed: int


def id_in_range(old: int, base: int) -> int:
    """The id in the range at `base` that takes the place of `old`, a uid or gid of the host."""
    if FIRST_BASE <= old < LAST_BASE + SIZE:
        return base + old % SIZE
    return base + AGENT_UID


def own_tree(top: Path, uids: UidRange, still_idle: Callable[[], None]) -> Reowned:
    """Give everything in and below the directory `top` to the range `uids`.

    Args:
        top: a directory in one of root's.
        uids: the new range.
        still_idle: called before the job counts as finished; raises if somebody may have made
            files meanwhile.

    Raises:
        HyperhiveError: something is mounted in there, or it changed so that files were missed.
        OSError: an entry cannot be changed.
    """
    refuse_mounts(top)
    descriptor = open_directory(top)
    try:
        reowning = _Reowning(uids.base)
        walk(descriptor, reowning)
        still_idle()
        os.fchown(descriptor, uids.agent, uids.agent)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return Reowned(reowning.seen + 1, reowning.changed + 1)


class _Reowning:
    def __init__(self, base: int) -> None:
        self._base = base
        self.seen = 0
        self.changed = 0

    def file(self, entry: "os.DirEntry[str]", parent: int) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
            ids = self._new_ids(status)
            if ids:
                os.chown(entry.name, *ids, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            pass

    def directory_done(self, directory: int) -> None:
        ids = self._new_ids(os.fstat(directory))
        if ids:
            os.fchown(directory, *ids)

    def left(self, name: str, parent: int) -> None:
        pass

    def _new_ids(self, status: os.stat_result) -> tuple[int, int] | None:
        self.seen += 1
        ids = id_in_range(status.st_uid, self._base), id_in_range(status.st_gid, self._base)
        if ids == (status.st_uid, status.st_gid):
            return None
        self.changed += 1
        return ids


def make_directory(path: Path, owner: Owner) -> None:
    """Make a directory, or have it with this owner and these permissions; not what is in it.

    Args:
        path: in a directory that only root can change.

    Raises:
        OSError: there is something else, or it cannot be made.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    descriptor = open_directory(path)
    try:
        set_owner(descriptor, owner)
    finally:
        os.close(descriptor)


def set_owner(descriptor: int, owner: Owner) -> None:
    """Give an open directory its owner and permissions."""
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != (owner.uid, owner.gid):
        os.fchown(descriptor, owner.uid, owner.gid)
    if stat.S_IMODE(status.st_mode) != owner.mode:
        os.fchmod(descriptor, owner.mode)


def owner_of(path: Path) -> Owner | None:
    """The owner of a directory; None: there is nothing.

    Raises:
        HyperhiveError: there is something else.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(status.st_mode):
        raise HyperhiveError(f"{path} is not a directory", "move it away, and run this again")
    return Owner.of(status)


def trusted_directory(path: Path) -> None:
    """Make `path` where it is missing, and make sure that nobody else can change or move it.

    Raises:
        HyperhiveError: somebody else can.
    """
    above = path.parent.lstat()
    if not _ours(above) and not (above.st_uid == os.geteuid() and above.st_mode & stat.S_ISVTX):
        raise _untrusted(path.parent)
    path.mkdir(mode=0o755, exist_ok=True)
    if not _ours(path.lstat()):
        raise _untrusted(path)


def _ours(status: os.stat_result) -> bool:
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not others_write


def _untrusted(path: Path) -> HyperhiveError:
    return HyperhiveError(
        f"{path} is not a directory that is root's alone",
        "find out what made it so, move it away, and run this again",
    )
