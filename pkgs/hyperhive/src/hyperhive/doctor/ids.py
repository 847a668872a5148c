"""Ids of users and groups that this host has given away."""

import grp
import pwd
from pathlib import Path
from typing import Literal

from hyperhive.doctor.ask import Unknown, not_seen
from hyperhive.doctor.facts import Taken

Kind = Literal["uid", "gid"]


def taken_ids() -> dict[str, tuple[Taken, ...] | Unknown]:
    """Ids of users, groups, and of what users may map, by where that was read."""
    users = tuple(Taken("uid", user.pw_uid, 1, f"user {user.pw_name}") for user in pwd.getpwall())
    groups = tuple(
        Taken("gid", group.gr_gid, 1, f"group {group.gr_name}") for group in grp.getgrall()
    )
    return {
        "users": users,
        "groups": groups,
        "/etc/subuid": _subordinate(Path("/etc/subuid"), "uid"),
        "/etc/subgid": _subordinate(Path("/etc/subgid"), "gid"),
    }


def _subordinate(path: Path, kind: Kind) -> tuple[Taken, ...] | Unknown:
    try:
        return parse_subordinate(path.read_text(errors="replace"), kind, str(path))
    except FileNotFoundError:
        return ()
    except OSError as error:
        return not_seen(error)


def parse_subordinate(text: str, kind: Kind, source: str) -> tuple[Taken, ...]:
    """The ranges in a file of the form of subuid(5); lines that are none are left out."""
    found = []
    for line in text.splitlines():
        parts = line.strip().split(":")
        if len(parts) == 3 and all(part.isascii() and part.isdecimal() for part in parts[1:]):
            found.append(Taken(kind, int(parts[1]), int(parts[2]), f"{source}: {parts[0]}"))
    return tuple(found)


def parse_id_map(text: str, kind: Kind, machine: str) -> tuple[Taken, ...]:
    """The ids of the host in a process's uid_map or gid_map (user_namespaces(7)), read there."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and all(word.isascii() and word.isdecimal() for word in words):
            inside, outside, count = map(int, words)
            # A container without a range of its own has the host's ids as they are.
            if inside != outside:
                found.append(Taken(kind, outside, count, f"container {machine}", machine))
    return tuple(found)
