"""Network namespaces for tests: small machines with interfaces and sockets of their own."""

import ctypes
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from tests.tools import need, program

CLONE_NEWNET: Final = 0x40000000
SILENCE: Final = 0.4
"""Seconds after which what has not come will not come: an answer takes under a millisecond."""
DEADLINE: Final = 10.0

Address = tuple[str, int] | tuple[str, int, int, int]


class Namespace:
    """A network of its own, alive until it is closed."""

    def __init__(self, name: str) -> None:
        self.name = name
        # Its process ends with its input, however this one ends.
        self._process = subprocess.Popen(
            ["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        deadline = time.monotonic() + DEADLINE
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{self.pid}/ns/net").readlink() == own:
            assert time.monotonic() < deadline, f"{name} got no network namespace"
            assert self._process.poll() is None, f"unshare of {name} ended"
        self.run("ip", "link", "set", "lo", "up")

    @property
    def pid(self) -> int:
        """The process that holds it."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, *words: str, input: str = "", check: bool = True) -> str:
        """Run a program on this network and return what it prints."""
        done = subprocess.run(
            ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *words],
            input=input,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert not check or done.returncode == 0, f"{self.name}: {' '.join(words)}: {done.stderr}"
        return done.stdout

    def link(self, interface: str, other: "Namespace", name: str) -> None:
        """Lay a cable from `interface` here to `name` there; both ends are up, with no address."""
        self.run(
            *("ip", "link", "add", interface, "type", "veth"),
            *("peer", "name", name, "netns", str(other.pid)),
        )
        for end, where in ((interface, self), (name, other)):
            # No address of its own making, which would come some time later.
            where.run("ip", "link", "set", "dev", end, "addrgenmode", "none")
            where.run("ip", "link", "set", "dev", end, "up")

    def address(self, interface: str, address: str) -> None:
        """Give an interface an address, `192.0.2.1/24`, that counts at once."""
        nodad = ("nodad",) if ":" in address else ()
        self.run("ip", "addr", "add", address, "dev", interface, *nodad)

    def route(self, *words: str) -> None:
        """Add a route (ip-route(8))."""
        self.run("ip", "route", "add", *words)

    def set(self, settings: Mapping[str, int]) -> None:
        """Set what the kernel does on this network (sysctl(8))."""
        self.run("sysctl", "--quiet", "-w", *(f"{name}={n}" for name, n in settings.items()))

    def open(self, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        """Return a socket of this network."""
        made: list[socket.socket] = []

        def make() -> None:
            with Path(f"/proc/{self.pid}/ns/net").open("rb") as net:
                # A thread's own doing, which ends with it; the socket stays where it was made.
                if ctypes.CDLL(None, use_errno=True).setns(net.fileno(), CLONE_NEWNET) == 0:
                    made.append(socket.socket(family, kind))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        assert made, f"no socket in {self.name}"
        return made[0]

    def listener(self, address: str, port: int) -> socket.socket:
        """Return a socket that listens for TCP."""
        made = self.open(_family(address), socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((address, port))
        made.listen()
        return made

    def receiver(self, address: str, port: int) -> socket.socket:
        """Return a socket that receives UDP."""
        made = self.open(_family(address), socket.SOCK_DGRAM)
        made.bind((address, port))
        return made

    def reached(self, targets: Sequence[Address]) -> list[Address]:
        """Return those of `targets` that take a TCP connection from here."""
        with ExitStack() as stack:
            sockets = []
            for target in targets:
                made = stack.enter_context(self.open(_family(target[0]), socket.SOCK_STREAM))
                made.setblocking(False)
                made.connect_ex(target)
                sockets.append(made)
            poll = select.poll()
            for made in sockets:
                poll.register(made, select.POLLOUT)
            waiting, deadline = len(sockets), time.monotonic() + SILENCE
            while waiting and (left := deadline - time.monotonic()) > 0:
                for descriptor, _ in poll.poll(left * 1000):
                    poll.unregister(descriptor)
                    waiting -= 1
            return [target for target, made in zip(targets, sockets, strict=True) if _open(made)]

    def send(self, target: Address, source: str = "") -> None:
        """Send a datagram; from `source`, if this network has that address."""
        with self.open(_family(target[0]), socket.SOCK_DGRAM) as made:
            if source:
                made.bind((source, 0))
            made.sendto(b"hello", target)


def arrived(receiver: socket.socket) -> list[str]:
    """Return the sources of what arrives until there is silence."""
    sources = []
    while select.select([receiver], [], [], SILENCE)[0]:
        sources.append(receiver.recvfrom(100)[1][0])
    return sources


def need_namespaces() -> None:
    """Skip or fail the running test on a machine without network namespaces."""
    need("root", os.geteuid() == 0, "run the tests as root")
    packages = {
        "ip": "iproute2",
        "nft": "nftables",
        "nsenter": "util-linux",
        "unshare": "util-linux",
    }
    for name, package in packages.items():
        program(name, f"apt-get install {package}")


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _open(made: socket.socket) -> bool:
    try:
        made.getpeername()
    except OSError:
        return False
    return True


def addresses(targets: Iterable[Address]) -> set[str]:
    """Return the addresses alone."""
    return {target[0] for target in targets}
