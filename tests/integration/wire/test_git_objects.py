"""Objects compared with those of git itself."""

import base64
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperhive.wire.git_objects import ALLOWED, CommitObjects, made, verified
from tests.tools import program

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}

contents = st.binary(max_size=200)
proposals = st.builds(
    lambda required, others: {**others, "agent.toml": required},
    contents,
    st.dictionaries(st.sampled_from(["README.md", "extra.nix"]), contents),
)
# What a commit's text may hold; control characters and other alphabets too.
texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60)
names = st.text(st.characters(exclude_characters="\0\n<>", codec="utf-8"), min_size=1).filter(
    str.strip
)


def git(where: Path, *arguments: str, given: bytes = b"", **variables: str) -> bytes:
    command = ["git", "-C", str(where), *arguments]
    environment = ENVIRONMENT | variables
    done = subprocess.run(command, input=given, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    program("git", "apt-get install git")
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def written(repository: Path, objects: CommitObjects) -> str:
    """Have git itself keep the objects; the id that it gives the commit."""
    parts = [("blob", text) for text in objects.blobs.values()]
    for kind, text in [*parts, ("tree", objects.tree), ("commit", objects.commit)]:
        raw = base64.b64decode(text)
        sha = git(repository, "hash-object", "-w", "-t", kind, "--stdin", given=raw)
    return sha.decode().strip()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(proposals, names, names, texts, st.integers(0, 2**40))
def test_git_takes_a_made_commit(
    repository: Path, files: Mapping[str, bytes], name: str, email: str, message: str, at: int
) -> None:
    sha, objects = made(files, parent=None, name=name, email=email, message=message, at=at)
    child, more = made(files, parent=sha, name=name, email=email, message="child", at=at)
    assert written(repository, objects) == sha
    assert written(repository, more) == child
    assert git(repository, "fsck", "--strict", "--no-dangling") == b""
    for file, data in files.items():
        assert git(repository, "cat-file", "blob", f"{child}:{file}") == data
    assert git(repository, "log", "--format=%H", child).decode().split() == [child, sha]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(proposals, names, texts)
def test_a_commit_of_git_is_verified(
    repository: Path, files: Mapping[str, bytes], name: str, message: str
) -> None:
    for file in ALLOWED:
        (repository / file).unlink(missing_ok=True)
    for file, data in files.items():
        (repository / file).write_bytes(data)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "--allow-empty", "--allow-empty-message", "-F", "-",
        given=message.encode(), GIT_AUTHOR_NAME=f"a{name}", GIT_AUTHOR_EMAIL="a@b",
        GIT_COMMITTER_NAME="c", GIT_COMMITTER_EMAIL="c@d")  # fmt: skip
    sha = git(repository, "rev-parse", "HEAD").decode().strip()
    tree = git(repository, "rev-parse", "HEAD^{tree}").decode().strip()
    listed = git(repository, "ls-tree", "--format=%(objectname)", "HEAD").decode().split()
    objects = CommitObjects(
        raw(repository, sha),
        raw(repository, tree),
        {blob: raw(repository, blob) for blob in listed},
    )
    commit = verified(sha, objects)
    assert commit.files == files
    assert (commit.sha, commit.tree) == (sha, tree)
    parents = git(repository, "log", "-1", "--format=%P").decode().split()
    assert list(commit.parents) == parents


def raw(repository: Path, sha: str) -> str:
    kind = git(repository, "cat-file", "-t", sha).decode().strip()
    return base64.b64encode(git(repository, "cat-file", kind, sha)).decode()
