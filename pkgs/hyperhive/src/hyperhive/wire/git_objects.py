"""The git objects of a proposed commit: one commit, its root tree and its files.

They come from a repository that its owner may have written in any way, so nobody else opens that
repository. A commit's id is the SHA-1 of its bytes, which name the tree, whose bytes name the
files: who has computed all three (`verified`) knows what the id stands for, wherever the objects
came from. Formats: gitformat-commit and gitformat-tree of git's documentation; a commit
has to be as `git commit` writes it, so that every git takes it.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hyperhive.wire.records import RecordError, from_json

ALLOWED: Final = ("README.md", "agent.toml", "extra.nix")
"""What a proposal's directory may hold, in the order in which a tree has it."""
REQUIRED: Final = "agent.toml"
MOST_BYTES: Final = 65536
"""Largest commit, tree and file."""
TREE: Final = "the commit's list of files"

_MODE: Final = b"100644"
_SHA: Final = re.compile(r"[0-9a-f]{40}")
_MOST_ENCODED: Final = 4 * -(-MOST_BYTES // 3)
_TREE_LINE: Final = re.compile(rb"tree ([0-9a-f]{40})\n")
_PARENT_LINE: Final = re.compile(rb"parent ([0-9a-f]{40})\n")
_TREE_ENTRY: Final = re.compile(rb"([0-7]{1,7}) ([^\0]+)\0(.{20})", re.DOTALL)
_IDENTITY: Final = rb"([^<>\n]* <[^<>\n]*>) (?:0|[1-9][0-9]{0,17}) [+-][0-9]{4}\n"
_AUTHOR_LINES: Final = re.compile(rb"author " + _IDENTITY + rb"committer " + _IDENTITY)
_KINDS: Final = {
    b"40000": "a directory",
    b"120000": "a symbolic link",
    b"160000": "a submodule",
    b"100755": "an executable file",
}


class ObjectsError(ValueError):
    """Objects are not those of a commit that may be proposed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class CommitObjects:
    """The raw objects, without git's header, in base64; `blobs` by their SHA-1."""

    commit: str
    tree: str
    blobs: dict[str, str]


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit's id stands for.

    Attributes:
        sha: its id.
        tree: the id of its root tree.
        parents: ids of the commits before it.
        author: `NAME <EMAIL>`. Whoever made the commit chose it.
        message: without blank lines around it.
        files: contents by name, those of `ALLOWED`.
    """

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    message: str
    files: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class CommitHeader:
    """What a commit object says by itself; as in `Commit`."""

    tree: str
    parents: tuple[str, ...]
    author: str
    message: str


def is_sha(text: str) -> bool:
    """Whether it is a full commit id, as git prints it."""
    return _SHA.fullmatch(text) is not None


def sha_of(kind: str, data: bytes) -> str:
    """The id of an object of that kind (commit, tree, blob)."""
    digest = hashlib.sha1(f"{kind} {len(data)}\0".encode(), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def required_sha(text: str) -> str:
    """Return the text if it is a full commit id.

    Raises:
        ObjectsError: it is a branch, a short id, or anything else.
    """
    if is_sha(text):
        return text
    raise ObjectsError(
        f"{_shown(text)} is not a commit's full id, and what else it names can change: "
        "give the 40 digits that `git rev-parse HEAD` prints"
    )


def commit_header(raw: bytes) -> CommitHeader:
    """What a commit object says.

    Raises:
        ObjectsError: it is too large, or not as `git commit` writes it.
    """
    if len(raw) > MOST_BYTES:
        raise too_large("the commit with its message")
    if b"\0" in raw:
        raise ObjectsError("the commit holds a NUL byte: make it with `git commit`")
    tree = _TREE_LINE.match(raw)
    if tree is None:
        raise _odd_commit("no tree")
    parents, at = [], tree.end()
    while parent := _PARENT_LINE.match(raw, at):
        parents.append(parent[1].decode())
        at = parent.end()
    people = _AUTHOR_LINES.match(raw, at)
    if people is None:
        raise _odd_commit("no author or no committer")
    _, ended, message = raw[people.end() - 1 :].partition(b"\n\n")
    if not ended:
        raise _odd_commit("no end of its header")
    return CommitHeader(
        tree[1].decode(), tuple(parents), _text(people[1]), _text(message).strip("\n")
    )


def tree_files(raw: bytes) -> dict[str, str]:
    """The files of a root tree: ids of blobs by name.

    Raises:
        ObjectsError: something may not be in there, or `REQUIRED` is not.
    """
    if len(raw) > MOST_BYTES:
        raise too_large(TREE)
    files: dict[str, str] = {}
    before, at = b"", 0
    while at < len(raw):
        entry = _TREE_ENTRY.match(raw, at)
        if entry is None:
            raise ObjectsError("the commit's tree is none: make the commit with `git commit`")
        mode, name, sha = entry.groups()
        file = _file_name(mode, name)
        if name <= before:
            raise ObjectsError(f"the commit's tree has {file} twice or out of order")
        files[file] = sha.hex()
        before, at = name, entry.end()
    if REQUIRED not in files:
        raise ObjectsError(f"the commit has no {REQUIRED} in its top directory: add it")
    return files


def read_objects(value: object) -> CommitObjects:
    """The objects that came as JSON with a call, unverified.

    Raises:
        ObjectsError: they did not come, or the text with which reading them was given up.
    """
    if value is None:
        raise ObjectsError(
            "the call came without the commit's objects: only the bridge of the manager's own "
            "container, which claude starts, adds them"
        )
    if isinstance(value, dict) and isinstance(value.get("error"), str):
        raise ObjectsError(value["error"])
    try:
        return from_json(CommitObjects, value)
    except RecordError as error:
        raise ObjectsError(f"the commit's objects cannot be read: {error}") from None


def verified(sha: str, objects: CommitObjects) -> Commit:
    """The commit that has this id, if these are its objects.

    Raises:
        ObjectsError: the id is not full, an object is not the one that is named, is missing or one
            too many, is too large, or may not be proposed.
    """
    required_sha(sha)
    raw = _decoded(objects.commit, "the commit")
    header = commit_header(_named(sha, "commit", raw, "the commit"))
    tree = _decoded(objects.tree, TREE)
    blobs = tree_files(_named(header.tree, "tree", tree, TREE))
    if unknown := sorted(set(objects.blobs) - set(blobs.values())):
        raise ObjectsError(f"{_shown(unknown[0])} is no file of the commit")
    files = {}
    for name, blob in blobs.items():
        if blob not in objects.blobs:
            raise ObjectsError(f"the contents of {name} did not come with the commit")
        files[name] = _named(blob, "blob", _decoded(objects.blobs[blob], name), name)
    return Commit(sha, header.tree, header.parents, header.author, header.message, files)


def made(
    files: Mapping[str, bytes],
    *,
    parent: str | None,
    name: str,
    email: str,
    message: str,
    at: int,
) -> tuple[str, CommitObjects]:
    """A commit of these files: its id and its objects.

    Args:
        parent: id of the commit before it.
        name, email: of its author, who is also its committer.
        at: seconds since 1970, in UTC.

    Raises:
        ObjectsError: a file may not be proposed, or a name or text cannot stand in a commit.
    """
    person = f"{name.strip()} <{email.strip()}>"
    if re.fullmatch(r"[^<>\n\0]+ <[^<>\n\0]+>", person) is None:
        raise ObjectsError(f"{_shown(person)} cannot be a commit's author")
    header = f"parent {required_sha(parent)}\n" if parent is not None else ""
    blobs = {sha_of("blob", data): _encoded(data) for data in files.values()}
    tree = b"".join(
        b"%s %s\0%s" % (_MODE, file.encode(), bytes.fromhex(sha_of("blob", files[file])))
        for file in sorted(files)
    )
    text = (
        f"tree {sha_of('tree', tree)}\n{header}author {person} {at} +0000\n"
        f"committer {person} {at} +0000\n\n{message.strip(chr(10))}\n"
    )
    raw = text.encode("utf-8", "replace")
    sha = sha_of("commit", raw)
    objects = CommitObjects(_encoded(raw), _encoded(tree), blobs)
    verified(sha, objects)
    return sha, objects


def _file_name(mode: bytes, name: bytes) -> str:
    if (text := _text(name)) not in ALLOWED:
        raise ObjectsError(f"the commit has {_shown(text)}, which may not be there: {_only()}")
    if mode != _MODE:
        kind = _KINDS.get(mode, f"a file of mode {_text(mode)}")
        raise ObjectsError(
            f"{text} is {kind} in the commit, not an ordinary file: replace it, or "
            f"`git update-index --chmod=-x {text}`, and commit again"
        )
    return text


def _only() -> str:
    return (
        f"commit {', '.join(ALLOWED)} (where the operator permits one) only, as files of the top"
        " directory; `git restore --source=COMMIT --staged --worktree .` takes back what came later"
    )


def _odd_commit(what: str) -> ObjectsError:
    return ObjectsError(f"the commit object has {what}: make it with `git commit`")


def _named(sha: str, kind: str, raw: bytes, what: str) -> bytes:
    if sha_of(kind, raw) != sha:
        raise ObjectsError(f"what came as {what} is not the {kind} {sha}")
    return raw


def _decoded(text: str, what: str) -> bytes:
    if len(text) > _MOST_ENCODED:
        raise too_large(what)
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ObjectsError(f"what came as {what} is not base64") from None
    if len(raw) > MOST_BYTES:
        raise too_large(what)
    return raw


def too_large(what: str) -> ObjectsError:
    """The error for an object of more than `MOST_BYTES`."""
    return ObjectsError(f"{what} is over {MOST_BYTES >> 10} KiB: make it smaller")


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _shown(text: str) -> str:
    """The text as a reader may see it: short, without control characters."""
    return ascii(text[:60])
