"""Who may connect to an agent's sockets: the kernel says who a peer is."""

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName

_UCRED: Final = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end, as it was when it connected (unix(7), SO_PEERCRED)."""

    pid: int
    uid: int
    gid: int

    @classmethod
    def of(cls, connection: socket.socket) -> Self:
        """The peer of a connected Unix socket."""
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        return cls(*_UCRED.unpack(raw))


@dataclass(frozen=True, slots=True)
class AllowedUids:
    """Host uids that one agent's sockets accept.

    Attributes:
        harness: on harness.sock.
        mcp: on mcp.sock.
    """

    harness: frozenset[int]
    mcp: frozenset[int]


PeerPolicy = Callable[[HiveConfig, AgentName], AllowedUids]
"""Which uids may be which agent, of the hive as it is when the agent's sockets are opened."""


def container_uids(hive: HiveConfig, name: AgentName) -> AllowedUids:
    """Each agent's own uid range: root of its container on harness.sock, root and the user `agent`
    on mcp.sock."""
    uids = hive.agents[name].uid_range(name)
    return AllowedUids(frozenset({uids.root}), frozenset({uids.root, uids.agent}))


def one_user(uid: int) -> PeerPolicy:
    """One user for every agent: a hive that runs without containers."""
    allowed = AllowedUids(frozenset({uid}), frozenset({uid}))
    return lambda _hive, _name: allowed
