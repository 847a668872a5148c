"""Files of the host whose first line says that hyperhive wrote them; no others are touched."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from hyperhive.errors import HyperhiveError

MARK: Final = b"# Written by `hyperhive "


def read_marked(path: Path) -> bytes | None:
    """The content of a file of hyperhive's; None: there is nothing.

    Raises:
        HyperhiveError: there is something else.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:  # A link, or something that cannot be opened for reading.
        raise _foreign(path) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _foreign(path)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read()
    if not content.startswith(MARK):
        raise _foreign(path)
    return content


def write_file(path: Path, content: bytes) -> None:
    """Put a file in place: after a crash the old content is there or the new one.

    The missing directories above it are made, root's.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    # systemd reads what ends in .conf, and nixos-containers lists it.
    staged = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):
        staged.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(staged, flags, 0o644), "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except OSError:
        staged.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def remove_file(path: Path) -> None:
    """Remove a file, durably. Nothing: fine."""
    with suppress(FileNotFoundError):
        path.unlink()
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Wait until what was renamed or removed in a directory is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def names_between(directory: Path, before: str, after: str) -> Iterator[str]:
    """What stands between `before` and `after` in the names of a directory's entries."""
    try:
        entries = sorted(entry.name for entry in directory.iterdir())
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.startswith(before) and entry.endswith(after):
            yield entry[len(before) : len(entry) - len(after)]


def _foreign(path: Path) -> HyperhiveError:
    return HyperhiveError(
        f"{path} was not written by hyperhive",
        "move it away, or name the agent otherwise, then run `hyperhive reconcile` again",
    )
