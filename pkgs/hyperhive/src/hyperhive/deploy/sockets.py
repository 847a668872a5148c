"""The directories of agents' sockets: the broker's, and reachable for one uid range.

They lie in directories of the broker's user, which could put anything in their place. So each step
of the way is opened by its single name, and what is not the broker's is refused.
"""

import os
import stat
from pathlib import Path

from hyperhive.deploy.ownership import Owner, set_owner
from hyperhive.deploy.tree_walk import DIRECTORY, open_directory
from hyperhive.errors import HyperhiveError


def own_sockets(directory: Path, owner: Owner, broker: Owner) -> None:
    """Make an agent's directory of sockets, and give it and the sockets in it their group.

    Args:
        directory: RUN/agents/NAME.
        owner: of the directory; its group is the agent's.
        broker: of RUN/agents, where it has to be made.

    Raises:
        HyperhiveError: something else is in the way.
        OSError: it cannot be made.
    """
    run = open_directory(directory.parent.parent)
    try:
        agents = _inside(run, directory.parent.name, broker)
        try:
            sockets = _inside(agents, directory.name, owner)
            try:
                set_owner(sockets, owner)
                for name in _names(sockets):
                    _give_group(sockets, name, owner)
            finally:
                os.close(sockets)
        finally:
            os.close(agents)
    finally:
        os.close(run)


def groups_of_sockets(directory: Path, broker: int) -> frozenset[int]:
    """The groups of the broker's sockets in a directory of sockets; none where there is none."""
    try:
        statuses = [entry.lstat() for entry in directory.iterdir()]
    except FileNotFoundError:
        return frozenset()
    return frozenset(
        status.st_gid
        for status in statuses
        if stat.S_ISSOCK(status.st_mode) and status.st_uid == broker
    )


def remove_sockets(directory: Path) -> None:
    """Remove the directory of a former agent and the sockets in it. Nothing: fine.

    Raises:
        OSError: it holds something else, or cannot be removed.
    """
    try:
        agents = open_directory(directory.parent)
    except FileNotFoundError:
        return
    try:
        sockets = os.open(directory.name, DIRECTORY, dir_fd=agents)
        try:
            for name in _names(sockets):
                os.unlink(name, dir_fd=sockets)
        finally:
            os.close(sockets)
        os.rmdir(directory.name, dir_fd=agents)
    except FileNotFoundError:
        return
    finally:
        os.close(agents)


def _inside(parent: int, name: str, owner: Owner) -> int:
    """Open a directory of the broker's, made where it is missing."""
    try:
        os.mkdir(name, 0o700, dir_fd=parent)
        made = True
    except FileExistsError:
        made = False
    descriptor = os.open(name, DIRECTORY, dir_fd=parent)
    status = os.fstat(descriptor)
    if status.st_uid not in (owner.uid, os.geteuid()):
        os.close(descriptor)
        raise HyperhiveError(
            f"the directory {name} of agents' sockets is uid {status.st_uid}'s",
            "remove it, and restart hyperhive.service",
        )
    if made:
        set_owner(descriptor, owner)
    return descriptor


def _names(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries]


def _give_group(directory: int, name: str, owner: Owner) -> None:
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=directory)
    except FileNotFoundError:
        return  # The broker makes them anew when it starts.
    try:
        status = os.fstat(descriptor)
        if stat.S_ISSOCK(status.st_mode) and status.st_uid == owner.uid:
            # A descriptor of this kind takes no fchown; its name in /proc means the very inode.
            os.chown(f"/proc/self/fd/{descriptor}", -1, owner.gid)
    finally:
        os.close(descriptor)
