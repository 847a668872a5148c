"""Removes the trees of an agent that was purged."""

import fcntl
import os
import struct
from pathlib import Path
from typing import Final

from hyperhive.deploy.tree_walk import open_directory, refuse_mounts, walk

# ioctl_iflags(2); the numbers are those of 64-bit Linux.
_GET_FLAGS: Final = 0x80086601
_SET_FLAGS: Final = 0x40086602
_APPEND_ONLY: Final = 0x20
_IMMUTABLE: Final = 0x10


def remove_tree(top: Path) -> None:
    """Remove the directory `top` with all that is in it; no link is followed. Nothing: fine.

    Args:
        top: a directory in one that only root can change.

    Raises:
        HyperhiveError: something is mounted in there.
        OSError: an entry cannot be removed.
    """
    try:
        descriptor = open_directory(top)
    except FileNotFoundError:
        return
    try:
        refuse_mounts(top)
        _make_mutable(descriptor)
        walk(descriptor, _Removing())
    finally:
        os.close(descriptor)
    top.rmdir()


class _Removing:
    def file(self, entry: "os.DirEntry[str]", parent: int) -> None:
        try:
            os.unlink(entry.name, dir_fd=parent)
        except FileNotFoundError:
            pass
        except PermissionError:
            # NixOS makes /var/empty immutable; so may an agent's programs, if they could.
            _make_mutable(parent)
            if entry.is_file(follow_symlinks=False):
                _make_file_mutable(entry.name, parent)
            os.unlink(entry.name, dir_fd=parent)

    def directory_done(self, directory: int) -> None:
        _make_mutable(directory)

    def left(self, name: str, parent: int) -> None:
        try:
            os.rmdir(name, dir_fd=parent)
        except FileNotFoundError:
            pass
        except PermissionError:
            _make_mutable(parent)
            os.rmdir(name, dir_fd=parent)


def _make_file_mutable(name: str, parent: int) -> None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=parent)
    try:
        _make_mutable(descriptor)
    finally:
        os.close(descriptor)


def _make_mutable(descriptor: int) -> None:
    try:
        answer = fcntl.ioctl(descriptor, _GET_FLAGS, bytes(8))
        (flags,) = struct.unpack_from("i", answer)
        if flags & (_IMMUTABLE | _APPEND_ONLY):
            packed = struct.pack("l", flags & ~(_IMMUTABLE | _APPEND_ONLY))
            fcntl.ioctl(descriptor, _SET_FLAGS, packed)
    except OSError:
        return  # A file system without such flags; what it refuses is said by the removal.
