"""How far the operator has been told, on disk: a crash leaves the old file or the new one."""

import os
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from hyperhive.errors import HyperhiveError
from hyperhive.notify.bursts import Progress

_PROGRESS: Final = TypeAdapter(Progress)


def read_progress(file: Path) -> Progress | None:
    """What the file says; None: there is none yet.

    Raises:
        HyperhiveError: it says something else.
        OSError: it cannot be read.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return _PROGRESS.validate_json(content)
    except ValidationError:
        raise HyperhiveError(
            f"{file} does not say how far you have been told",
            "remove it: you are told of what happens from then on",
        ) from None


def write_progress(file: Path, progress: Progress) -> None:
    """Put it on disk.

    Raises:
        OSError: it cannot be written.
    """
    staged = file.with_suffix(".new")
    with staged.open("wb") as out:
        out.write(_PROGRESS.dump_json(progress))
        out.flush()
        os.fsync(out.fileno())
    staged.replace(file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
