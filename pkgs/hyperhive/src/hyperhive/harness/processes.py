"""The processes of a turn: whom they die with, and how the last of them is found.

claude's tools run in sessions and process groups of their own, so that no signal to a group reaches
them. The harness is therefore a child subreaper: whatever a turn leaves behind becomes its child.
"""

import ctypes
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_PROC: Final = Path("/proc")
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Process:
    """A process as /proc shows it; `started` (clock ticks) tells it from a later one of its pid."""

    pid: int
    parent: int
    started: int
    zombie: bool


def become_subreaper() -> None:
    """Have orphaned descendants become children of this process instead of init's.

    Raises:
        OSError: the kernel refuses.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Have this process sent SIGTERM when its parent dies; for a child between fork and exec.

    SIGTERM, because claude then ends its tools itself, which would survive it otherwise.

    Raises:
        OSError: the kernel refuses.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel was told
        os.kill(os.getpid(), signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def reap_orphans(keep: int | None) -> bool:
    """Take the exit status of every dead child but `keep`, whose own owner waits for it.

    Returns:
        Whether there is still any child, dead or alive.
    """
    while True:
        try:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
        if dead is None or dead.si_pid == keep:
            return True
        os.waitpid(dead.si_pid, 0)


def kill_descendants(root: int, sent: signal.Signals = signal.SIGKILL) -> int:
    """Send every living descendant of `root` a signal; to be repeated until it returns 0, as they
    may start others meanwhile.

    Returns:
        How many there were.
    """
    found = [process for process in descendants(root) if not process.zombie]
    for process in found:
        _signal(process, sent)
    return len(found)


def kill_strays(begins: str, holds: str) -> int:
    """Kill what an earlier harness left behind when it was killed itself.

    Args:
        begins: an entry of the process's environment begins so, `HYPERHIVE_TURN=alice:`.
        holds: another whole entry, which tells two hives on one machine apart.

    Returns:
        How many there were.
    """
    killed = 0
    for process in _processes():
        if process.pid == os.getpid() or process.zombie:
            continue
        try:
            environ = (_PROC / str(process.pid) / "environ").read_bytes()
        except OSError:
            continue  # it has ended, or is another user's
        entries = environ.split(b"\0")
        if holds.encode() in entries and any(e.startswith(begins.encode()) for e in entries):
            _signal(process, signal.SIGKILL)
            killed += 1
    return killed


def descendants(root: int) -> list[Process]:
    """The children of `root`, their children, and so on; zombies included."""
    children: dict[int, list[Process]] = {}
    for process in _processes():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    parents = [root]
    while parents:
        below = children.pop(parents.pop(), [])
        found += below
        parents += [process.pid for process in below]
    return found


def _processes() -> list[Process]:
    pids = [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 - 3.11 speed
    return [process for pid in pids if (process := _read(pid)) is not None]


def _read(pid: int) -> Process | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The command in parentheses may hold anything, parentheses and spaces too (proc_pid_stat(5)).
    fields = stat[stat.rindex(b")") + 2 :].split()
    return Process(pid, parent=int(fields[1]), started=int(fields[19]), zombie=fields[0] in b"ZX")


def _signal(process: Process, sent: signal.Signals) -> None:
    """Signal this process and no later one that was given its pid."""
    try:
        handle = os.pidfd_open(process.pid)
    except OSError:
        return  # it has ended
    try:
        now = _read(process.pid)
        if now is not None and now.started == process.started:
            signal.pidfd_send_signal(handle, sent)
    except (ProcessLookupError, PermissionError):
        return  # it has ended, or changed its user: the unit launcher is there for that
    finally:
        os.close(handle)
