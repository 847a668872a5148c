"""Trees that change hands: everything in them, nothing outside, however often it is cut short."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.deploy.ownership import (
    Owner,
    id_in_range,
    make_directory,
    own_tree,
    owner_of,
    trusted_directory,
)
from hyperhive.deploy.removal import remove_tree
from hyperhive.deploy.tree_walk import mounts_below
from hyperhive.errors import HyperhiveError
from hyperhive.hive.uids import AGENT_UID, FIRST_BASE, LAST_BASE, SIZE, UidRange
from tests.integration.deploy.trees import give, make_deep, make_hostile_tree, owners

OLD: Final = UidRange(FIRST_BASE + 7 * SIZE)
NEW: Final = UidRange(FIRST_BASE + 3 * SIZE)
bases: Final = st.integers(0, (LAST_BASE - FIRST_BASE) // SIZE).map(
    lambda slot: FIRST_BASE + slot * SIZE
)


def idle() -> None:
    """Nobody started the container."""


@given(st.integers(0, 2**32 - 2), bases, bases)
def test_an_id_ends_where_it_belongs_whichever_way_it_went(old: int, first: int, then: int) -> None:
    moved = id_in_range(id_in_range(old, first), then)
    assert moved == id_in_range(old, then)
    in_a_range = FIRST_BASE <= old <= LAST_BASE + SIZE - 1
    assert moved - then == (old % SIZE if in_a_range else AGENT_UID)


@pytest.mark.usefixtures("as_root")
class TestOwnTree:
    """own_tree, on a real file system."""

    def test_everything_changes_hands_and_nothing_outside(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.write_text("secret")
        top = tmp_path / "top"
        top.mkdir()
        make_hostile_tree(top, outside)
        give(top, OLD.agent, OLD.agent)
        os.chown(top / "file", OLD.root, OLD.base + 65534)
        before = outside.stat(), tmp_path.stat()
        done = own_tree(top, NEW, idle)
        found = dict(owners(top))
        special = {os.fsencode(top / name) for name in ("file", "hard-link")}
        others = {ids for path, ids in found.items() if path not in special}
        assert others == {(NEW.agent, NEW.agent)}
        assert {found[path] for path in special} == {(NEW.root, NEW.base + 65534)}
        assert done.seen == len(found)
        after = outside.stat(), tmp_path.stat()
        assert [s.st_ctime_ns for s in after] == [s.st_ctime_ns for s in before]
        assert (top / "setuid").stat().st_mode & 0o7000 == 0

    def test_the_hosts_ids_become_the_agents(self, tmp_path: Path) -> None:
        top = tmp_path / "top"
        top.mkdir()
        (top / "roots").touch()
        (top / "users").touch()
        os.chown(top / "users", 1000, 100)
        own_tree(top, NEW, idle)
        assert {ids for _, ids in owners(top)} == {(NEW.agent, NEW.agent)}

    def test_a_second_time_nothing_changes(self, tmp_path: Path) -> None:
        top = tmp_path / "top"
        top.mkdir()
        (top / "file").touch()
        own_tree(top, NEW, idle)
        again = own_tree(top, NEW, idle)
        assert (again.seen, again.changed) == (2, 1)  # The top is told again that it is finished.

    def test_a_tree_deeper_than_paths_and_descriptors_reach(self, tmp_path: Path) -> None:
        top = tmp_path / "top"
        top.mkdir()
        make_deep(top, 3000)
        assert own_tree(top, NEW, idle).seen == 3002
        remove_tree(top)  # What cleans up after tests does not reach as deep.

    def test_the_top_is_the_last(self, tmp_path: Path) -> None:
        top = tmp_path / "top"
        top.mkdir()
        (top / "file").touch()
        give(top, OLD.agent, OLD.agent)

        def started() -> None:
            raise HyperhiveError("it was started meanwhile")

        with pytest.raises(HyperhiveError, match="started meanwhile"):
            own_tree(top, NEW, started)
        assert owner_of(top) == Owner(OLD.agent, OLD.agent, 0o755)
        assert (top / "file").stat().st_uid == NEW.agent

    def test_a_link_in_its_place_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "top").symlink_to("elsewhere")
        with pytest.raises(NotADirectoryError):
            own_tree(tmp_path / "top", NEW, idle)
        with pytest.raises(HyperhiveError, match="is not a directory"):
            owner_of(tmp_path / "top")
        with pytest.raises(OSError):
            make_directory(tmp_path / "top", Owner(NEW.agent, NEW.agent, 0o750))
        assert (tmp_path / "elsewhere").stat().st_uid == 0

    def test_a_mount_is_refused(self, tmp_path: Path) -> None:
        top = tmp_path / "a tree"
        (top / "mounted").mkdir(parents=True)
        script = (
            "import sys; from pathlib import Path\n"
            "from hyperhive.deploy.ownership import own_tree\n"
            "from hyperhive.hive.uids import UidRange\n"
            "own_tree(Path(sys.argv[1]), UidRange(int(sys.argv[2])), lambda: None)\n"
        )
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-ec",
             'mount --bind "$1" "$1/mounted"; exec "$2" -c "$3" "$1" "$4"',
             "sh", str(top), sys.executable, script, str(NEW.base)],
            capture_output=True, text=True,
        )  # fmt: skip
        assert "mounted' is a mount point inside of an agent's files" in done.stderr
        assert done.returncode == 1
        assert top.stat().st_uid == 0

    def test_a_tree_that_is_changed_all_the_time_is_never_left(self, tmp_path: Path) -> None:
        """Somebody swaps directories for links to the outside while root works."""
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "file").touch()
        top = tmp_path / "top"
        for number in range(200):
            (top / f"d{number}" / "below").mkdir(parents=True)
        whole = 0
        swapping = subprocess.Popen([sys.executable, "-c", SWAPPING, str(top), str(outside)])
        try:
            deadline = time.monotonic() + 1.5
            for turn in range(100_000):
                if time.monotonic() > deadline:
                    break
                with suppress(HyperhiveError):
                    own_tree(top, (OLD, NEW)[turn % 2], idle)
                    whole += 1
        finally:
            swapping.kill()
            swapping.wait()
        assert whole > 0
        assert {ids for _, ids in owners(outside)} == {(0, 0)}


SWAPPING: Final = """
import os, random, sys
top, outside = sys.argv[1:]
while True:
    name = f"{top}/d{random.randrange(200)}"
    try:
        os.rename(name, name + ".away")
        os.symlink(outside, name)
        os.unlink(name)
        os.rename(name + ".away", name)
    except OSError:
        pass
