"""Writing a tree: all or nothing, and nothing that a person made."""

import errno
import fcntl
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hyperhive.errors import HyperhiveError, InputError
from hyperhive.render import write
from hyperhive.render.compare import Extent, State, compare
from hyperhive.render.manifest import MANIFEST
from hyperhive.render.write import STAGING, Written, write_tree

OLD = {"flake.nix": b"1", "agents/bob/agent.nix": b"bob", "agents/eve/agent.nix": b"eve"}
NEW = {"flake.nix": b"2", "agents/bob/agent.nix": b"bob", "agents/ann/agent.nix": b"ann"}


def on_disk(directory: Path) -> dict[str, bytes]:
    """Every file below `directory` but the manifest."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }


def everything(directory: Path) -> dict[str, bytes | None]:
    """Every file and directory below `directory`."""
    return {
        str(path.relative_to(directory)): path.read_bytes() if path.is_file() else None
        for path in directory.rglob("*")
    }


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A directory that holds OLD."""
    directory = tmp_path / "out"
    write_tree(OLD, directory, Extent.WHOLE)
    return directory


def test_a_tree_is_written_with_its_manifest(tmp_path: Path) -> None:
    out = tmp_path / "not" / "yet" / "there"
    result = write_tree(OLD, out, Extent.WHOLE)
    assert result == Written(written=sorted(OLD), deleted=[], unchanged=[])
    assert on_disk(out) == OLD
    assert (out / MANIFEST).is_file()


def test_the_next_tree_replaces_and_deletes(out: Path) -> None:
    result = write_tree(NEW, out, Extent.WHOLE)
    assert result == Written(
        written=["agents/ann/agent.nix", "flake.nix"],
        deleted=["agents/eve/agent.nix"],
        unchanged=["agents/bob/agent.nix"],
    )
    assert on_disk(out) == NEW
    assert not (out / "agents/eve").exists()


def test_the_same_tree_touches_nothing(out: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (out, *out.rglob("*"))}
    assert write_tree(OLD, out, Extent.WHOLE).written == []
    assert {path: path.stat().st_mtime_ns for path in (out, *out.rglob("*"))} == before


def test_a_part_leaves_the_rest(out: Path) -> None:
    part = {"agents/bob/agent.nix": b"bob, renewed"}
    assert write_tree(part, out, Extent.PART).deleted == []
    assert on_disk(out) == {**OLD, **part}
    # The rest is still known as hyperhive's own.
    assert write_tree(NEW, out, Extent.WHOLE).deleted == ["agents/eve/agent.nix"]


def test_what_a_person_added_stays(out: Path) -> None:
    (out / "agents/eve/extra.nix").write_text("{ }")
    (out / ".git").mkdir()
    (out / ".git/HEAD").write_text("ref")
    write_tree(NEW, out, Extent.WHOLE)
    assert on_disk(out) == {**NEW, "agents/eve/extra.nix": b"{ }", ".git/HEAD": b"ref"}


@pytest.mark.parametrize("path", ["flake.nix", "agents/bob/agent.nix", "agents/eve/agent.nix"])
def test_a_file_changed_by_hand_stops_the_render(out: Path, path: str) -> None:
    tree = {**NEW, "agents/bob/agent.nix": b"bob, renewed"}
    (out / path).write_bytes(b"mine")
    before = everything(out)
    with pytest.raises(InputError, match=rf"{path} \(changed by hand\)") as caught:
        write_tree(tree, out, Extent.WHOLE)
    assert "extra.nix" in caught.value.todo
    assert everything(out) == before
    (out / path).unlink()
    write_tree(tree, out, Extent.WHOLE)
    assert on_disk(out) == tree


def test_a_file_that_was_there_before_stops_the_render(tmp_path: Path) -> None:
    (tmp_path / "flake.nix").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"flake\.nix"):
        write_tree(NEW, tmp_path, Extent.WHOLE)
    assert on_disk(tmp_path) == {"flake.nix": b"mine"}


def test_a_file_with_the_right_content_is_adopted(tmp_path: Path) -> None:
    (tmp_path / "flake.nix").write_bytes(NEW["flake.nix"])
    write_tree(NEW, tmp_path, Extent.WHOLE)
    assert write_tree({}, tmp_path, Extent.WHOLE).deleted == sorted(NEW)


def test_many_files_in_the_way_are_counted(tmp_path: Path) -> None:
    tree = {f"{number}.nix": b"new" for number in range(8)}
    for path in tree:
        (tmp_path / path).write_bytes(b"mine")
    with pytest.raises(InputError, match="3 more"):
        write_tree(tree, tmp_path, Extent.WHOLE)


@pytest.mark.parametrize("target", ["flake.nix", "agents/ann", "agents"])
def test_a_link_is_never_followed(tmp_path: Path, target: str) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    (out / target).parent.mkdir(parents=True)
    (out / target).symlink_to(outside)
    with pytest.raises(InputError, match="not a regular file"):
        write_tree(NEW, out, Extent.WHOLE)
    assert on_disk(outside) == {}


