"""Repositories to propose in, as the manager's bridge has them made."""

import os
import subprocess
import sys
import time
from pathlib import Path

from hyperhive.wire import commit_reader
from hyperhive.wire.agent_toml import TEMPLATE
from hyperhive.wire.git_objects import verified
from hyperhive.wire.proposed_repositories import DEPLOYED, SPAWN, main
from tests.integration.wire.proposing import (
    DEADLINE,
    commit_of,
    git,
    head,
    manager,
    stored,
    tree_of,
)
from tests.tools import program


def test_repositories_that_are_missing_are_made(tmp_path: Path, proposed: Path) -> None:
    (proposed / "bob").mkdir()
    (proposed / "carol" / "config").mkdir(parents=True)
    (proposed / "carol" / "config" / "agent.toml").write_text("# mine\n")
    (proposed / "carol" / "config" / ".git.new" / "left" / "over").mkdir(parents=True)
    (proposed / "Not an agent").mkdir()
    with manager(tmp_path, proposed) as boss:
        for name, text in (("bob", TEMPLATE), ("carol", "# mine\n")):
            config = proposed / name / "config"
            wait_for(config / ".git")
            assert git(config, "status", "--porcelain") == ""
            assert git(config, "symbolic-ref", "HEAD") == "refs/heads/main"
            by = git(config, "log", "--format=%an <%ae> %cn <%ce>")
            assert by == " ".join(["hyperhive <hyperhive@lab.hive.internal>"] * 2)
            answer = boss.propose(name, head(config))
            assert answer.objects is not None, answer.words
            files = verified(head(config), answer.objects).files
            assert files["agent.toml"].decode() == text
            assert sorted(files) == ["README.md", "agent.toml"]
            assert not (config / ".git" / "hooks").exists()
    assert list((proposed / "Not an agent").iterdir()) == []
    assert git(proposed / "alice" / "config", "rev-list", "--all") == ""


def test_a_repository_is_made_whole_or_not_at_all(tmp_path: Path) -> None:
    """Whenever the process that makes it is killed, the next one makes it."""
    program("git", "apt-get install git")
    script = Path(commit_reader.__file__).with_name("proposed_repositories.py")
    (tmp_path / "alice").mkdir()
    command = [
        sys.executable,
        "-I",
        "-S",
        str(script),
        str(tmp_path),
        str(tmp_path / "none"),
        "lab",
    ]
    subprocess.run(command, check=True)
    config = tmp_path / "alice" / "config"
    expected = git(config, "ls-tree", "HEAD")
    for milliseconds in range(0, 120, 15):
        subprocess.run(["rm", "-rf", str(config)], check=True)
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, process_group=0)
        try:
            process.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
        if (config / ".git").exists():
            assert git(config, "ls-tree", "HEAD") == expected
        subprocess.run(command, check=True)
        assert git(config, "ls-tree", "HEAD") == expected
        assert git(config, "fsck", "--strict") == ""
        assert git(config, "status", "--porcelain") == ""


def test_it_begins_with_what_is_deployed(tmp_path: Path) -> None:
    program("git", "apt-get install git")
    record, proposed = tmp_path / "applied", tmp_path / "agents"
    for name in ("carol", "dave", "eve"):
        (proposed / name).mkdir(parents=True)
        (record / name).mkdir(parents=True)
        git(record / name, "init", "-q", "--bare", "-b", "main")
    toml = git(record / "carol", "hash-object", "-w", "--stdin", given=b'model = "opus"\n')
    tree = tree_of(("100644", "agent.toml", toml))
    commit = commit_of(record / "carol", stored(record / "carol", "tree", tree))
    git(record / "carol", "update-ref", "refs/heads/main", commit)
    for name, tag in (("dave", None), ("eve", "refs/tags/failed/1")):
        empty = stored(record / name, "tree", b"")
        spawn = git(record / name, "commit-tree", empty, "-m", SPAWN.format(name=name))
        for ref in filter(None, ("refs/hyperhive/proposal/1", tag)):
            git(record / name, "update-ref", ref, spawn)
    others = [*record.rglob("*")]
    if os.geteuid() == 0:  # as on a host: the record is the broker's
        for path in (record / "carol", *(record / "carol").rglob("*")):
            os.chown(path, 65534, 65534)
    assert main(str(proposed), str(record), "lab") == 0
    config = proposed / "carol" / "config"
    assert git(config, "log", "--format=%s") == DEPLOYED
    assert git(config, "ls-tree", "--name-only", "HEAD") == "agent.toml"
    assert git(config, "show", "HEAD:agent.toml") == 'model = "opus"'
    assert git(config, "status", "--porcelain") == ""
    assert [*record.rglob("*")] == others
    assert not (proposed / "dave" / "config").exists(), "it is being spawned: with a later turn"
    assert (proposed / "eve" / "config" / "agent.toml").read_text() == TEMPLATE


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while not path.exists():
        assert time.monotonic() < deadline, f"waited {DEADLINE:g} s for {path}"
        time.sleep(0.01)
