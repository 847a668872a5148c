"""The directories of agents' sockets: the broker's, and reachable for one uid range.

Containers have them bound for writing, so nobody but root may put anything in their place: they
lie in a directory of root's, and only what is in them is the broker's.
"""

import os
import stat
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hyperhive.deploy.ownership import Owner, set_owner, trusted_directory
from hyperhive.deploy.tree_walk import DIRECTORY, open_directory
from hyperhive.errors import HyperhiveError


def own_sockets(directory: Path, owner: Owner) -> None:
    """Make an agent's directory of sockets, and give it and the sockets in it their group.

    Args:
        directory: RUN/agents/NAME; RUN/agents is made where it is missing.
        owner: of the directory: the broker, which listens there, and the agent's group.

    Raises:
        HyperhiveError: something else is in the way.
        OSError: it cannot be made.
    """
    trusted_directory(directory.parent)
    agents = open_directory(directory.parent)
    try:
        with suppress(FileExistsError):
            os.mkdir(directory.name, 0o700, dir_fd=agents)
        sockets = os.open(directory.name, DIRECTORY, dir_fd=agents)
        try:
            found = os.fstat(sockets).st_uid
            if found not in (owner.uid, os.geteuid()):
                raise HyperhiveError(
                    f"{directory}, the directory of an agent's sockets, is uid {found}'s",
                    "remove it, and restart hyperhive.service",
                )
            # Its group and its setgid bit first: once it is the broker's, sockets are made in it.
            set_owner(sockets, replace(owner, uid=found))
            set_owner(sockets, owner)
            for name in _names(sockets):
                _give_group(sockets, name, owner)
        finally:
            os.close(sockets)
    finally:
        os.close(agents)


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
