"""Name servers for agents with a private network: those of the host that can be reached from there.

A resolver on the host's loopback cannot: a container has a loopback of its own, and the firewall
closes the host's ports. So what the host's resolver asks is told to the containers instead.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hyperhive.deploy.marked_files import MARK, write_file

HOST_FILES: Final = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""Where the host's name servers stand: resolv.conf(5), and what systemd-resolved itself asks
(systemd-resolved.service(8)) where the first names its stub on the loopback."""

FILE: Final = "resolv.conf"
"""The file's name in the directory that containers see."""

_MOST_SERVERS: Final = 3
"""The C library looks at no more (MAXNS of resolv.conf(5))."""
_PASSED: Final = ("search", "domain", "options")
_COMMENT: Final = MARK.decode() + "resolver`: the host's name servers, for private networks."


@dataclass(frozen=True, slots=True)
class Resolver:
    """What a resolv.conf says.

    Attributes:
        servers: addresses, in order.
        others: its search, domain and options lines, which go with the servers.
    """

    servers: tuple[str, ...]
    others: tuple[str, ...]


def parse_resolver(text: str) -> Resolver:
    """What a resolv.conf(5) says; servers that no private network reaches are left out.

    Those are on the loopback, or speak IPv6, which private networks have none of.
    """
    servers: list[str] = []
    others: list[str] = []
    for line in text.splitlines():
        # A keyword begins in the first column; # and ; begin a comment there.
        keyword, *values = line.split() if line[:1].strip() else ("",)
        if keyword == "nameserver" and values and _reachable(values[0]):
            servers.append(values[0])
        elif keyword in _PASSED and values:
            others.append(" ".join((keyword, *values)))
    return Resolver(tuple(dict.fromkeys(servers)), tuple(others))


def choose_resolver(declared: Sequence[str], host: Sequence[str]) -> Resolver:
    """What private networks are told.

    Args:
        declared: name servers of the declared hive; they come before all others.
        host: the contents of `HOST_FILES` that exist, in order; the first that names a server
            which can be reached counts.
    """
    found = [parse_resolver(text) for text in host]
    if declared:
        others = found[0].others if found else ()
        return Resolver(tuple(declared), others)
    return next((one for one in found if one.servers), Resolver((), ()))


def compose_resolver(resolver: Resolver) -> str:
    """The text of a resolv.conf(5)."""
    servers = [f"nameserver {server}" for server in resolver.servers[:_MOST_SERVERS]]
    return "\n".join([_COMMENT, *servers, *resolver.others]) + "\n"


def write_resolver(directory: Path, resolver: Resolver) -> bool:
    """Put the file in place; say whether it changed.

    Raises:
        OSError: it cannot be written.
    """
    path = directory / FILE
    content = compose_resolver(resolver).encode()
    try:
        if path.read_bytes() == content:
            return False
    except FileNotFoundError:
        pass
    write_file(path, content)
    return True


def read_host_files(paths: Sequence[Path] = HOST_FILES) -> list[str]:
    """The contents of those that exist."""
    texts = []
    for path in paths:
        try:
            texts.append(path.read_text(errors="replace"))
        except (FileNotFoundError, NotADirectoryError):
            continue
    return texts


def _reachable(server: str) -> bool:
    try:
        address = ipaddress.IPv4Address(server)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)
