"""The addresses of an agent's private network, a pure function of its uid range.

Each range has a number of its own (base / 65536), and 28,672 numbers times two addresses fit a /16,
so no two agents share an address unless they share a range, which the declared hive refuses.
10.233.0.0/16, from which `nixos-container create` hands out addresses, stays free.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from hyperhive.hive.uids import UidRange

HIVE_NETWORK: Final = IPv4Network("10.231.0.0/16")
"""Both ends of every agent's network lie in here; a host's NAT and firewall rules can name it."""


@dataclass(frozen=True, slots=True)
class Link:
    """The two ends of a virtual cable, each a /32 with a route to the other.

    Attributes:
        host: the host's end, `ve-h-NAME`, and the container's default gateway.
        container: the container's end, `eth0`.
    """

    host: IPv4Address
    container: IPv4Address


def link(uids: UidRange) -> Link:
    """Return the addresses of the agent that has the range `uids`."""
    first = HIVE_NETWORK.network_address + 2 * (uids.base // uids.size)
    return Link(host=first, container=first + 1)
