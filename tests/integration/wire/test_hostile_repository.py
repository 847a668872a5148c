"""What a repository cannot do to who reads a commit out of it, whoever wrote it."""

import os
import subprocess
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperhive.wire import commit_reader
from hyperhive.wire.git_objects import ObjectsError
from tests.integration.wire.proposing import (
    DEADLINE,
    Manager,
    commit_of,
    git,
    head,
    manager,
    stored,
    tree_of,
)

MiB = 1 << 20


def forged(config: Path, sha: str, header: bytes, megabytes: int) -> str:
    """An object of that name in the repository, whatever it holds: a header and zeros."""
    pack = zlib.compressobj(1)
    data = [pack.compress(header + b"\0")]
    data += [pack.compress(bytes(MiB)) for _ in range(megabytes)]
    path = config / ".git" / "objects" / sha[:2] / sha[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join([*data, pack.flush()]))
    return sha


@pytest.mark.parametrize(
    ("header", "megabytes", "words"),
    [
        (b"blob 1073741824", 1, "agent.toml is over 64 KiB"),
        (b"blob 268435456", 256, "agent.toml is over 64 KiB"),
        (b"blob 15", 256, "what came as agent.toml is not the blob"),
        (b"blob 99999999999999999999999", 1, "agent.toml"),
        (b"blob -1", 1, "agent.toml"),
        (b"blub 15", 1, "agent.toml"),
    ],
)
def test_a_large_blob_costs_nothing(
    boss: Manager, config: Path, header: bytes, megabytes: int, words: str
) -> None:
    boss.propose("alice", head(config))  # what it imports, it has
    before = boss.most_memory
    blob = forged(config, "12" * 20, header, megabytes)
    tree = stored(config, "tree", tree_of(("100644", "agent.toml", blob)))
    answer = boss.propose("alice", commit_of(config, tree))
    assert words in answer.words
    assert answer.seconds < 1
    assert boss.most_memory - before < 4096


def test_a_large_commit_or_tree_costs_nothing(boss: Manager, config: Path) -> None:
    commit = forged(config, "34" * 20, b"commit 1073741824", 1)
    assert "the commit is over 64 KiB" in boss.propose("alice", commit).words
    tree = forged(config, "56" * 20, b"tree 1073741824", 1)
    answer = boss.propose("alice", commit_of(config, tree))
    assert "list of files is over 64 KiB" in answer.words


def test_an_object_that_is_another_is_refused(boss: Manager, config: Path) -> None:
    """By git itself or by the hash: no matter what a repository says that an id stands for."""
    blob = forged(config, "78" * 20, b"blob 5\0hello", 0)
    tree = stored(config, "tree", tree_of(("100644", "agent.toml", blob)))
    answer = boss.propose("alice", commit_of(config, tree))
    assert answer.objects is None
    assert "agent.toml" in answer.words


