"""The broker's bare repositories, with a real git."""

import asyncio
import os
import stat
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hyperhive.broker.approvals.git import GitError, NoGitError, git
from hyperhive.broker.approvals.proposals import Proposals, tag_of
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.store.approval_rows import Approval
from hyperhive.store.approval_states import ApprovalState
from hyperhive.wire.git_objects import ObjectsError
from tests.tools import program
from tests.unit.broker.approval_examples import ended, example

ALICE = AgentName("alice")


@pytest.fixture(autouse=True)
def real_git() -> None:
    program("git", "apt-get install git")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """Return a state directory, under the umask of a service that keeps everything to itself."""
    before = os.umask(0o077)
    (tmp_path / "proposals").mkdir(mode=0o700)
    yield tmp_path
    os.umask(before)


def repository(state: Path) -> Path:
    return StatePaths.local(state).agent(ALICE).proposals


def said(state: Path, *arguments: str) -> str:
    """Return what a git of this machine's says of alice's repository, as the manager's would."""
    command = ["git", f"--git-dir={repository(state)}", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def refs(state: Path) -> dict[str, str]:
    lines = said(state, "for-each-ref", "--format=%(refname) %(objecttype)").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def write(state: Path, *approvals: Approval, main: str | None = None) -> None:
    proposals = Proposals(StatePaths.local(state), "lab")

    async def all_of_them() -> None:
        for approval in approvals:
            await proposals.write(approval, main)

    asyncio.run(all_of_them())


def test_a_pending_proposal_is_pinned_and_can_be_read(state: Path) -> None:
    files = {"agent.toml": 'model = "opus"\n', "README.md": "Alice.\n"}
    approval = example(7, files)
    write(state, approval)
    assert refs(state) == {"refs/hyperhive/proposal/7": "commit"}
    assert said(state, "rev-parse", "refs/hyperhive/proposal/7").strip() == approval.commit
    assert said(state, "show", f"{approval.commit}:agent.toml") == files["agent.toml"]
    assert said(state, "ls-tree", "--name-only", approval.commit).split() == sorted(files)
    assert said(state, "fsck", "--strict") == ""
    assert said(state, "symbolic-ref", "HEAD").strip() == "refs/heads/main"


@pytest.mark.parametrize(
    "ended_as",
    [
        ApprovalState.DEPLOYED,
        ApprovalState.FAILED,
        ApprovalState.DENIED,
        ApprovalState.CANCELLED,
        ApprovalState.SUPERSEDED,
    ],
)
def test_an_end_is_an_annotated_tag(state: Path, ended_as: ApprovalState) -> None:
    approval = ended(7, ended_as)
    write(state, approval)
    assert refs(state) == {
        "refs/hyperhive/proposal/7": "commit",
        f"refs/tags/{ended_as}/7": "tag",
    }
    assert said(state, "rev-parse", f"{ended_as}/7^{{commit}}").strip() == approval.commit


@pytest.mark.parametrize("still", [ApprovalState.APPROVED, ApprovalState.BUILDING])
def test_what_has_not_ended_has_no_tag(state: Path, still: ApprovalState) -> None:
    write(state, example(7, state=still, decided_at=1.0, decided_by="operator"))
    assert list(refs(state)) == ["refs/hyperhive/proposal/7"]


def test_a_failure_says_why_and_what_the_log_said(state: Path) -> None:
    log = [f"line {number}" for number in range(150)]
    approval = ended(
        7, ApprovalState.FAILED, error="it does not build", log=[*log, "a \0 \udc80 \x1b[31m"]
    )
    write(state, approval)
    text = said(state, "cat-file", "tag", "failed/7")
    assert "A better model" in text
    assert "it does not build" in text
    assert "line 149\na  ? \x1b[31m" in text
    assert "line 51\n" in text
    assert "line 50\n" not in text, "the last 100 lines, and no more"


def test_a_denial_says_the_reason_and_who(state: Path) -> None:
    write(state, ended(7, ApprovalState.DENIED, reason="Opus is too dear."))
    text = said(state, "cat-file", "tag", "denied/7")
    assert "Opus is too dear." in text
    assert "by operator at 2026-09-21T" in text


def test_main_is_what_was_deployed_last(state: Path) -> None:
    first, second = ended(1, ApprovalState.DEPLOYED), ended(2, ApprovalState.DEPLOYED)
    write(state, first, main=first.commit)
    assert said(state, "rev-parse", "main").strip() == first.commit
    write(state, second, main=second.commit)
    # One that is written late takes nothing back.
    write(state, first, main=second.commit)
    assert said(state, "rev-parse", "main").strip() == second.commit
    assert said(state, "log", "--format=%s", "-1").strip() == "Change 2"


def test_history_ends_where_it_was_not_proposed(state: Path) -> None:
    base, between = example(1), example(2, parent=example(1).commit)
    tip = example(3, parent=between.commit)
    write(state, base, tip)
    # What lies between was never proposed: git must not stumble over it.
    assert said(state, "log", "--format=%s", tip.commit).split("\n")[:-1] == ["Change 3"]
    write(state, example(4, parent=tip.commit))
    assert said(state, "log", "--format=%s", "refs/hyperhive/proposal/4").split("\n")[:-1] == [
        "Change 4",
        "Change 3",
    ]
    assert said(state, "fsck", "--strict") == ""


def test_saying_it_twice_changes_nothing(state: Path) -> None:
    approval = ended(7, ApprovalState.FAILED, error="no", log=["x"])
    write(state, approval, main=None)
    before = said(state, "for-each-ref"), sorted(repository(state).rglob("*"))
    write(state, approval, main=None)
    assert (said(state, "for-each-ref"), sorted(repository(state).rglob("*"))) == before


def test_everybody_can_read_it_and_nobody_else_write(state: Path) -> None:
    write(state, ended(7, ApprovalState.DEPLOYED))
    for path in [repository(state), *repository(state).rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o022 == 0, path
        assert mode & 0o004, path
        assert mode & 0o001 or not path.is_dir(), path


def test_nothing_of_this_machine_gets_into_it(state: Path, monkeypatch: Any) -> None:
    trap = state / "trap"
    hook = state / "template" / "hooks" / "reference-transaction"
    hook.parent.mkdir(parents=True)
    hook.write_text(f"#!/bin/sh\ntouch {trap}\n")
    hook.chmod(0o700)
    (state / ".gitconfig").write_text(
        f"[init]\ntemplateDir = {state}/template\ndefaultBranch = other\n"
        f"[core]\nhooksPath = {hook.parent}\n[extensions]\nworktreeConfig = true\n"
    )
    monkeypatch.setenv("HOME", str(state))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(state / ".gitconfig"))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(state / "template"))
    monkeypatch.setenv("GIT_DIR", str(state / "elsewhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(state / "elsewhere"))
    write(state, ended(7, ApprovalState.DEPLOYED))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_TEMPLATE_DIR", "GIT_DIR", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.delenv(name)
    assert not trap.exists()
    assert not (state / "elsewhere").exists()
    assert not (repository(state) / "hooks").exists()
    assert said(state, "symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert "refs/tags/deployed/7" in refs(state)


def test_a_hook_in_it_does_not_run(state: Path) -> None:
    write(state, example(1))
    trap = state / "trap"
    hook = repository(state) / "hooks" / "reference-transaction"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {trap}\n")
    hook.chmod(0o700)
    write(state, ended(2, ApprovalState.DEPLOYED))
    assert not trap.exists()


def test_what_a_killed_broker_left_is_mended(state: Path) -> None:
    write(state, example(1))
    for lock in ("packed-refs.lock", "HEAD.lock", "refs/hyperhive/proposal/2.lock"):
        (repository(state) / lock).touch()
    write(state, example(2))
    assert list(refs(state)) == ["refs/hyperhive/proposal/1", "refs/hyperhive/proposal/2"]


@pytest.mark.parametrize("lost", ["HEAD", "config", "objects"])
def test_a_repository_that_is_half_made_is_made(state: Path, lost: str) -> None:
    asyncio.run(Proposals(StatePaths.local(state), "lab").make(ALICE))
    path = repository(state) / lost
    if path.is_dir():
        subprocess.run(["rm", "-r", path], check=True)
    else:
        path.unlink()
    write(state, example(1))
    assert list(refs(state)) == ["refs/hyperhive/proposal/1"]


def test_objects_that_were_changed_are_not_written(state: Path) -> None:
    other = example(2)
    with pytest.raises(ObjectsError):
        write(state, example(1, objects=other.objects))
    assert refs(state) == {}


def raised(run: Callable[[], Awaitable[object]]) -> GitError:
    async def body() -> GitError:
        with pytest.raises(GitError) as error:
            await run()
        return error.value

    return asyncio.run(body())


def test_without_git_it_says_so(state: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", str(state))
    error = raised(lambda: git(state, "version"))
    assert isinstance(error, NoGitError)
    assert "PATH" in error.todo


def test_git_that_takes_too_long_is_ended(state: Path, monkeypatch: Any) -> None:
    (state / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (state / "git").chmod(0o700)
    monkeypatch.setenv("PATH", f"{state}:{os.environ['PATH']}")
    error = raised(lambda: git(state, "hash-object", seconds=0.05))
    assert error.what.endswith("git hash-object took over 0.05 s")


def test_what_git_complains_of_is_in_the_error(state: Path) -> None:
    error = raised(lambda: git(state / "none", "rev-parse", "HEAD"))
    assert "rev-parse failed: fatal: not a git repository" in error.what


def test_a_tag_is_the_same_bytes_each_time() -> None:
    approval = ended(7, ApprovalState.DEPLOYED)
    assert tag_of(approval, "lab") == tag_of(approval, "lab")
    assert b"\ntagger hyperhive <hyperhive@lab.hive.internal> 1790000300 +0000\n" in tag_of(
        approval, "lab"
    )
