"""Walks a tree whose owner may change it at the same time, and never leaves it.

Only descriptors and single names are used, and no link is followed. On the way up from a tree too
deep to hold all of it open, `..` is compared with the directory that was left.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from hyperhive.errors import HyperhiveError

DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a directory is opened: a link in its place is an error."""

_MOST_OPEN: Final = 128
"""Directories that are held open at once; the kernel's default limit is 1024 descriptors."""


class Visitor(Protocol):
    """What is done on a walk. Directories are open; names are single ones, in `parent`."""

    def file(self, entry: "os.DirEntry[str]", parent: int) -> None:
        """Whatever is not a directory."""

    def directory_done(self, directory: int) -> None:
        """A directory after all that is in it; still open."""

    def left(self, name: str, parent: int) -> None:
        """The same directory, after it was closed."""


@dataclass(slots=True)
class _Level:
    """A directory on the way down: its descriptor (None: closed meanwhile), and what is left."""

    name: str
    descriptor: int | None
    identity: tuple[int, int]
    below: list[str]


def walk(top: int, visitor: Visitor) -> None:
    """Visit everything below the open directory `top`, what is deeper first; not `top` itself.

    Raises:
        HyperhiveError: the tree was changed in a way that makes the walk incomplete.
        OSError: of the visitor, or a directory cannot be read.
    """
    levels = [_enter(os.dup(top), "", visitor)]
    try:
        while True:
            level = levels[-1]
            assert level.descriptor is not None
            if level.below:
                name = level.below.pop()
                descriptor = _descend(name, level.descriptor)
                if descriptor is None:
                    continue
                levels.append(_enter(descriptor, name, visitor))
                _close_far(levels)
                continue
            if len(levels) == 1:
                return
            visitor.directory_done(level.descriptor)
            above = levels[-2]
            if above.descriptor is None:
                above.descriptor = _ascend(level.descriptor, above.identity)
            os.close(level.descriptor)
            levels.pop()
            visitor.left(level.name, above.descriptor)
    finally:
        for level in levels:
            if level.descriptor is not None:
                os.close(level.descriptor)


def open_directory(path: Path) -> int:
    """Open a directory whose path nobody but root can change.

    Raises:
        OSError: it is not there, or not a directory.
    """
    return os.open(path, DIRECTORY)


def _enter(descriptor: int, name: str, visitor: Visitor) -> _Level:
    try:
        below = []
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.name)
                else:
                    visitor.file(entry, descriptor)
        return _Level(name, descriptor, _identity(descriptor), below)
    except BaseException:
        os.close(descriptor)
        raise


def _descend(name: str, parent: int) -> int | None:
    """Open a directory; None where it has gone meanwhile."""
    try:
        return os.open(name, DIRECTORY, dir_fd=parent)
    except FileNotFoundError:
        return None
    except NotADirectoryError:  # What O_NOFOLLOW with O_DIRECTORY says of a link, too.
        raise _changed() from None


def _ascend(child: int, expected: tuple[int, int]) -> int:
    parent = os.open("..", DIRECTORY, dir_fd=child)
    if _identity(parent) != expected:
        os.close(parent)
        raise _changed()
    return parent


def _close_far(levels: list[_Level]) -> None:
    """Close what is far above; the top stays open."""
    far = len(levels) - _MOST_OPEN
    if far > 0:
        level = levels[far]
        if level.descriptor is not None:
            os.close(level.descriptor)
            level.descriptor = None


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _changed() -> HyperhiveError:
    return HyperhiveError(
        "directories were moved while they were being worked on",
        "stop what changes them, and run this again",
    )


def mounts_below(top: Path, mountinfo: bytes) -> Iterator[Path]:
    """The mount points below `top`, of /proc/self/mountinfo (proc(5)).

    A walk would go into them: only root can mount something there, and has to decide.
    """
    for line in mountinfo.split(b"\n"):
        fields = line.split(b" ")
        if len(fields) > _MOUNT_POINT:
            point = Path(os.fsdecode(_unescaped(fields[_MOUNT_POINT])))
            if point != top and point.is_relative_to(top):
                yield point


_MOUNT_POINT: Final = 4


def _unescaped(field: bytes) -> bytes:
    """Resolve the octal escapes that stand for blanks and backslashes."""
    first, *rest = field.split(b"\\")
    return first + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in rest)


def refuse_mounts(top: Path) -> None:
    """Make sure that nothing is mounted below `top`.

    Raises:
        HyperhiveError: something is.
    """
    for point in mounts_below(top.resolve(), Path("/proc/self/mountinfo").read_bytes()):
        raise HyperhiveError(
            f"{str(point)!a} is a mount point inside of an agent's files",
            f"unmount it, and show it to the agent by `binds` instead of below {top}",
        )
