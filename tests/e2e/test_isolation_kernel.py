"""The kernel: what the root of a container cannot mount, make, load, see or signal."""

from pathlib import Path
from typing import Final

import pytest

from tests.e2e.environment import INTERPRETER
from tests.e2e.hive import Hive
from tests.e2e.testbed import as_uid

PROFILES: Final = "/nix/var/nix/profiles"
GCROOTS: Final = "/nix/var/nix/gcroots"
RESOLVER: Final = "/run/hyperhive-resolver"
NIX_DAEMON: Final = "/nix/var/nix/daemon-socket"

# finit_module(2) of a file that is no module: who may load modules is told that.
LOADS: Final = """
import ctypes, os, platform
number = {"x86_64": 313, "aarch64": 273}[platform.machine()]
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(number, os.open("/etc/hostname", os.O_RDONLY), b"", 0)
print(os.strerror(ctypes.get_errno()))
"""


def fails(hive: Hive, command: str) -> str:
    """What a shell command of alice's root says, which must fail."""
    done = hive.inside("alice", ["sh", "-c", command], check=False)
    assert done.returncode != 0, f"alice's root could: {command}"
    return done.stderr


def test_a_container_cannot_leave_files_where_the_host_looks_for_profiles(hive: Hive) -> None:
    """The start script of nixos-containers binds these directories writable and mapped: a setuid
    program that the container's root made there would be the host's root's."""
    assert "Read-only file system" in fails(hive, f"cp /usr/bin/id {PROFILES}/setuid")
    assert "Read-only file system" in fails(hive, f"ln -sfn /state {PROFILES}/system")
    # Roots for the garbage collector are taken, and go with the container.
    hive.inside("alice", ["sh", "-c", f"cp /usr/bin/id {GCROOTS}/setuid"])
    for place in (PROFILES, GCROOTS):
        outside = hive.testbed.path(f"{place}/per-container/h-alice")
        assert not (outside / "setuid").exists()


@pytest.mark.parametrize("place", [PROFILES, GCROOTS, "/nix/store", "/usr", RESOLVER, NIX_DAEMON])
def test_what_the_host_has_mounted_stays(hive: Hive, place: str) -> None:
    mounts = hive.inside("alice", ["cat", "/proc/self/mountinfo"]).stdout
    fails(hive, f"umount {place}")
    fails(hive, f"umount --lazy {place}")
    fails(hive, f"mount -o remount,bind,rw,suid,dev {place}")
    fails(hive, f"mount --move {place} /mnt")
    assert hive.inside("alice", ["cat", "/proc/self/mountinfo"]).stdout == mounts


def test_no_device_can_be_made_or_mounted(hive: Hive) -> None:
    for directory in ("/state", "/dev", "/tmp", "/root"):
        assert "Operation not permitted" in fails(hive, f"mknod {directory}/disk b 8 0")
        assert "Operation not permitted" in fails(hive, f"mknod {directory}/memory c 1 1")
    listed = hive.inside("alice", ["find", "/dev", "-type", "b"]).stdout
    assert listed == ""
    # One that the host's root left there would be one of the host's, with nobody as its owner.
    disk = "/var/lib/hyperhive/agents/alice/state/disk"
    hive.testbed.run(["mknod", "-m", "666", disk, "b", "8", "0"])
    fails(hive, "head -c1 /state/disk")
    fails(hive, "mount /state/disk /mnt")
    hive.testbed.path(disk).unlink()


def test_the_kernel_cannot_be_changed(hive: Hive) -> None:
    assert hive.inside("alice", [INTERPRETER, "-c", LOADS]).stdout == "Operation not permitted\n"
    for file in (
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/modprobe",
        "/proc/sys/vm/overcommit_memory",
        "/proc/sysrq-trigger",
        "/sys/kernel/uevent_helper",
        "/sys/fs/cgroup/../../../../proc/sys/kernel/core_pattern",
    ):
        fails(hive, f"echo 1 > {file}")
    fails(hive, "dmesg")
    fails(hive, "head -c1 /proc/kcore")
    fails(hive, "date --set=@1")


def test_processes_of_the_host_cannot_be_seen_or_signalled(hive: Hive) -> None:
    testbed = hive.testbed
    testbed.unit("victim.service", "[Service]\nExecStart=/bin/sleep 77.5\n")
    testbed.systemctl("start", "victim.service")
    pid = testbed.show("victim.service", "MainPID")

    seen = hive.inside("alice", ["ps", "-eo", "args", "--no-headers"]).stdout.splitlines()
    assert Path(seen[0].split()[0]).name == "systemd"
    assert not [line for line in seen if "sleep 77.5" in line or "hive.json" in line]
    # No process has the host's number inside, or if one has, it is the container's own.
    shown = hive.inside("alice", ["cat", f"/proc/{pid}/cmdline"], check=False).stdout
    assert "77.5" not in shown
    # And were it seen: whoever has the container's uids may not signal it.
    for uid in (hive.uids("alice").root, hive.uids("alice").agent):
        done = testbed.run(as_uid(uid, "kill", "-9", pid), check=False)
        assert "Operation not permitted" in done.stderr
    assert testbed.show("victim.service", "MainPID") == pid
    testbed.systemctl("stop", "victim.service")


def test_limits_of_a_container_are_out_of_its_reach(hive: Hive) -> None:
    group = hive.inside("alice", ["cat", "/proc/self/cgroup"]).stdout.strip()
    assert "container@" not in group, "it sees where it is among the host's groups"
    own = Path("/sys/fs/cgroup/machine.slice", hive.unit("alice"))
    for name in ("cgroup.procs", "cgroup.max.descendants"):
        assert hive.testbed.path(own / name).stat().st_uid == 0
    inside = hive.inside("alice", ["find", "/sys/fs/cgroup", "-name", "*h-bob*"]).stdout
    assert inside == ""
