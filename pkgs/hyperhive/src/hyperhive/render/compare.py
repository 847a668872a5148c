"""A rendered tree beside a directory: what is the same, what differs, and whose the difference is.

Reads only. A symbolic link inside the directory is never followed.
"""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from hyperhive.errors import HyperhiveError, InputError
from hyperhive.render.manifest import MANIFEST, Manifest, parse_manifest

Tree: TypeAlias = Mapping[str, bytes]
"""Contents by path, relative to the tree's top, with slashes."""

Belongs: TypeAlias = Callable[[str], bool]
"""Whether a path is one of those that a tree is the whole of."""


class Extent(StrEnum):
    """What a tree is of its directory."""

    WHOLE = "whole"
    """Everything: what was rendered before and is not in it has no place any more."""
    PART = "part"
    """Some files; about others it says nothing, unless it is the whole of them (`Belongs`)."""


class State(StrEnum):
    """How a path of the tree, or of an earlier one, stands on disk."""

    SAME = "same"
    MISSING = "missing"
    OUTDATED = "outdated"
    """As an earlier render wrote it."""
    CHANGED = "changed by hand"
    """Not as any render wrote it."""
    ODD = "not a regular file"
    """A link, a directory, …, or below something other than a directory."""
    OBSOLETE = "no longer rendered"
    """As an earlier render wrote it, and not in this one."""


BLOCKING = frozenset({State.CHANGED, State.ODD})
"""States in which a render would destroy what it did not make."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The state of every path, and what was read to find it.

    Attributes:
        states: by path, sorted.
        contents: what the regular files among them hold now.
        manifest: the manifest of the directory.
        manifest_text: the same as it is on disk; None: there is none.
    """

    states: dict[str, State]
    contents: dict[str, bytes]
    manifest: Manifest
    manifest_text: bytes | None

    def paths(self, *states: State) -> list[str]:
        """Return the paths that are in one of `states`."""
        return [path for path, state in self.states.items() if state in states]


def nothing(path: str) -> bool:
    """A part is the whole of no directory."""
    return False


def compare(tree: Tree, directory: Path, extent: Extent, belongs: Belongs = nothing) -> Comparison:
    """Compare `tree` with `directory`, which need not exist.

    Args:
        belongs: what a part is the whole of.

    Raises:
        InputError: the directory's manifest is damaged.
        HyperhiveError: a file or directory cannot be read.
    """
    try:
        return _compare(tree, directory, extent, belongs)
    except OSError as error:
        raise HyperhiveError(
            f"cannot read {error.filename or directory}: {error.strerror or error}",
            f"make everything in {directory} readable",
        ) from error


def _compare(tree: Tree, directory: Path, extent: Extent, belongs: Belongs) -> Comparison:
    manifest_text = _read_manifest(directory)
    manifest = Manifest()
    if manifest_text is not None:
        manifest = parse_manifest(manifest_text, str(directory / MANIFEST))
    earlier = {path for path in manifest.paths() if extent is Extent.WHOLE or belongs(path)}
    states: dict[str, State] = {}
    contents: dict[str, bytes] = {}
    for path in sorted({*tree, *earlier}):
        try:
            content = read_regular(directory, path)
        except FileNotFoundError:
            if path in tree:
                states[path] = State.MISSING
            continue
        except NotRegularError:
            states[path] = State.ODD
            continue
        contents[path] = content
        states[path] = _state(path, content, tree, manifest)
    return Comparison(states, contents, manifest, manifest_text)


class NotRegularError(Exception):
    """A path leads to something other than a regular file below real directories."""


def read_regular(directory: Path, path: str) -> bytes:
    """Return the content of the regular file `path` below `directory`, following no link.

    Raises:
        FileNotFoundError: there is nothing.
        NotRegularError: there is something else.
    """
    *parents, _ = path.split("/")
    below = directory
    for parent in parents:
        below = below / parent
        if not stat.S_ISDIR(below.lstat().st_mode):
            raise NotRegularError(path)
    place = directory / path
    if not stat.S_ISREG(place.lstat().st_mode):
        raise NotRegularError(path)
    with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        return file.read()


def _read_manifest(directory: Path) -> bytes | None:
    try:
        return read_regular(directory, MANIFEST)
    except FileNotFoundError:
        return None
    except NotRegularError:
        raise InputError(
            f"{directory / MANIFEST} is not a regular file", "remove it, then render again"
        ) from None


def _state(path: str, content: bytes, tree: Tree, manifest: Manifest) -> State:
    if tree.get(path) == content:
        return State.SAME
    if not manifest.wrote(path, content):
        return State.CHANGED
    return State.OUTDATED if path in tree else State.OBSOLETE
