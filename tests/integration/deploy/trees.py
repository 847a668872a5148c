"""Trees of files as an agent might leave them."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

HOSTILE_NAMES: Final = (
    b"line\nbreak", b"\xff\xfe", b"-rf", b" ", b"\\012", b"a" * 255, b"...", b"\x1b[31m",
)  # fmt: skip


def make_hostile_tree(top: Path, outside: Path) -> None:
    """Fill the directory `top`, which exists, with everything that a file system knows."""
    for name in map(os.fsdecode, HOSTILE_NAMES):
        (top / name).mkdir()
        (top / name / name).touch()
    (top / "file").write_text("file")
    (top / "setuid").write_text("setuid")
    (top / "setuid").chmod(0o6755)
    (top / "closed").mkdir(mode=0)
    (top / "closed" / "file").touch(mode=0)
    (top / "to-file").symlink_to(outside)
    (top / "to-directory").symlink_to(outside.parent)
    (top / "to-nowhere").symlink_to("/no/where")
    (top / "to-itself").symlink_to("to-itself")
    os.link(top / "file", top / "hard-link")
    os.mkfifo(top / "fifo")
    os.mknod(top / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(top / "socket"))


def make_deep(top: Path, depth: int) -> None:
    """Make a chain of directories in `top`, deeper than a path can be long."""
    descriptor = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("deep", dir_fd=descriptor)
        below = os.open("deep", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)


def owners(top: Path) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Every entry below `top` and `top` itself, with its uid and gid. No link is followed."""
    yield from _owners(os.fsencode(top), os.lstat(top))


def give(top: Path, uid: int, gid: int) -> None:
    """Give everything below `top` and `top` itself to an owner."""
    for path, _ in list(owners(top)):
        os.chown(path, uid, gid, follow_symlinks=False)


def _owners(path: bytes, status: os.stat_result) -> Iterator[tuple[bytes, tuple[int, int]]]:
    yield path, (status.st_uid, status.st_gid)
    if stat.S_ISDIR(status.st_mode):
        with os.scandir(path) as entries:
            for entry in entries:
                yield from _owners(entry.path, entry.stat(follow_symlinks=False))
