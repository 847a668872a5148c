"""What is mounted where, as a process sees it (/proc/PID/mountinfo, proc_pid_mountinfo(5))."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount.

    Attributes:
        id, parent: its number, and that of the mount it lies on.
        root: what of its file system is mounted; `/` if all of it.
        at: where it is mounted.
        kind: of its file system: `ext4`, `tmpfs`, …
        read_only: whether nothing can be written through it.
    """

    id: int
    parent: int
    root: PurePosixPath
    at: PurePosixPath
    kind: str
    read_only: bool


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """The mounts of a mountinfo file; lines that are none are left out."""
    mounts = []
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        words, more = before.split(" "), after.split(" ")
        numbers = words[:2]
        if not separator or len(words) < 6 or not all(number.isdecimal() for number in numbers):
            continue
        root, at = (PurePosixPath(_unescaped(word)) for word in words[3:5])
        read_only = "ro" in words[5].split(",")
        mounts.append(Mount(int(words[0]), int(words[1]), root, at, more[0], read_only))
    return tuple(mounts)


def mount_of(mounts: Iterable[Mount], path: PurePosixPath) -> Mount | None:
    """The mount that a path leads to: of several at one place the last one, and none that another
    mount further up has covered.

    Returns:
        None if there is not even a root.
    """
    left = list(mounts)
    ids = {mount.id for mount in left}
    roots = [one for one in left if one.parent == one.id or one.parent not in ids]
    here = next((one for one in roots if one.at == PurePosixPath("/")), None)
    while here is not None:
        left.remove(here)
        # The way to the path leads into the first mount that lies on this one.
        further = [one for one in left if one.parent == here.id and path.is_relative_to(one.at)]
        if not further:
            return here
        here = min(further, key=lambda one: len(one.at.parts))
    return None


def _unescaped(word: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), word)
