"""The range of host uids that an agent's container lives in.

The base is a pure function of the agent's name, so that every host, and every rebuild of a host,
gives an agent's files the same owner. The bounds are systemd's container range
(https://systemd.io/UIDS-GIDS).
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from hyperhive.errors import InputError
from hyperhive.hive.names import AgentName

SIZE: Final = 65536
FIRST_BASE: Final = 524288
LAST_BASE: Final = 1878982656
SLOTS: Final = (LAST_BASE - FIRST_BASE) // SIZE + 1
AGENT_UID: Final = 1000
"""Uid of the user `agent` inside a container."""


@dataclass(frozen=True, slots=True, order=True)
class UidRange:
    """`size` host uids from `base` on, mapped to 0 … `size` - 1 inside one container."""

    base: int
    size: int = SIZE

    @property
    def root(self) -> int:
        """Host uid of the container's root, which runs the harness."""
        return self.base

    @property
    def agent(self) -> int:
        """Host uid of the container's user `agent`, which runs claude."""
        return self.base + AGENT_UID

    @property
    def last(self) -> int:
        """The highest uid of the range."""
        return self.base + self.size - 1

    def contains(self, uid: int) -> bool:
        """Whether the host uid belongs to this container."""
        return self.base <= uid <= self.last


def uid_range(name: AgentName, explicit: int | None = None) -> UidRange:
    """The agent's range: `explicit` where it is given, else a hash of the name.

    Raises:
        InputError: `explicit` is not a base that systemd would accept.
    """
    if explicit is not None:
        return UidRange(parse_uid_base(explicit))
    digest = sha256(name.encode()).digest()
    return slot_range(int.from_bytes(digest, "big") % SLOTS)


def slot_range(slot: int) -> UidRange:
    """The range number `slot` (0 … SLOTS - 1) of systemd's container range."""
    return UidRange(FIRST_BASE + slot * SIZE)


def parse_uid_base(base: int) -> int:
    """Return `base` if it may be the base of a range.

    Raises:
        InputError: it is outside of systemd's container range or not a multiple of 65536.
    """
    if not FIRST_BASE <= base <= LAST_BASE:
        raise InputError(
            "outside of systemd's container range",
            f"use a multiple of {SIZE} from {FIRST_BASE} to {LAST_BASE}",
        )
    if base % SIZE:
        raise InputError(
            f"not a multiple of {SIZE}", f"use {base - base % SIZE}, or leave uid_base out"
        )
    return base