"""

OWNING: Final = """
import os, signal, sys
from pathlib import Path
from hyperhive.deploy.ownership import own_tree
from hyperhive.hive.uids import UidRange

left = int(sys.argv[3])

def counted(change):
    def change_or_die(*args, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        change(*args, **options)
    return change_or_die

os.chown, os.fchown = counted(os.chown), counted(os.fchown)
own_tree(Path(sys.argv[1]), UidRange(int(sys.argv[2])), lambda: None)
"""
"""Owns a tree, and is killed before a certain change."""


@pytest.mark.usefixtures("as_root")
def test_a_kill_at_any_moment_leaves_a_job_that_can_be_finished(tmp_path: Path) -> None:
    top = tmp_path / "top"
    for directory in range(20):
        (top / f"d{directory}").mkdir(parents=True)
        for file in range(30):
            (top / f"d{directory}" / f"f{file}").touch()
    give(top, OLD.agent, OLD.agent)
    source, target = OLD, NEW
    changes = len(list(owners(top)))
    rng = random.Random(4)
    for kill_at in [0, 1, changes - 1, changes, *(rng.randrange(changes) for _ in range(16))]:
        owning = subprocess.run(
            [sys.executable, "-c", OWNING, str(top), str(target.base), str(kill_at)]
        )
        left = {ids for _, ids in owners(top)}
        owner = owner_of(top)
        assert owner is not None
        if owner.within(target):
            # The top says that it is finished: so it is.
            assert owning.returncode == 0
            assert left == {(target.agent, target.agent)}
            source, target = target, source
        else:
            assert owning.returncode == -signal.SIGKILL
            assert (owner.uid, owner.gid) == (source.agent, source.agent)
            assert left <= {(source.agent, source.agent), (target.agent, target.agent)}
        changes = sum(ids != (target.agent, target.agent) for _, ids in owners(top))
    own_tree(top, target, idle)
    assert {ids for _, ids in owners(top)} == {(target.agent, target.agent)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b"36 35 98:0 /mnt1 /var/lib/a/state/work rw - ext3 /dev/root rw",
            ["/var/lib/a/state/work"],
        ),
        (b"36 35 98:0 / /var/lib/a/state rw - ext3 /dev/root rw", []),
        (b"36 35 98:0 / /var/lib/a/stately rw - ext3 /dev/root rw", []),
        (
            b"36 35 98:0 / /var/lib/a/state/a\\040b\\134c\\012 rw - x y z",
            ["/var/lib/a/state/a b\\c\n"],
        ),
        (b"", []),
    ],
)
def test_mount_points_are_found(line: bytes, expected: list[str]) -> None:
    found = mounts_below(Path("/var/lib/a/state"), b"1 0 8:1 / / rw - ext4 x rw\n" + line + b"\n")
    assert [str(path) for path in found] == expected


@pytest.mark.usefixtures("as_root")
class TestTrustedDirectory:
    """Directories that have to be root's alone."""

    def test_it_is_made(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o1770)
        trusted_directory(tmp_path / "agents")
        assert owner_of(tmp_path / "agents") == Owner(0, 0, 0o755)
        trusted_directory(tmp_path / "agents")

    def test_somebody_elses_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "agents").mkdir()
        os.chown(tmp_path / "agents", 1234, 0)
        with pytest.raises(HyperhiveError, match="agents is not a directory that is root's alone"):
            trusted_directory(tmp_path / "agents")

    @pytest.mark.parametrize("mode", [0o775, 0o757])
    def test_one_that_others_can_write_is_refused(self, tmp_path: Path, mode: int) -> None:
        (tmp_path / "agents").mkdir()
        (tmp_path / "agents").chmod(mode)
        with pytest.raises(HyperhiveError, match="agents is not"):
            trusted_directory(tmp_path / "agents")

    def test_a_link_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "agents").symlink_to("elsewhere")
        with pytest.raises(HyperhiveError, match="agents is not"):
            trusted_directory(tmp_path / "agents")

    def test_one_that_others_could_move_away_is_refused(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o770)
        with pytest.raises(HyperhiveError, match=f"{tmp_path.name} is not"):
            trusted_directory(tmp_path / "agents")
        assert not (tmp_path / "agents").exists()
