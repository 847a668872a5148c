"""notes.md on the disk: what is read and what is not, and a replacement killed at any moment."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperhive.errors import HyperhiveError
from hyperhive.harness.notes import MAX_NOTES
from hyperhive.harness.notes_file import (
    NAME,
    PREVIOUS,
    notes_size,
    read_notes,
    remove_leftovers,
    replace_notes,
)

OLD, NEW = b"# Old\n" + b"- a line\n" * 2000, b"# New\n" + b"- one\n" * 1000


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(OLD)
    return path


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_replacement_keeps_the_old_notes_the_mode_and_the_owner(notes: Path) -> None:
    notes.chmod(0o640)
    before = notes.stat()
    replace_notes(str(notes.parent), read_notes(str(notes.parent)), NEW)
    assert (notes.read_bytes(), (notes.parent / PREVIOUS).read_bytes()) == (NEW, OLD)
    for name in (NAME, PREVIOUS):
        after = (notes.parent / name).stat()
        assert after.st_mode == before.st_mode
        assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert names(notes.parent) == [NAME, PREVIOUS]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_notes_of_another_user_stay_theirs(notes: Path) -> None:
    os.chown(notes, 12345, 23456)
    replace_notes(str(notes.parent), read_notes(str(notes.parent)), NEW)
    for name in (NAME, PREVIOUS):
        status = (notes.parent / name).stat()
        assert (status.st_uid, status.st_gid) == (12345, 23456)


def test_an_earlier_previous_goes(notes: Path) -> None:
    (notes.parent / PREVIOUS).symlink_to("/etc/hostname")
    replace_notes(str(notes.parent), read_notes(str(notes.parent)), NEW)
    assert not (notes.parent / PREVIOUS).is_symlink()
    assert (notes.parent / PREVIOUS).read_bytes() == OLD


def touch(notes: Path) -> None:
    os.utime(notes, ns=(0, notes.stat().st_mtime_ns + 1))


def write(notes: Path) -> None:
    status = notes.stat()
    notes.write_bytes(OLD.replace(b"line", b"word"))
    os.utime(notes, ns=(status.st_atime_ns, status.st_mtime_ns))


def rename_over(notes: Path) -> None:
    status = notes.stat()
    other = notes.with_name("other")
    other.write_bytes(OLD)
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.rename(notes)


def link_elsewhere(notes: Path) -> None:
    notes.rename(notes.with_name("real"))
    notes.symlink_to("real")


@pytest.mark.parametrize("edit", [touch, write, rename_over, Path.unlink, link_elsewhere])
def test_what_the_agent_did_meanwhile_stays(notes: Path, edit: Callable[[Path], None]) -> None:
    old = read_notes(str(notes.parent))
    edit(notes)
    before = {path: path.read_bytes() for path in notes.parent.iterdir()}
    with pytest.raises(HyperhiveError, match=r"edited its notes meanwhile|cannot be read"):
        replace_notes(str(notes.parent), old, NEW)
    assert {path: path.read_bytes() for path in notes.parent.iterdir()} == before


def test_a_directory_in_the_way_of_the_old_notes(notes: Path) -> None:
    (notes.parent / PREVIOUS).mkdir()
    with pytest.raises(HyperhiveError, match="cannot be replaced"):
        replace_notes(str(notes.parent), read_notes(str(notes.parent)), NEW)
    assert notes.read_bytes() == OLD
    assert names(notes.parent) == [NAME, PREVIOUS]


def test_what_is_not_read(tmp_path: Path) -> None:
    notes, secret = tmp_path / NAME, tmp_path / "secret"
    secret.write_text("another's")

    def refused() -> str:
        with pytest.raises(HyperhiveError) as error:
            read_notes(str(tmp_path))
        notes.rmdir() if notes.is_dir() else notes.unlink(missing_ok=True)
        return error.value.what

    assert "No such file" in refused()
    notes.symlink_to(secret)
    assert "symbolic" in refused()
    notes.hardlink_to(secret)
    assert "2 names" in refused()
    os.mkfifo(notes)
    assert "ordinary" in refused()
    notes.mkdir()
    assert refused() != ""
    notes.write_bytes(b"a \xff b")
    assert "UTF-8" in refused()
    notes.write_bytes(b" \n")
    assert "empty" in refused()
    notes.write_bytes(b"x" * (MAX_NOTES + 1))
    assert f"over {MAX_NOTES} bytes" in refused()
    notes.write_bytes(b"x" * MAX_NOTES)
    assert len(read_notes(str(tmp_path)).content) == MAX_NOTES


def test_a_state_directory_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / NAME).write_bytes(OLD)
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(HyperhiveError, match="cannot be read"):
        read_notes(str(tmp_path / "link"))


def test_size(notes: Path) -> None:
    assert notes_size(str(notes.parent)) == len(OLD)
    link_elsewhere(notes)
    assert notes_size(str(notes.parent)) is None
    notes.unlink()
    assert notes_size(str(notes.parent)) is None
    assert notes_size(str(notes.parent / "nowhere")) is None


REPLACE_FOR_EVER = """
import sys
from hyperhive.harness.notes_file import read_notes, replace_notes
state, *both = sys.argv[1:]
print("ready", flush=True)
while True:
    old = read_notes(state)
    new = next(text for text in both if text != old.text)
    replace_notes(state, old, new.encode())
"""


def test_kill_at_any_moment_leaves_whole_notes(notes: Path) -> None:
    state, moments, leftovers = str(notes.parent), random.Random(20), 0
    command = [sys.executable, "-I", "-c", REPLACE_FOR_EVER, state, OLD.decode(), NEW.decode()]
    for _ in range(25):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(moments.uniform(0.0, 0.02))  # no step is waited for: any moment will do
            child.kill()
        assert child.returncode == -signal.SIGKILL, "the replacement failed before it was killed"
        assert notes.read_bytes() in (OLD, NEW)
        previous = notes.parent / PREVIOUS
        assert not previous.exists() or previous.read_bytes() in (OLD, NEW)
        leftovers += len(set(names(notes.parent)) - {NAME, PREVIOUS})
        remove_leftovers(state)
        assert set(names(notes.parent)) <= {NAME, PREVIOUS}
    assert leftovers > 0, "no kill came in the middle: this test has tried nothing"


def test_leftovers_of_other_names_are_the_agents(notes: Path) -> None:
    mine = [".notes.md.tmp", "notes.md.bak", ".notes.md.0123456789abcdef.tmpx"]
    for name in mine:
        (notes.parent / name).touch()
    (notes.parent / ".notes.md.0123456789abcdef.tmp").touch()
    remove_leftovers(str(notes.parent))
    assert names(notes.parent) == sorted([NAME, *mine])
