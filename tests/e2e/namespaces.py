"""The system calls that the testbed boots with, as glibc has them (mount(2), unshare(2), prctl(2)).

Standard library only: `boot.py` runs with nothing else.
"""

import ctypes
import os
import signal
from pathlib import Path
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_RDONLY: Final = 0x0001
MS_NOSUID: Final = 0x0002
MS_REMOUNT: Final = 0x0020
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 1 << 18
MS_SHARED: Final = 1 << 20

_MNT_DETACH: Final = 2
_PR_SET_PDEATHSIG: Final = 1

_libc: Final = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Put this process into new namespaces; with CLONE_NEWPID only its next children.

    Raises:
        OSError: the kernel refuses.
    """
    _check(_libc.unshare(flags), "unshare")


def mount(
    source: str, target: Path | str, kind: str | None = None, flags: int = 0, options: str = ""
) -> None:
    """Mount `source` on `target`, as mount(2) does.

    Raises:
        OSError: the kernel refuses; it names the target.
    """
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        os.fsencode(kind) if kind else None,
        ctypes.c_ulong(flags),
        os.fsencode(options) if options else None,
    )
    _check(result, str(target))


def bind(source: Path | str, target: Path | str, *, read_only: bool = False) -> None:
    """Show `source` with everything that is mounted below it at `target`.

    Raises:
        OSError: the kernel refuses; it names the target.
    """
    mount(str(source), target, None, MS_BIND | MS_REC)
    if read_only:
        mount("none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def enter_root(root: Path) -> None:
    """Make `root`, a mount point, the root of this mount namespace, and forget the former one.

    Raises:
        OSError: the kernel refuses.
    """
    os.chdir(root)
    Path(".former").mkdir()
    _check(_libc.pivot_root(b".", b".former"), "pivot_root")
    os.chdir("/")
    _check(_libc.umount2(b"/.former", _MNT_DETACH), "umount2")
    Path("/.former").rmdir()


def die_with_parent() -> None:
    """Have the kernel kill this process once its parent has ended, also across execve(2)."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL)), "prctl")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
