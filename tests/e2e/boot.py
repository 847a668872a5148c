"""Boots a real systemd as PID 1 of namespaces of its own, on an overlay of this machine's `/`.

    python -m tests.e2e.boot PATH...

The machine itself stays as it is: what is written lands in a tmpfs that ends with the namespaces.
Each PATH of the machine is visible inside at its own path, read-only. Says two lines on standard
output, the pid of the new PID 1 and, once its boot is finished, `ready`; runs until its standard
input is closed, which happens however the process that started it ends, or until PID 1 has
ended. Then every process inside is gone, and so is the cgroup. Standard library only.

Needs root, a unified cgroup hierarchy (a hybrid one will do), and Linux 6.3 for idmapped tmpfs.
"""

import os
import select
import shutil
import signal
import socket
import stat
import sys
import tempfile
import traceback
from pathlib import Path
from types import FrameType
from typing import Final

from tests.e2e.namespaces import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUTS,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    MS_SHARED,
    bind,
    die_with_parent,
    enter_root,
    mount,
    unshare,
)

NAME: Final = "hyperhive-testbed"
TARGET: Final = "testbed.target"
STATE: Final = Path("srv/state")
"""A plain tmpfs: an overlay can be neither idmapped nor the upper layer of a container."""
ON_STATE: Final = ("nix", "var/lib/hyperhive", "var/lib/nixos-containers", "var/log/journal")
"""What lies on the same tmpfs, seen at its usual place."""
SYSTEMD: Final = "/lib/systemd/systemd"

UNIT: Final = """\
[Unit]
Description=The testbed
Requires=sysinit.target dbus.socket
Wants=dbus.service systemd-machined.service
After=sysinit.target dbus.socket
"""
JOURNAL: Final = """\
[Journal]
RateLimitIntervalSec=0
SystemMaxUse=256M
"""
# They would change the machine (sysctls, kernel modules, devices, binary formats), or need it.
MASKED: Final = (
    "systemd-binfmt.service",
    "systemd-modules-load.service",
    "systemd-pstore.service",
    "systemd-random-seed.service",
    "systemd-remount-fs.service",
    "systemd-sysctl.service",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-setup-dev.service",
    "systemd-tmpfiles-setup-dev-early.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-update-utmp.service",
    "proc-sys-fs-binfmt_misc.automount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
)
DEVICES: Final = {
    "console": (1, 3),  # nothing to read, and nobody to write to
    "full": (1, 7),
    "fuse": (10, 229),
    "net/tun": (10, 200),
    "null": (1, 3),
    "random": (1, 8),
    "tty": (5, 0),
    "urandom": (1, 9),
    "zero": (1, 5),
}


def main() -> int:
    """Boot, and stay until the end."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    directory = Path(tempfile.mkdtemp(prefix=f"{NAME}-"))
    cgroup = _make_cgroup()
    ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    child = 0
    try:
        unshare(CLONE_NEWPID)
        child = os.fork()
        if child == 0:
            _become_init(directory, cgroup, ready, [Path(word) for word in sys.argv[1:]])
        print(child, flush=True)
        return _watch(child, ready)
    finally:
        if child:
            # The end of PID 1 is the end of every process of its namespace.
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        _remove_cgroup(cgroup)
        directory.rmdir()


def _watch(child: int, ready: socket.socket) -> int:
    """Say when the boot is finished; return once the testbed is to end, or has ended."""
    pid = os.pidfd_open(child)
    waiting = select.poll()
    for descriptor in (sys.stdin.fileno(), pid, ready.fileno()):
        waiting.register(descriptor, select.POLLIN | select.POLLHUP)
    while True:
        for descriptor, _ in waiting.poll():
            if descriptor == ready.fileno():
                if b"READY=1" in ready.recv(4096).splitlines():
                    print("ready", flush=True)
            elif descriptor == pid:
                print("PID 1 of the testbed has ended", file=sys.stderr)
                return 1
            elif not os.read(descriptor, 1):
                return 0


def _become_init(directory: Path, cgroup: Path, ready: socket.socket, visible: list[Path]) -> None:
    """Build the new root and execute systemd in it; return never."""
    try:
        die_with_parent()
        # The root of a cgroup namespace is where its creator is.
        (cgroup / "cgroup.procs").write_text("0")
        unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP)
        root = _mount_root(directory, visible)
        _configure(root)
        ready.bind(str(root / "run" / "testbed-ready"))
        socket.sethostname("testbed")
        enter_root(root)
        # LoadCredential= of a service is empty where mounts do not reach its namespace.
        mount("none", "/", None, MS_REC | MS_SHARED)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1):  # what it says on standard error is for the tests' reader
            os.dup2(null, descriptor)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        environment = {
            "NOTIFY_SOCKET": "/run/testbed-ready",
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "container": NAME,
        }
        flags = ["--system", f"--unit={TARGET}", "--log-target=journal", "--show-status=no"]
        os.execve(SYSTEMD, [SYSTEMD, *flags], environment)
    except Exception:  # noqa: BLE001 - the copy of this process ends here, whatever happened
        traceback.print_exc()
        os._exit(1)


def _mount_root(directory: Path, visible: list[Path]) -> Path:
    """Mount the new root with everything below it; return where it is."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", directory, "tmpfs", 0, "mode=755,size=4g")
    state, root = directory / "state", directory / "root"
    for made in (state, root, directory / "upper", directory / "work"):
        made.mkdir()
    layers = f"lowerdir=/,upperdir={directory}/upper,workdir={directory}/work"
    mount("overlay", root, "overlay", 0, layers)
    _mount_kernel(root)
    (root / STATE).mkdir(parents=True)
    bind(state, root / STATE)
    for place in ON_STATE:
        (state / place).mkdir(parents=True)
        (root / place).mkdir(parents=True, exist_ok=True)
        bind(state / place, root / place)
    # Last, since some of it may lie below /tmp or /run, which are new here.
    for path in visible:
        _show(path, root)
    return root


