"""The deploy directory as a git repository, with the real git."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from hyperhive.deploy.repository import Repository
from hyperhive.errors import HyperhiveError
from tests.tools import program

COUNT: Final = "rev-list --count main"


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    """A directory with one agent, and what reconciling remembers."""
    program("git", "apt-get install git")
    directory = tmp_path / "deploy"
    (directory / "agents/alice").mkdir(parents=True)
    (directory / "agents/alice/agent.nix").write_text("{ }\n")
    (directory / ".reconciled").mkdir()
    (directory / ".reconciled/alice.json").write_text("{}\n")
    return directory


@pytest.fixture
def repository(deploy: Path) -> Repository:
    """The repository of it, with nothing in it."""
    made = Repository(deploy)
    made.prepare()
    return made


def git(deploy: Path, words: str) -> str:
    """What an operator's git says."""
    done = subprocess.run(
        ["git", "-C", deploy, *words.split()], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_repository_is_made_and_found_again(repository: Repository, deploy: Path) -> None:
    assert repository.head() == ""
    assert repository.changed() == ["agents/alice/agent.nix"]
    first = repository.commit("render: alice")
    assert repository.head() == first == git(deploy, "rev-parse HEAD")
    assert repository.changed() == []
    assert git(deploy, "ls-files") == "agents/alice/agent.nix"
    assert git(deploy, "log --format=%an<%ae>%s") == "hyperhive<root@hive.internal>render: alice"
    assert git(deploy, "status --porcelain") == ""
    again = Repository(deploy)
    again.prepare()
    assert again.commit("render: nobody") == ""
    assert git(deploy, COUNT) == "1"


def test_a_look_writes_nothing(repository: Repository, deploy: Path) -> None:
    repository.commit("render: alice")
    (deploy / "agents/alice/agent.nix").touch()
    before = {path: path.lstat().st_ctime_ns for path in deploy.rglob("*")}
    repository.prepare()
    assert repository.changed() == []
    assert {path: path.lstat().st_ctime_ns for path in deploy.rglob("*")} == before


def test_a_deploy_is_a_commit_though_nothing_else_is_new(repository: Repository) -> None:
    first = repository.commit("render: alice")
    second = repository.record("alice: deploy #7 (abc)")
    assert second != first
    assert repository.subjects(first) == ["alice: deploy #7 (abc)"]
    assert repository.subjects(second) == []


def test_files_come_back_and_go_again(repository: Repository, deploy: Path) -> None:
    names = ["agents/alice/agent.nix", "agents/alice/[a-z]*.nix", "agents/a\tb/ü.nix"]
    for name in names:
        (deploy / name).parent.mkdir(exist_ok=True)
        (deploy / name).write_bytes(b"\xff\0\r\n")
    commit = repository.commit("render: alice")
    for name in names:
        (deploy / name).write_text("other")
    (deploy / "agents/alice/flake.lock").write_text("the operator's")
    (deploy / "approved/carl").mkdir(parents=True)
    (deploy / "approved/carl/agent.toml").write_text("")
    repository.restore([*names, "approved/carl/agent.toml", "approved/carl/spawn.json"], commit)
    assert [(deploy / name).read_bytes() for name in names] == [b"\xff\0\r\n"] * 3
    assert list((deploy / "approved").iterdir()) == []
    assert repository.changed() == ["agents/alice/flake.lock"]


def test_what_was_only_added_is_not_there_after_a_restore(
    repository: Repository, deploy: Path
) -> None:
    commit = repository.commit("render: alice")
    (deploy / "new").write_text("new")
    git(deploy, "add new")
    repository.restore(["new"], commit)
    assert repository.changed() == []
    assert git(deploy, "ls-files") == "agents/alice/agent.nix"


def test_locks_of_a_git_that_was_killed_go(repository: Repository, deploy: Path) -> None:
    for name in ("index.lock", "HEAD.lock", "refs/heads/main.lock"):
        (deploy / ".git" / name).touch()
    with pytest.raises(HyperhiveError, match=r"index\.lock"):
        repository.commit("render: alice")
    repository.prepare()
    assert repository.commit("render: alice")


def test_a_repository_that_was_half_made_is_completed(repository: Repository, deploy: Path) -> None:
    (deploy / ".git/info/exclude").unlink()
    (deploy / ".git/HEAD").unlink()
    repository.prepare()
    assert repository.commit("render: alice") == git(deploy, "rev-parse HEAD")


def test_who_looks_at_an_old_commit_is_in_nobodys_way(repository: Repository, deploy: Path) -> None:
    first = repository.commit("render: alice")
    (deploy / "agents/alice/agent.nix").write_text("{ a = 1; }\n")
    second = repository.commit("render: alice")
    git(deploy, f"checkout --quiet {first}")
    assert repository.head() == second
    repository.prepare()
    assert repository.changed() == ["agents/alice/agent.nix"]


def test_hooks_filters_and_settings_of_others_are_not_heard(
    repository: Repository, deploy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    hooks = deploy / ".git/hooks"
    hooks.mkdir()
    for name in ("pre-commit", "post-commit", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / name).chmod(0o755)
    settings = tmp_path / "settings"
    settings.write_text(f'[filter "x"]\n\tclean = touch {ran}\n[core]\n\thooksPath = {hooks}\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    (deploy / ".gitattributes").write_text("* filter=x\n")
    first = repository.commit("render: alice")
    repository.record("alice: deploy #1 (abc)")
    repository.restore(["agents/alice/agent.nix"], first)
    assert first
    assert not ran.exists()


def test_a_machine_without_git_is_told(deploy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HyperhiveError, match="there is no git") as error:
        Repository(deploy).prepare()
    assert "install git" in error.value.todo
    assert not (deploy / ".git").exists()


def test_a_file_of_a_commit_is_read_without_being_put_back(
    repository: Repository, deploy: Path
) -> None:
    commit = repository.commit("render: alice")
    (deploy / "agents/alice/agent.nix").unlink()
    assert repository.text("agents/alice/agent.nix", commit) == "{ }\n"
    assert repository.text("agents/bob/agent.nix", commit) == ""
    assert not (deploy / "agents/alice/agent.nix").exists()