def test_nothing_that_the_repository_names_is_run(
    boss: Manager, config: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    ran.mkdir()

    def trap(name: str) -> str:
        path = tmp_path / f"trap-{name}"
        path.write_text(f"#!/bin/sh\ntouch {ran}/{name}\nexit 1\n")
        path.chmod(0o755)
        return str(path)

    hooks = config / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-checkout", "post-index-change", "pre-commit", "reference-transaction"):
        (hooks / hook).unlink(missing_ok=True)
        (hooks / hook).symlink_to(trap(hook))
    (config / ".git" / "info").mkdir(exist_ok=True)
    attributes = "* filter=evil diff=evil merge=evil\n"
    (config / ".git" / "info" / "attributes").write_text(attributes)
    (config / ".gitattributes").write_text(attributes)
    sha = head(config)
    missing = stored(config, "tree", tree_of(("100644", "agent.toml", "9" * 40)))
    promised = commit_of(config, missing)
    settings = {
        "alias.cat-file": f"!{trap('alias')}",
        "core.alternateRefsCommand": trap("alternates"),
        "core.askPass": trap("askpass"),
        "core.editor": trap("editor"),
        "core.fsmonitor": trap("fsmonitor"),
        "core.gitProxy": trap("proxy"),
        "core.hooksPath": str(hooks),
        "core.pager": trap("pager"),
        "core.sshCommand": trap("ssh"),
        "credential.helper": f"!{trap('credential')}",
        "diff.evil.textconv": trap("textconv"),
        "diff.evil.command": trap("diff"),
        "diff.external": trap("external"),
        "filter.evil.clean": trap("clean"),
        "filter.evil.smudge": trap("smudge"),
        "filter.evil.process": trap("process"),
        "gpg.program": trap("gpg"),
        "pager.cat-file": trap("pager-cat-file"),
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
        "remote.origin.url": f"ext::{trap('ext')}",
        "remote.origin.promisor": "true",
        "remote.origin.partialclonefilter": "blob:none",
        "remote.origin.uploadpack": trap("uploadpack"),
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
        "uploadpack.packObjectsHook": trap("packobjects"),
    }
    for name, value in settings.items():
        git(config, "config", name, value)
    answer = boss.propose("alice", sha)
    assert answer.objects is not None, answer.words
    # A blob that a promisor remote is to have: it is not asked, by no transport.
    for url in (f"ext::{trap('ext')}", f"{tmp_path}/other", "ssh://host/x", "file:///nowhere"):
        git(config, "config", "remote.origin.url", url)
        assert boss.propose("alice", promised).objects is None
    assert ran_of(ran) == set()
    # The traps work: git without these precautions runs into them.
    git(config, "config", "remote.origin.url", f"ext::{trap('ext')}")
    for careless in (
        ["cat-file", "--filters", f"{sha}:agent.toml"],
        ["status"],
        ["show", promised],
    ):
        subprocess.run(
            ["git", "-C", str(config), *careless],
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=DEADLINE,
        )
    assert {"process", "fsmonitor", "ext"} <= ran_of(ran)


def ran_of(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_variables_of_the_agent_do_not_lead_git_elsewhere(
    tmp_path: Path, proposed: Path, config: Path
) -> None:
    odd = {
        "GIT_DIR": "/nowhere",
        "GIT_OBJECT_DIRECTORY": "/nowhere",
        "GIT_TRACE": str(tmp_path / "trace"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.repositoryFormatVersion",
        "GIT_CONFIG_VALUE_0": "99",
        "GIT_EXTERNAL_DIFF": "/nowhere",
    }
    with manager(tmp_path, proposed, odd) as boss:
        answer = boss.propose("alice", head(config))
        assert answer.objects is not None, answer.words
    assert not (tmp_path / "trace").exists()


def fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def of_object(config: Path) -> None:
    sha = head(config)
    fifo(config / ".git" / "objects" / sha[:2] / sha[2:])


def of_pack(config: Path) -> None:
    git(config, "repack", "-adq")
    git(config, "prune-packed")
    (index,) = (config / ".git" / "objects" / "pack").glob("*.idx")
    fifo(index)


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda config: fifo(config / ".git" / "HEAD"), id="HEAD"),
        pytest.param(lambda config: fifo(config / ".git" / "config"), id="config"),
        pytest.param(lambda config: git(config, "config", "include.path", "fifo"), id="include"),
        pytest.param(of_object, id="object"),
        pytest.param(of_pack, id="pack"),
    ],
)
def test_a_pipe_in_place_of_a_file_ends_in_time(
    proposed: Path, config: Path, monkeypatch: pytest.MonkeyPatch,
    break_it: Callable[[Path], object],
) -> None:  # fmt: skip
    """git waits for who writes to it; nobody does."""
    sha = head(config)
    fifo(config / ".git" / "fifo")
    break_it(config)
    monkeypatch.setattr(commit_reader, "SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(ObjectsError, match=r"within|cannot read|is not in"):
        commit_reader.read_commit(str(config), sha)
    assert time.monotonic() - began < 10


def test_a_link_in_place_of_the_repository(boss: Manager, config: Path, tmp_path: Path) -> None:
    """It leads to what this very user may read anyway, and its objects have to be a commit's."""
    (config / ".git").rename(tmp_path / "elsewhere")
    assert "git cannot read" in boss.propose("alice", "1" * 40).words
    (config / ".git").symlink_to("/etc")
    assert "git cannot read" in boss.propose("alice", "1" * 40).words
