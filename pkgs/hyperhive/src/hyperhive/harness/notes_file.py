"""An agent's notes.md: read, measured, and replaced so that it is whole at every moment.

The directory is the agent's, and whoever reads here may be root: every name is looked up in an open
directory, no symbolic link is followed, and only an ordinary file of one name is touched.
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from hyperhive.errors import HyperhiveError
from hyperhive.harness.notes import MAX_NOTES

NAME: Final = "notes.md"
PREVIOUS: Final = "notes.md.1"
_TEMPORARY: Final = re.compile(r"\.notes\.md\.[0-9a-f]{16}\.tmp")
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""O_NONBLOCK: nobody may ever write to a FIFO of that name."""


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes as they were read.

    Attributes:
        status: of the file, by which a later change is noticed.
    """

    content: bytes
    status: os.stat_result

    @property
    def text(self) -> str:
        """The notes as text."""
        return self.content.decode()

    def same_as(self, other: "Notes") -> bool:
        """Whether nobody touched the file between the two readings."""
        ours, theirs = self.status, other.status
        return (
            (ours.st_dev, ours.st_ino, ours.st_size, ours.st_mtime_ns)
            == (theirs.st_dev, theirs.st_ino, theirs.st_size, theirs.st_mtime_ns)
        ) and self.content == other.content


def notes_size(state: str) -> int | None:
    """Bytes of the notes in an agent's directory; None if no ordinary file has that name."""
    try:
        status = os.lstat(f"{state}/{NAME}")
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def read_notes(state: str) -> Notes:
    """The notes in an agent's directory.

    Raises:
        HyperhiveError: there are none, or they are not what can be rewritten; says why.
    """
    with _directory(state) as directory:
        return _read(directory)


def replace_notes(state: str, old: Notes, new: bytes) -> None:
    """Put new notes in the place of the old ones, which become notes.md.1.

    Whenever this is killed, notes.md is whole, the old or the new one; `remove_leftovers` removes
    what else is there.

    Raises:
        HyperhiveError: they were not replaced, because they were edited meanwhile or for the reason
            it gives.
    """
    try:
        with _directory(state) as directory:
            _replace(directory, old, new)
    except OSError as error:
        raise HyperhiveError(f"{NAME} cannot be replaced: {error.strerror}") from None


def remove_leftovers(state: str) -> None:
    """Remove what a replacement that was killed left behind."""
    with contextlib.suppress(HyperhiveError), _directory(state) as directory:
        for name in os.listdir(directory):  # noqa: PTH208 - a descriptor
            if _TEMPORARY.fullmatch(name):
                _remove(directory, name)


def _replace(directory: int, old: Notes, new: bytes) -> None:
    with (
        _written(directory, old.status, new) as fresh,
        _written(directory, old.status, old.content) as previous,
    ):
        if not _read(directory).same_as(old):
            raise HyperhiveError("the agent edited its notes meanwhile")
        os.rename(previous, PREVIOUS, src_dir_fd=directory, dst_dir_fd=directory)
        os.rename(fresh, NAME, src_dir_fd=directory, dst_dir_fd=directory)
        os.fsync(directory)


@contextmanager
def _directory(state: str) -> Iterator[int]:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        directory = os.open(state, flags)
    except OSError as error:
        raise HyperhiveError(f"{state} cannot be read: {error.strerror}") from None
    try:
        yield directory
    finally:
        os.close(directory)


def _read(directory: int) -> Notes:
    try:
        with open(os.open(NAME, _READ, dir_fd=directory), "rb") as file:  # noqa: PTH123
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise HyperhiveError(f"{NAME} is not an ordinary file")
            # A second name could have been given to it elsewhere, by somebody who may not read it.
            if status.st_nlink != 1:
                raise HyperhiveError(f"{NAME} has {status.st_nlink} names")
            content = file.read(MAX_NOTES + 1)
    except OSError as error:
        raise HyperhiveError(f"{NAME} cannot be read: {error.strerror}") from None
    if len(content) > MAX_NOTES:
        raise HyperhiveError(f"{NAME} has over {MAX_NOTES} bytes")
    if not content.strip():
        raise HyperhiveError(f"{NAME} is empty")
    try:
        content.decode()
    except UnicodeDecodeError:
        raise HyperhiveError(f"{NAME} is not valid UTF-8") from None
    return Notes(content, status)


@contextmanager
def _written(directory: int, like: os.stat_result, content: bytes) -> Iterator[str]:
    """The name of a new file with this content, on the disk, of the same owner and mode as `like`.

    Removed at the end if it still has that name.
    """
    name = f".{NAME}.{os.urandom(8).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(name, flags, 0o600, dir_fd=directory), "wb") as file:  # noqa: PTH123
        try:
            own = os.fstat(file.fileno())
            if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
                os.fchown(file.fileno(), like.st_uid, like.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(like.st_mode) & 0o777)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            yield name
        finally:
            _remove(directory, name)


def _remove(directory: int, name: str) -> None:
    with contextlib.suppress(OSError):  # it has its new name, or is the agent's own directory
        os.unlink(name, dir_fd=directory)
