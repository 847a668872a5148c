"""Writes a rendered tree into a directory: all of it, or nothing.

Every file is staged beside the tree and renamed into place, so each is old or new at any moment.
The manifest first names both generations and at the end the new one, so that after a crash the next
run still knows every file as hyperhive's own, and completes the work. An error puts back what was.
What a person made or changed is never replaced or deleted: the whole render is refused instead.
"""

import ctypes
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Final

from hyperhive.errors import HyperhiveError, InputError
from hyperhive.render.compare import (
    BLOCKING,
    Belongs,
    Comparison,
    Extent,
    State,
    Tree,
    compare,
    nothing,
)
from hyperhive.render.manifest import MANIFEST, Manifest, digest, manifest_bytes

STAGING: Final = ".hyperhive-staging"
"""Directory of files on their way into the tree."""

_MOST_NAMED: Final = 5
_SYNCS_AT_ONCE: Final = 8
_SYNCED_ALONE: Final = 100
"""Most files that are synced one by one: for more, one sync of the whole file system is quicker."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a render did, as paths."""

    written: list[str]
    deleted: list[str]
    unchanged: list[str]


def write_tree(tree: Tree, directory: Path, extent: Extent, belongs: Belongs = nothing) -> Written:
    """Make `directory` hold `tree`, and no file of an earlier one where `tree` is the whole.

    Args:
        belongs: what a part is the whole of.

    Raises:
        InputError: files in the way were not written by an earlier render, or were changed since.
        HyperhiveError: the directory cannot be written, or another render is at work in it; it is
            as it was.
    """
    try:
        with _locked(directory):
            comparison = compare(tree, directory, extent, belongs)
            _refuse_foreign(comparison, directory)
            _apply(tree, directory, _manifests(tree, extent, belongs, comparison), comparison)
    except OSError as error:
        raise HyperhiveError(
            f"cannot write {error.filename or directory}: {error.strerror or error}",
            f"make {directory} writable; it is as it was before",
        ) from error
    return Written(
        written=comparison.paths(State.MISSING, State.OUTDATED),
        deleted=comparison.paths(State.OBSOLETE),
        unchanged=comparison.paths(State.SAME),
    )


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold `directory`, made where it is missing, for this render alone."""
    undo: list[Callable[[], object]] = []
    _make_directories(directory, undo)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HyperhiveError(
                f"another render is writing {directory}", "wait for it to end, then run this again"
            ) from None
        yield
    except BaseException:
        for remove in reversed(undo):
            with suppress(OSError):  # Not empty: someone else has begun to use it.
                remove()
        raise
    finally:
        os.close(descriptor)


def _refuse_foreign(comparison: Comparison, directory: Path) -> None:
    blocking = comparison.paths(*BLOCKING)
    if not blocking:
        return
    named = [f"{path} ({comparison.states[path]})" for path in blocking[:_MOST_NAMED]]
    if len(blocking) > _MOST_NAMED:
        named.append(f"{len(blocking) - _MOST_NAMED} more")
    raise InputError(
        f"in {directory} these are not as hyperhive wrote them: {', '.join(named)}",
        "move lasting changes into the hive or an agent's extra.nix and delete these files, "
        "then render again",
    )


def _apply(
    tree: Tree, directory: Path, manifests: tuple[Manifest, Manifest], comparison: Comparison
) -> None:
    writes = comparison.paths(State.MISSING, State.OUTDATED)
    deletes = comparison.paths(State.OBSOLETE)
    under_way, final = manifests
    staging = directory / STAGING
    if staging.exists():
        shutil.rmtree(staging)  # Left by a render that was cut short.
    if not writes and not deletes and final == comparison.manifest:
        return
    held: dict[str, bytes | None] = {**comparison.contents, MANIFEST: comparison.manifest_text}
    undo: list[Callable[[], object]] = []
    try:
        staging.mkdir()
        moves = [
            *_stage({MANIFEST: manifest_bytes(under_way)}, staging / "first"),
            *_stage({path: tree[path] for path in writes}, staging / "new"),
            *_stage({MANIFEST: manifest_bytes(final)}, staging / "last"),
        ]
        # A rename may reach the disk before what it names: a power cut would leave empty files.
        _sync([staged for staged, _ in moves])
        for staged, path in moves[:-1]:
            place = directory / path
            _make_directories(place.parent, undo)
            undo.append(partial(_put_back, place, held.get(path), staging))
            staged.replace(place)
        for path in deletes:
            undo.append(partial(_put_back, directory / path, held[path], staging))
            _delete(directory, path)
        last, path = moves[-1]
        last.replace(directory / path)
    except BaseException:
        _roll_back(undo, directory)
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # The next render would clear it, too.


def _manifests(
    tree: Tree, extent: Extent, belongs: Belongs, comparison: Comparison
) -> tuple[Manifest, Manifest]:
    """Return the manifest for while the files are renamed, and the one for afterwards."""
    before = comparison.manifest
    files = {path: digest(content) for path, content in tree.items()}
    replaced: dict[str, str] = {}
    if extent is Extent.PART:
        others = {path: known for path, known in before.files.items() if not belongs(path)}
        files = {**others, **files}
        replaced = {
            path: known
            for path, known in before.replaced.items()
            if path not in tree and not belongs(path)
        }
    on_disk = {path: digest(content) for path, content in comparison.contents.items()}
    return Manifest(files, {**replaced, **on_disk}), Manifest(files, replaced)


def _stage(files: Mapping[str, bytes], into: Path) -> list[tuple[Path, str]]:
    """Write `files` into the new directory `into`; return each with the path it is meant for."""
    into.mkdir()
    staged = []
    for index, (path, content) in enumerate(files.items()):
        place = into / str(index)
        place.write_bytes(content)
        staged.append((place, path))
    return staged


def _delete(directory: Path, path: str) -> None:
    """Delete a file, and the directories that held nothing else."""
    (directory / path).unlink()
    for parent in Path(path).parents[:-1]:
        try:
            (directory / parent).rmdir()
        except OSError:
            return  # Not empty: it holds what hyperhive did not write, such as extra.nix.


def _put_back(place: Path, content: bytes | None, staging: Path) -> None:
    """Make `place` hold `content` again, or nothing."""
    if content is None:
        place.unlink(missing_ok=True)
        return
    staged = staging / "back"
    staged.write_bytes(content)
    place.parent.mkdir(parents=True, exist_ok=True)
    staged.replace(place)


def _roll_back(undo: list[Callable[[], object]], directory: Path) -> None:
    """Undo in reverse order. The manifest is the last: until then it names both generations."""
    for step in reversed(undo):
        try:
            step()
        except OSError as error:
            raise HyperhiveError(
                f"{directory} is half written, and putting it back failed: {error}",
                "mend the cause and render again: that completes it",
            ) from error


def _make_directories(directory: Path, undo: list[Callable[[], object]]) -> None:
    """Make `directory` and its missing parents, and note in `undo` how to remove them."""
    missing = takewhile(lambda path: not path.exists(), (directory, *directory.parents))
    for path in reversed(list(missing)):
        path.mkdir()
        undo.append(path.rmdir)


def _sync(files: list[Path]) -> None:
    """Wait until the contents of `files`, all on one file system, are on the disk."""
    if len(files) > _SYNCED_ALONE:
        sync_file_system(files[0])
        return
    # At once: then the file system commits many together.
    with ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool:
        for _ in pool.map(_sync_file, files):
            pass


def sync_file_system(path: Path) -> None:
    """Wait until all of the file system that a file or directory is on is on the disk.

    It is syncfs(2), which Python does not have.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error), str(path))
    finally:
        os.close(descriptor)


def _sync_file(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
