"""What a container's root leaves in its file system for the host's root to follow is taken away."""

import os
import socket
import stat
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from hyperhive.deploy.container_root import DIRECTORIES, mend_root
from hyperhive.hive.uids import FIRST_BASE

pytestmark = pytest.mark.usefixtures("as_root")

Tree = tuple[Path, Path]

BASE: Final = FIRST_BASE
FILES: Final = ("etc/machine-id", "etc/os-release", "etc/resolv.conf")


def make_fifo(path: Path, outside: Path) -> None:
    """A named pipe."""
    os.mkfifo(path)


def make_socket(path: Path, outside: Path) -> None:
    """A socket that nobody listens at."""
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(path))


def make_device(path: Path, outside: Path) -> None:
    """What swallows everything."""
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


def make_file(path: Path, outside: Path) -> None:
    """A file."""
    path.write_text("mine")


def make_link(path: Path, outside: Path) -> None:
    """A link out of the tree, to a closed directory."""
    path.symlink_to(outside)


def make_climbing_link(path: Path, outside: Path) -> None:
    """The same without a slash at its beginning."""
    path.symlink_to(os.path.relpath(outside, path.parent))


def make_dangling_link(path: Path, outside: Path) -> None:
    """A link to what is not there, in the closed directory."""
    path.symlink_to(outside / "new")