def _mount_kernel(root: Path) -> None:
    """Mount the kernel's file systems, and fresh ones for what does not outlive a boot."""
    mount("proc", root / "proc", "proc")
    # The machine's own sysctls must not change.
    bind(root / "proc/sys", root / "proc/sys", read_only=True)
    mount("sysfs", root / "sys", "sysfs")
    mount("cgroup2", root / "sys/fs/cgroup", "cgroup2")
    mount("tmpfs", root / "dev", "tmpfs", MS_NOSUID, "mode=755")
    for name, (major, minor) in DEVICES.items():
        device = root / "dev" / name
        device.parent.mkdir(exist_ok=True)
        os.mknod(device, stat.S_IFCHR, os.makedev(major, minor))
        device.chmod(0o666)
    for name, options in (
        ("pts", "newinstance,ptmxmode=0666,mode=620,gid=5"),
        ("shm", "mode=1777"),
    ):
        (root / "dev" / name).mkdir()
        kind = "devpts" if name == "pts" else "tmpfs"
        mount(kind, root / "dev" / name, kind, 0, options)
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd"}
    links |= {name: f"fd/{number}" for number, name in enumerate(("stdin", "stdout", "stderr"))}
    for name, target in links.items():
        (root / "dev" / name).symlink_to(target)
    (root / "dev/mqueue").mkdir()
    mount("tmpfs", root / "run", "tmpfs", 0, "mode=755")
    mount("tmpfs", root / "tmp", "tmpfs", 0, "mode=1777")
    # Without a proc and a sysfs that nothing covers, the kernel refuses both to containers with
    # users of their own.
    for name, kind in (("proc", "proc"), ("sys", "sysfs")):
        (root / "run/.whole" / name).mkdir(parents=True)
        mount(kind, root / "run/.whole" / name, kind)
    # What is below net is the network namespace's own.
    bind(root / "run/.whole/proc/sys/net", root / "proc/sys/net")


def _show(path: Path, root: Path) -> None:
    """Make `path` of the machine visible below `root`, to every user."""
    shown = root / path.relative_to("/")
    shown.mkdir(parents=True, exist_ok=True)
    for above in shown.parents:
        if above == root:
            break
        mode = stat.S_IMODE(above.stat().st_mode)
        if mode & 0o111 != 0o111:
            above.chmod(mode | 0o111)
    bind(path, shown, read_only=True)


def _configure(root: Path) -> None:
    """Take away what the machine itself would start; name the testbed."""
    units = root / "etc/systemd/system"
    shutil.rmtree(units)
    units.mkdir()
    for unit in MASKED:
        (units / unit).symlink_to(os.devnull)
    (units / TARGET).write_text(UNIT)
    drop_ins = root / "etc/systemd/journald.conf.d"
    drop_ins.mkdir(exist_ok=True)
    (drop_ins / "testbed.conf").write_text(JOURNAL)
    (root / "etc/fstab").write_text("")
    (root / "etc/hostname").write_text("testbed\n")
    (root / "etc/machine-id").unlink(missing_ok=True)
    (root / "etc/machine-id").write_text(f"{os.urandom(16).hex()}\n")


def _make_cgroup() -> Path:
    """Make the cgroup of this testbed, and remove those of testbeds that were killed."""
    top = Path("/sys/fs/cgroup")
    if not (top / "cgroup.controllers").exists():
        top = top / "unified"
    for left in top.glob(f"{NAME}-*"):
        if not Path("/proc", left.name.rpartition("-")[2]).exists():
            _remove_cgroup(left)
    cgroup = top / f"{NAME}-{os.getpid()}"
    cgroup.mkdir()
    return cgroup


def _remove_cgroup(cgroup: Path) -> None:
    """Remove a cgroup with all below it, or what of it has no process."""
    for directory, _, _ in os.walk(cgroup, topdown=False):
        try:
            Path(directory).rmdir()
        except OSError as error:
            print(f"{directory}: {error.strerror}", file=sys.stderr)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
