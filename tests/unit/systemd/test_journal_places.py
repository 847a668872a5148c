"""Where a container's journal is, in a tree that the container can change as it likes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hyperhive.systemd.container_journal import NoContainerJournalError, find
from tests.tools import need

BASE = 524288 + 7 * 65536
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the file system of a container with a journal, owned by its range."""
    need("root", os.geteuid() == 0, "run the tests as root")
    root = tmp_path / "h-alice"
    journal = root / "var" / "log" / "journal" / ID
    journal.mkdir(parents=True)
    (root / "etc").mkdir()
    (root / "etc" / "machine-id").write_text(f"{ID}\n")
    os.chown(journal, BASE, BASE + 999)
    return root


@contextmanager
def found(root: Path) -> Iterator[os.stat_result]:
    """Yield the status of the directory that is found."""
    place = find(root)
    try:
        assert place.base == BASE
        yield os.fstat(place.directory)
    finally:
        os.close(place.directory)


def test_the_journal_is_found(root: Path) -> None:
    with found(root) as status:
        assert status.st_ino == (root / "var/log/journal" / ID).stat().st_ino


def no_container(root: Path) -> None:
    root.rename(root.with_name("h-bob"))


def link_to_container(root: Path) -> None:
    root.symlink_to(root.rename(root.with_name("h-bob")))


def link_to_journals(root: Path) -> None:
    journals = root / "var" / "log" / "journal"
    journals.symlink_to(journals.rename(root.with_name("elsewhere")))


def link_to_var(root: Path) -> None:
    (root / "var").symlink_to((root / "var").rename(root.with_name("elsewhere")))


def link_to_the_journal(root: Path) -> None:
    journal = root / "var" / "log" / "journal" / ID
    journal.symlink_to(journal.rename(root.with_name("elsewhere")))


def link_to_etc(root: Path) -> None:
    (root / "etc").symlink_to((root / "etc").rename(root.with_name("elsewhere")))


def link_to_an_id(root: Path) -> None:
    machine = root / "etc" / "machine-id"
    machine.symlink_to(machine.rename(root.with_name("elsewhere")))


def fifo_for_an_id(root: Path) -> None:
    (root / "etc" / "machine-id").unlink()
    os.mkfifo(root / "etc" / "machine-id")


def directory_for_an_id(root: Path) -> None:
    (root / "etc" / "machine-id").unlink()
    (root / "etc" / "machine-id").mkdir()


def path_for_an_id(root: Path) -> None:
    (root / "etc" / "machine-id").write_text("../../../../../var/log/journal/x")


def nothing_for_an_id(root: Path) -> None:
    (root / "etc" / "machine-id").write_bytes(b"")


def binary_for_an_id(root: Path) -> None:
    (root / "etc" / "machine-id").write_bytes(b"\xff\0" * 100)


def fifo_for_a_journal(root: Path) -> None:
    (root / "var" / "log" / "journal" / ID).rmdir()
    os.mkfifo(root / "var" / "log" / "journal" / ID)


def journal_of_the_hosts_root(root: Path) -> None:
    os.chown(root / "var" / "log" / "journal" / ID, 0, 0)


def journal_of_a_host_user(root: Path) -> None:
    os.chown(root / "var" / "log" / "journal" / ID, 1000, 1000)


@pytest.mark.parametrize(
    "change",
    [
        *(no_container, link_to_container, link_to_journals, link_to_var, link_to_the_journal),
        *(link_to_etc, link_to_an_id, fifo_for_an_id, directory_for_an_id, path_for_an_id),
        *(nothing_for_an_id, binary_for_an_id, fifo_for_a_journal),
        *(journal_of_the_hosts_root, journal_of_a_host_user),
    ],
    ids=lambda change: change.__name__,
)
def test_nothing_else_is_taken_for_the_journal(root: Path, change: Callable[[Path], None]) -> None:
    change(root)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(NoContainerJournalError):
        find(root)
    assert len(list(Path("/proc/self/fd").iterdir())) == before, "a descriptor is left open"
