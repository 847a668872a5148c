"""The manager's bridge: what it adds to a call, and what it passes on."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from hyperhive.wire.git_objects import MOST_BYTES, verified
from tests.integration.wire.proposing import (
    DEADLINE,
    TOML,
    Manager,
    commit_of,
    git,
    head,
    manager,
    stored,
    tree_of,
)

MiB = 1 << 20


def test_a_commit_arrives_with_its_objects(boss: Manager, config: Path) -> None:
    answer = boss.propose("alice", head(config), description="because")
    assert answer.objects is not None, answer.words
    commit = verified(head(config), answer.objects)
    assert commit.files == {"agent.toml": TOML}
    assert commit.author == "boss <boss@lab.hive.internal>"
    assert commit.message == "Use opus"


def test_packed_and_unreachable_commits_arrive_too(boss: Manager, config: Path) -> None:
    first = head(config)
    for number in range(20):
        (config / "README.md").write_text("long line\n" * 500 + str(number))
        git(config, "add", "-A")
        git(config, "commit", "-q", "-m", f"Commit {number}")
    last = head(config)
    git(config, "repack", "-adq")
    git(config, "pack-refs", "--all")
    git(config, "reset", "-q", "--hard", first)
    for sha in (first, last):
        answer = boss.propose("alice", sha)
        assert answer.objects is not None, answer.words
        verified(sha, answer.objects)


def test_everything_else_is_passed_on_as_it_is(boss: Manager, config: Path) -> None:
    long = b"x" * (3 * MiB)
    mark = b"request_apply_commit"
    said = [
        b'{"jsonrpc":"2.0", "id":1,"method" : "tools/list"}\n',
        b"\n",
        b'{"name": "request_apply_commit"}\n',
        long + mark + b"\n",
        b'{"method":"tools/call","params":{"name":"send","arguments":{"body":"request_apply_commit"}}}\r\n',
        mark,  # and no end
    ]

    def write() -> None:
        for part in said:
            boss.say(part)
        assert boss.process.stdin is not None
        boss.process.stdin.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert b"".join(boss.lines) == b"".join(said)
    writer.join(DEADLINE)
    boss.peer.sendall(b"and back\n")
    assert boss.process.stdout is not None
    assert boss.process.stdout.read(100) == b"and back\n"


def test_where_nothing_can_be_made_the_bridge_works(tmp_path: Path) -> None:
    with manager(tmp_path, tmp_path / "nowhere") as boss:
        boss.say(b"one\n")
        assert next(boss.lines) == b"one\n"
        assert "there is no" in boss.propose("alice", "1" * 40).words


@pytest.mark.parametrize("text", ["main", "HEAD", "HEAD~1", "@{u}", "", "-h", "--help"])
def test_a_branch_is_refused_with_what_to_give(boss: Manager, config: Path, text: str) -> None:
    assert "git rev-parse HEAD" in boss.propose("alice", text).words


def test_what_is_no_commit_is_said(boss: Manager, config: Path) -> None:
    def words(sha: str) -> str:
        return boss.propose("alice", sha).words

    sha = head(config)
    assert "git rev-parse HEAD" in words(sha[:12])
    assert "git rev-parse HEAD" in words(sha.upper() if sha.upper() != sha else "A" * 40)
    assert f"is not in {config}" in words("1" * 40)
    assert "is a tree, not a commit" in words(git(config, "rev-parse", "HEAD^{tree}"))
    assert "is a blob, not a commit" in words(git(config, "rev-parse", "HEAD:agent.toml"))
    git(config, "tag", "-a", "-m", "x", "v1")
    assert "is a tag, not a commit" in words(git(config, "rev-parse", "v1"))
    assert boss.propose("alice", sha).objects is not None


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([("100644", "notes.md")], "'notes.md', which may not be there"),
        ([("100644", "..")], "'..', which may not be there"),
        ([("100644", "../../etc/passwd")], "passwd', which may not be there"),
        ([("40000", ".git")], "'.git', which may not be there"),
        ([("120000", "README.md")], "README.md is a symbolic link"),
        ([("160000", "README.md")], "README.md is a submodule"),
        ([("40000", "README.md")], "README.md is a directory"),
        ([("100755", "README.md")], "README.md is an executable file"),
        ([("100644", "README.md"), ("100644", "README.md")], "README.md twice"),
    ],
)
def test_what_may_not_be_in_a_commit_is_named(
    boss: Manager, config: Path, more: list[tuple[str, str]], words: str
) -> None:
    blob = stored(config, "blob", TOML)
    entries = [(mode, name, blob) for mode, name in more]
    tree = stored(config, "tree", tree_of(*entries, ("100644", "agent.toml", blob)))
    answer = boss.propose("alice", commit_of(config, tree))
    assert words in answer.words
    assert answer.objects is None


def test_a_commit_without_its_settings_or_its_objects(boss: Manager, config: Path) -> None:
    empty = commit_of(config, stored(config, "tree", b""))
    assert "no agent.toml" in boss.propose("alice", empty).words
    missing = stored(config, "tree", tree_of(("100644", "agent.toml", "1" * 40)))
    assert "agent.toml 1111" in boss.propose("alice", commit_of(config, missing)).words
    assert "is not in" in boss.propose("alice", commit_of(config, "2" * 40)).words
    of_a_tree = stored(
        config, "tree", tree_of(("100644", "agent.toml", git(config, "rev-parse", "HEAD^{tree}")))
    )
    assert "is a tree, not a blob" in boss.propose("alice", commit_of(config, of_a_tree)).words
    odd = stored(config, "commit", b"parent " + b"1" * 40 + b"\n\nhello\n")
    assert "no tree" in boss.propose("alice", odd).words


def test_the_largest_file_arrives_and_a_larger_one_does_not(boss: Manager, config: Path) -> None:
    for size, taken in ((MOST_BYTES, True), (MOST_BYTES + 1, False)):
        for name in ("README.md", "agent.toml", "extra.nix"):
            (config / name).write_bytes(os.urandom(size))
        git(config, "add", "-A")
        git(config, "commit", "-q", "-m", "x" * 1000)
        answer = boss.propose("alice", head(config))
        assert (answer.objects is not None) is taken
        assert taken or "is over 64 KiB" in answer.words


def test_a_replaced_object_counts_as_what_it_was(boss: Manager, config: Path) -> None:
    first = head(config)
    (config / "agent.toml").write_text('model = "haiku"\n')
    git(config, "commit", "-q", "-a", "-m", "Use haiku")
    git(config, "replace", first, head(config))
    answer = boss.propose("alice", first)
    assert answer.objects is not None, answer.words
    assert verified(first, answer.objects).files == {"agent.toml": TOML}


def test_without_git_the_model_is_told(tmp_path: Path, proposed: Path, config: Path) -> None:
    with manager(tmp_path, proposed, {"PATH": str(tmp_path)}) as boss:
        assert "git is not installed" in boss.propose("alice", head(config)).words


@pytest.mark.parametrize("owner", [0, 12345])
def test_whose_the_repository_is_does_not_matter(boss: Manager, config: Path, owner: int) -> None:
    """What git asks of safe.directory is for who did not name a repository."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    sha = head(config)
    subprocess.run(["chown", "-R", str(owner), str(config)], check=True)
    assert boss.propose("alice", sha).objects is not None