SPECIAL: Final = (make_fifo, make_socket, make_device)
LINKS: Final = (make_link, make_climbing_link, make_dangling_link)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A container's file system, and a closed directory of the host's."""
    top, outside = tmp_path / "h-alice", tmp_path / "closed"
    outside.mkdir(mode=0o700)
    (outside / "file").write_text("closed")
    for path in (top, *(top / name for name in DIRECTORIES)):
        path.mkdir()
        os.chown(path, BASE, BASE)
    for name in FILES:
        (top / name).write_text(name)
        os.chown(top / name, BASE, BASE)
    return top, outside


def mend(top: Path, *, copies: bool = False) -> list[str]:
    """What is done."""
    return list(mend_root(top, copies_resolv_conf=copies))


def everything(top: Path) -> list[tuple[str, int, int, int, str]]:
    """Each entry with its owner and mode and what it says."""
    found = []
    for path in sorted([top, *top.rglob("*")]):
        status = path.lstat()
        said = str(path.readlink()) if path.is_symlink() else ""
        said = path.read_text() if stat.S_ISREG(status.st_mode) else said
        found.append((str(path), status.st_mode, status.st_uid, status.st_gid, said))
    return found


def test_directories_stand_below_those_that_come_before() -> None:
    for name in DIRECTORIES:
        above = name.rpartition("/")[0]
        assert not above or above in list(DIRECTORIES)[: list(DIRECTORIES).index(name)]
    assert all(one < other for one, other in pairwise(DIRECTORIES))


def test_an_ordinary_tree_is_left_alone(tree: Tree) -> None:
    top, _ = tree
    (top / "etc/resolv.conf").unlink()
    (top / "etc/resolv.conf").symlink_to("/run/hyperhive-resolver/resolv.conf")
    (top / "etc/os-release").unlink()
    (top / "etc/os-release").symlink_to("/etc/static/os-release")
    (top / "var/run").symlink_to("/run")
    (top / "bin").symlink_to("usr/bin")
    before = everything(top)
    assert mend(top) == []
    assert everything(top) == before


@pytest.mark.parametrize("make", [*LINKS, *SPECIAL, make_file], ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", DIRECTORIES)
def test_what_should_be_a_directory_becomes_one(
    tree: Tree, name: str, make: Callable[[Path, Path], None]
) -> None:
    top, outside = tree
    before = everything(outside)
    (top / name).rename(top / "former")
    make(top / name, outside)
    done = mend(top)
    assert len(done) == 1, "what is below is new, and nothing was there instead"
    assert done[0].startswith(f"/{name} was ")
    for path, mode in DIRECTORIES.items():
        status = (top / path).lstat()
        assert stat.S_ISDIR(status.st_mode)
        assert (status.st_uid, status.st_gid) == (BASE, BASE)
        if path == name or path.startswith(f"{name}/"):
            assert stat.S_IMODE(status.st_mode) == mode
    assert everything(outside) == before
    assert mend(top) == []


def test_every_directory_at_once(tree: Tree) -> None:
    top, outside = tree
    before = everything(outside)
    for name in reversed(DIRECTORIES):
        (top / name).rename(top / f"former-{name.replace('/', '-')}")
        (top / name).symlink_to(outside)
    # Only those at the top are in the tree still.
    assert len(mend(top)) == len([name for name in DIRECTORIES if "/" not in name])
    assert all((top / name).lstat().st_mode & stat.S_IFDIR for name in DIRECTORIES)
    assert everything(outside) == before


@pytest.mark.parametrize("make", [*LINKS, *SPECIAL], ids=lambda make: make.__name__)
def test_the_machine_id_becomes_a_file(tree: Tree, make: Callable[[Path, Path], None]) -> None:
    top, outside = tree
    before = everything(outside)
    file = top / "etc/machine-id"
    file.unlink()
    make(file, outside)
    assert len(mend(top)) == 1
    status = file.lstat()
    assert (status.st_mode, status.st_uid, status.st_gid) == (stat.S_IFREG | 0o644, BASE, BASE)
    assert file.read_text() == ""
    assert everything(outside) == before


def test_resolv_conf_may_be_a_link_where_nothing_is_copied_there(tree: Tree) -> None:
    top, outside = tree
    (top / "etc/resolv.conf").unlink()
    (top / "etc/resolv.conf").symlink_to(outside)
    assert mend(top) == []
    assert mend(top, copies=True) == [
        f"/etc/resolv.conf was a link to '{outside}', and the host's is copied there now"
    ]
    assert not os.path.lexists(top / "etc/resolv.conf")
    assert everything(outside)[0][1] == stat.S_IFDIR | 0o700


@pytest.mark.parametrize("own", ["/etc/static/resolv.conf", "/run/hyperhive-resolver/resolv.conf"])
def test_the_link_of_a_private_network_is_no_trap_for_who_copies_there(
    tree: Tree, own: str
) -> None:
    top, _ = tree
    (top / "etc/resolv.conf").unlink()
    (top / "etc/resolv.conf").symlink_to(own)
    assert mend(top, copies=True) == []
    assert str((top / "etc/resolv.conf").readlink()) == own


def test_directories_that_are_missing_come_without_a_word(tree: Tree) -> None:
    top, _ = tree
    (top / "var/lib/private").rmdir()
    (top / "var/lib").rmdir()
    assert mend(top) == []
    assert (top / "var/lib/private").stat().st_uid == BASE


def test_of_files_that_are_missing_only_the_id_is_made(tree: Tree) -> None:
    """The start script's would be the host's root's; the container's systemd could not write it."""
    top, _ = tree
    for name in FILES:
        (top / name).unlink()
    assert mend(top, copies=True) == []
    (made,) = (top / "etc").iterdir()
    status, of_tree = made.lstat(), top.lstat()
    assert (made.name, status.st_size, stat.S_IMODE(status.st_mode)) == ("machine-id", 0, 0o644)
    assert (status.st_uid, status.st_gid) == (of_tree.st_uid, of_tree.st_gid)


def test_before_the_first_start_there_is_nothing(tmp_path: Path) -> None:
    assert mend(tmp_path / "h-alice") == []
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_place_of_the_tree_is_an_error(tree: Tree) -> None:
    top, outside = tree
    top.rename(top.with_name("former"))
    top.symlink_to(outside)
    with pytest.raises(NotADirectoryError):
        mend(top)
    assert everything(outside)[0][1] == stat.S_IFDIR | 0o700


def test_what_cannot_be_removed_is_an_error(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    top, outside = tree
    (top / "root").rmdir()
    (top / "root").symlink_to(outside)

    def refuse(path: str, *, dir_fd: int) -> None:
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(PermissionError, match="root"):
        mend(top)


def test_no_descriptor_stays_open(tree: Tree) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    mend(tree[0])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_link_is_shown_without_what_acts_on_a_terminal(tree: Tree) -> None:
    top, _ = tree
    (top / "root").rmdir()
    (top / "root").symlink_to("/\x1b[2J\n\udcff")
    (said,) = mend(top)
    assert said == r"/root was a link to '/\x1b[2J\n\udcff', and is an empty directory now"
