"""The manifest of a rendered directory: which files `hyperhive render` wrote there, as what.

It tells a file that may be replaced or deleted from one that a person made or changed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Final

from hyperhive.errors import InputError

MANIFEST: Final = ".hyperhive-manifest.json"
"""Its name, at the top of the directory."""

_VERSION: Final = 1
_TODO: Final = "delete it and render again; then files that differ are reported, not replaced"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was written.

    Attributes:
        files: SHA-256 in hexadecimal by path.
        replaced: while a render is under way, the `files` of the one before. Where it was cut
            short, a file is either as in `files` or as in `replaced`.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)

    def wrote(self, path: str, content: bytes) -> bool:
        """Whether `content` at `path` is what a render wrote there."""
        return digest(content) in (self.files.get(path), self.replaced.get(path))

    def paths(self) -> set[str]:
        """Return every path that a render wrote."""
        return {*self.files, *self.replaced}


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return sha256(content).hexdigest()


def parse_manifest(text: bytes, source: str) -> Manifest:
    """Return the manifest that `text` holds.

    Args:
        text: the file's content.
        source: its path, named in errors.

    Raises:
        InputError: it is damaged, or of another version.
    """
    try:
        values = json.loads(text)
    except ValueError as error:
        raise InputError(f"{source} is not JSON: {error}", _TODO) from error
    match values:
        case {"version": 1, "files": dict(files), "replaced": dict(replaced)}:
            pass
        case _:
            raise InputError(f"{source} is not a manifest of version {_VERSION}", _TODO)
    for path, known in [*files.items(), *replaced.items()]:
        if not isinstance(known, str) or not _stays_inside(path):
            raise InputError(f"{source} has a damaged entry for {path!r}", _TODO)
    return Manifest(files, replaced)


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the file's content for `manifest`."""
    values = {
        "version": _VERSION,
        "files": dict(manifest.files),
        "replaced": dict(manifest.replaced),
    }
    return (json.dumps(values, indent=2, sort_keys=True) + "\n").encode()


def _stays_inside(path: str) -> bool:
    parts = path.split("/")
    return not PurePosixPath(path).is_absolute() and all(
        part and part not in (".", "..") for part in parts
    )
