"""Directories of sockets: the broker's, in root's, and reachable for one range alone."""

import os
import socket
from pathlib import Path
from typing import Final

import pytest

from hyperhive.deploy.ownership import Owner, owner_of
from hyperhive.deploy.sockets import groups_of_sockets, own_sockets, remove_sockets
from hyperhive.errors import HyperhiveError

BROKER: Final = 990
ALICE: Final = 525288
OWNER: Final = Owner(BROKER, ALICE, 0o2750)
AGENTS: Final = Owner(0, 0, 0o755)

pytestmark = pytest.mark.usefixtures("as_root")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where alice's sockets are; root's directory above that of all agents is there."""
    tmp_path.chmod(0o755)
    return tmp_path / "agents" / "alice"


def bind(path: Path, owner: int) -> None:
    """Leave a socket behind."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
    os.chown(path, owner, owner)


def test_it_is_made(directory: Path) -> None:
    own_sockets(directory, OWNER)
    assert owner_of(directory) == OWNER
    assert owner_of(directory.parent) == AGENTS


def test_sockets_that_the_broker_made_before_get_the_group(directory: Path) -> None:
    directory.mkdir(mode=0o700, parents=True)
    os.chown(directory, BROKER, BROKER)
    bind(directory / "mcp.sock", BROKER)
    (directory / "mcp.sock").chmod(0o660)
    (directory / "file").touch()
    (directory / "link").symlink_to("/etc/passwd")
    assert groups_of_sockets(directory, BROKER) == {BROKER}
    own_sockets(directory, OWNER)
    assert owner_of(directory) == OWNER
    status = (directory / "mcp.sock").lstat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (BROKER, ALICE, 0o660)
    assert groups_of_sockets(directory, BROKER) == {ALICE}
    assert (directory / "file").lstat().st_gid == 0
    assert (directory / "link").lstat().st_gid == 0
    bind_again = directory / "harness.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(bind_again))
    assert bind_again.lstat().st_gid == ALICE, "the directory hands its group on"


def test_a_socket_of_somebody_else_is_left(directory: Path) -> None:
    own_sockets(directory, OWNER)
    bind(directory / "other.sock", 1234)
    assert groups_of_sockets(directory, BROKER) == frozenset()
    own_sockets(directory, OWNER)
    assert (directory / "other.sock").lstat().st_gid == 1234


def test_a_link_in_the_way_is_refused(directory: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    directory.parent.mkdir()
    directory.symlink_to(elsewhere)
    with pytest.raises(NotADirectoryError):
        own_sockets(directory, OWNER)
    with pytest.raises(NotADirectoryError):
        remove_sockets(directory)
    assert owner_of(elsewhere) == Owner(0, 0, 0o755)
    assert list(elsewhere.iterdir()) == []


def test_a_directory_of_another_user_is_refused(directory: Path) -> None:
    directory.mkdir(parents=True)
    os.chown(directory, 1234, 1234)
    with pytest.raises(HyperhiveError, match="is uid 1234's"):
        own_sockets(directory, OWNER)


@pytest.mark.parametrize("place", ["agents", "."])
def test_nobody_else_can_put_something_in_its_place(
    directory: Path, tmp_path: Path, place: str
) -> None:
    """A container's root would get it, bound for writing."""
    directory.parent.mkdir()
    os.chown(tmp_path / place, BROKER, BROKER)
    with pytest.raises(HyperhiveError, match="is not a directory that is root's alone"):
        own_sockets(directory, OWNER)
    assert not directory.exists()


def test_it_is_removed(directory: Path) -> None:
    own_sockets(directory, OWNER)
    bind(directory / "mcp.sock", BROKER)
    remove_sockets(directory)
    remove_sockets(directory)
    assert not directory.exists()
    assert directory.parent.is_dir()
