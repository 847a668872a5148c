"""What is left of a purged agent is removed: all of it, and nothing else."""

import subprocess
from pathlib import Path

import pytest

from hyperhive.deploy.removal import remove_tree
from hyperhive.errors import HyperhiveError
from hyperhive.hive.uids import FIRST_BASE
from tests.integration.deploy.trees import give, make_deep, make_hostile_tree
from tests.tools import need, program

pytestmark = pytest.mark.usefixtures("as_root")


def test_all_of_it_goes_and_nothing_outside(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("kept")
    top = tmp_path / "top"
    top.mkdir()
    make_hostile_tree(top, outside / "file")
    give(top, FIRST_BASE, FIRST_BASE)
    remove_tree(top)
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (outside / "file").read_text() == "kept"


def test_a_deep_tree_goes(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    make_deep(top, 3000)
    remove_tree(top)
    assert not top.exists()


def test_what_is_immutable_goes(tmp_path: Path) -> None:
    chattr = program("chattr", "apt-get install e2fsprogs")
    top = tmp_path / "top"
    (top / "var" / "empty").mkdir(parents=True)
    (top / "var" / "file").touch()
    (top / "var" / "log").touch()
    done = subprocess.run(
        [chattr, "+i", top / "var" / "empty", top / "var" / "file", top / "var", top],
        capture_output=True,
    )
    need("a file system with immutable files", done.returncode == 0, "let TMPDIR be on ext4")
    remove_tree(top)
    assert not top.exists()


def test_a_link_in_its_place_is_left(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "top").symlink_to("elsewhere")
    with pytest.raises(NotADirectoryError):
        remove_tree(tmp_path / "top")
    assert (tmp_path / "elsewhere").is_dir()


def test_nothing_is_fine(tmp_path: Path) -> None:
    remove_tree(tmp_path / "none")


def test_a_mount_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "top" / "mounted").mkdir(parents=True)
    said = f"1 1 0:0 / {tmp_path}/top/mounted rw - x x x\n".encode()
    monkeypatch.setattr(Path, "read_bytes", lambda _: said)
    with pytest.raises(HyperhiveError, match="is a mount point"):
        remove_tree(tmp_path / "top")
    assert (tmp_path / "top" / "mounted").is_dir()