@pytest.mark.parametrize("name", [MANIFEST, STAGING])
def test_a_link_in_place_of_our_own_files_is_refused(out: Path, tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (out / name).unlink(missing_ok=True)
    (out / name).symlink_to(outside)
    with pytest.raises(HyperhiveError):
        write_tree(NEW, out, Extent.WHOLE)
    assert on_disk(outside) == {"kept": b""}
    assert on_disk(out) == OLD


def test_a_directory_or_pipe_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flake.nix").mkdir()
    with pytest.raises(InputError, match="not a regular file"):
        write_tree(NEW, tmp_path, Extent.WHOLE)
    (tmp_path / "flake.nix").rmdir()
    os.mkfifo(tmp_path / "flake.nix")
    with pytest.raises(InputError, match="not a regular file"):
        write_tree(NEW, tmp_path, Extent.WHOLE)


def test_a_damaged_manifest_stops_the_render(out: Path) -> None:
    (out / MANIFEST).write_text("{")
    before = everything(out)
    with pytest.raises(InputError, match="manifest"):
        write_tree(NEW, out, Extent.WHOLE)
    assert everything(out) == before


def test_two_renders_do_not_meet(out: Path) -> None:
    descriptor = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(HyperhiveError, match="another render"):
            write_tree(NEW, out, Extent.WHOLE)
    finally:
        os.close(descriptor)
    assert on_disk(out) == OLD


def test_a_file_where_a_directory_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HyperhiveError, match="Not a directory"):
        write_tree(NEW, tmp_path / "file" / "out", Extent.WHOLE)


def test_check_tells_every_state(out: Path) -> None:
    (out / "agents/bob/agent.nix").write_bytes(b"mine")
    (out / "hive.json").mkdir()
    tree = {**NEW, "hive.json": b"{}"}
    assert compare(tree, out, Extent.WHOLE).states == {
        "agents/ann/agent.nix": State.MISSING,
        "agents/bob/agent.nix": State.CHANGED,
        "agents/eve/agent.nix": State.OBSOLETE,
        "flake.nix": State.OUTDATED,
        "hive.json": State.ODD,
    }


class Interruption:
    """Counts the steps that change a directory, and does something at one of them instead."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps = 0
        self.at: int | None = None
        self.instead: Callable[[], None] = no_space
        for owner, name in (
            (Path, "replace"),
            (Path, "write_bytes"),
            (Path, "unlink"),
            (Path, "rmdir"),
            (Path, "mkdir"),
            (write, "_sync"),
        ):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, step: Any) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.steps += 1
            if self.steps == self.at:
                self.instead()
            return step(*args, **kwargs)

        return counted

    def kills(self, at: int, tree: dict[str, bytes], out: Path) -> bool:
        """Whether a process of its own that writes `tree` gets as far as step `at`, and dies."""
        child = os.fork()
        if child == 0:
            self.steps, self.at, self.instead = 0, at, partial(os._exit, 9)
            try:
                write_tree(tree, out, Extent.WHOLE)
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9

    def count(self, out: Path) -> int:
        """How many steps it takes from OLD to NEW."""
        write_tree(OLD, out, Extent.WHOLE)
        self.steps = 0
        write_tree(NEW, out, Extent.WHOLE)
        assert self.steps > 15, "the steps are not seen"
        return self.steps


def no_space() -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def interruption(monkeypatch: pytest.MonkeyPatch) -> Interruption:
    """No step fails until one is chosen."""
    return Interruption(monkeypatch)


def test_an_error_at_any_step_puts_everything_back(
    tmp_path: Path, interruption: Interruption
) -> None:
    failures = 0
    for step in range(1, interruption.count(tmp_path / "count") + 1):
        out = tmp_path / str(step)
        write_tree(OLD, out, Extent.WHOLE)
        before = everything(out)
        interruption.steps, interruption.at = 0, step
        try:
            write_tree(NEW, out, Extent.WHOLE)
        except HyperhiveError:
            failures += 1
            assert everything(out) == before, f"after an error at step {step}"
        else:
            # An emptied directory that cannot be removed is no reason to fail.
            assert on_disk(out) == NEW
        interruption.at = None
    assert failures >= 12


def test_a_render_killed_at_any_step_is_completed_by_the_next(
    tmp_path: Path, interruption: Interruption
) -> None:
    newest = {**NEW, "flake.nix": b"3"}
    for step in range(1, interruption.count(tmp_path / "count") + 1):
        out = tmp_path / str(step)
        write_tree(OLD, out, Extent.WHOLE)
        assert interruption.kills(step, NEW, out)
        found = on_disk(out)
        for path in {**OLD, **NEW}:
            assert found.get(path) in (OLD.get(path), NEW.get(path)), f"{path} at step {step}"
        # Another tree is killed, too; then comes a part, and then the whole.
        assert interruption.kills(1 + step // 2, newest, out)
        write_tree({"agents/bob/agent.nix": b"bob"}, out, Extent.PART)
        write_tree(newest, out, Extent.WHOLE)
        assert on_disk(out) == newest, f"after step {step}"
        assert not (out / STAGING).exists()


def test_a_failed_putting_back_says_so(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(write, "_delete", fails)
    monkeypatch.setattr(write, "_put_back", fails)
    with pytest.raises(HyperhiveError, match="half written"):
        write_tree(NEW, out, Extent.WHOLE)
    monkeypatch.undo()
    write_tree(NEW, out, Extent.WHOLE)
    assert on_disk(out) == NEW
