"""The firewall's rules in a kernel: a host between two agents and the world, each a namespace."""

import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from hyperhive.deploy.resolver import choose_resolver, compose_resolver
from hyperhive.hive.names import AgentName
from hyperhive.hive.uids import uid_range
from hyperhive.render.network import HIVE_NETWORK, link
from tests.nixos.namespaces import (
    DEADLINE,
    Address,
    Namespace,
    addresses,
    arrived,
    need_namespaces,
)
from tests.nixos.nix import STUBS, Nix

pytestmark = pytest.mark.nix

HIVE: Final = """{ services.hyperhive = {
  enable = true;
  name = "lab";
  externalInterface = "eth0";
  agents.a = { };
  agents.b = { };
}; }"""

HOST: Final = "192.0.2.1"
OUTSIDE: Final = "192.0.2.2"
METADATA: Final = "169.254.169.254"
PORT: Final = 8710
A, B = (link(uid_range(AgentName(name))) for name in "ab")


@dataclass(frozen=True)
class Net:
    """A host with two agents, and somebody outside."""

    host: Namespace
    a: Namespace
    b: Namespace
    outside: Namespace
    ruleset: str

    def close(self) -> None:
        """Load the rules."""
        self.host.run("nft", "--file", "-", input=self.ruleset)


@pytest.fixture(scope="module")
def ruleset(nix: Nix) -> str:
    """What the host's unit loads."""
    found: str = nix.ask(STUBS, "host.nftables", HIVE)
    return found


@pytest.fixture(scope="module")
def sysctl(nix: Nix) -> dict[str, bool]:
    """What the host sets in its kernel."""
    found: dict[str, bool] = nix.ask(STUBS, "host.sysctl", HIVE)
    return found


@pytest.fixture
def net(ruleset: str, sysctl: dict[str, bool]) -> Iterator[Net]:
    """The networks, with every address and route that NixOS gives containers, and no rules yet."""
    need_namespaces()
    with ExitStack() as stack:
        host, a, b, outside = (
            stack.enter_context(Namespace(name)) for name in ("host", "a", "b", "outside")
        )
        host.link("eth0", outside, "eth0")
        host.address("eth0", f"{HOST}/24")
        outside.address("eth0", f"{OUTSIDE}/24")
        outside.address("eth0", f"{METADATA}/32")
        host.route(f"{METADATA}/32", "dev", "eth0")
        # It knows the agents' addresses, so that what it cannot reach is not for want of a way.
        outside.route(str(HIVE_NETWORK), "via", HOST)
        for name, agent, ends in (("a", a, A), ("b", b, B)):
            interface = f"ve-h-{name}"
            host.link(interface, agent, "eth0")
            host.address(interface, str(ends.host))
            host.route(str(ends.container), "dev", interface)
            agent.address("eth0", str(ends.container))
            agent.route(str(ends.host), "dev", "eth0")
            agent.route("default", "via", str(ends.host))
        host.address("ve-h-a", "fe80::1/64")
        a.address("eth0", "fe80::2/64")
        host.set({name: int(value) for name, value in sysctl.items()})
        yield Net(host, a, b, outside, ruleset)


def test_the_host_s_ports_are_closed_on_every_address(net: Net) -> None:
    scope = int(net.a.run("ip", "-oneline", "link", "show", "eth0").split(":")[0])
    targets: list[Address] = [
        (HOST, PORT),
        (str(A.host), PORT),
        (str(B.host), PORT),
        ("fe80::1", PORT, 0, scope),
    ]
    with net.host.listener("::", PORT), net.host.receiver(HOST, 53) as names:
        assert net.a.reached(targets) == targets, "without rules all of them are open"
        net.a.send((HOST, 53))
        assert arrived(names) == [str(A.container)]
        net.close()
        assert net.a.reached(targets) == []
        net.a.send((HOST, 53))
        assert arrived(names) == []


def test_the_host_reaches_its_agents_and_is_answered(net: Net) -> None:
    net.close()
    with net.a.listener("0.0.0.0", PORT):
        assert net.host.reached([(str(A.container), PORT)])


def test_the_way_out_is_translated_and_answers_come_back(net: Net) -> None:
    net.outside.run("ip", "route", "del", str(HIVE_NETWORK))
    with net.outside.listener(OUTSIDE, PORT) as listener:
        assert not net.a.reached([(OUTSIDE, PORT)]), "without rules nothing is translated"
        net.close()
        assert net.a.reached([(OUTSIDE, PORT)])
        connection, peer = listener.accept()
        connection.close()
        assert peer[0] == HOST


def test_agents_do_not_reach_each_other(net: Net) -> None:
    with net.b.listener("0.0.0.0", PORT):
        assert net.a.reached([(str(B.container), PORT)]), "without rules it is open"
        net.close()
        assert not net.a.reached([(str(B.container), PORT)])


def test_the_world_does_not_reach_agents(net: Net) -> None:
    with net.a.listener("0.0.0.0", PORT):
        assert net.outside.reached([(str(A.container), PORT)]), "without rules it is open"
        net.close()
        assert not net.outside.reached([(str(A.container), PORT)])


@pytest.mark.parametrize("source", [str(B.container), "203.0.113.5", OUTSIDE])
def test_an_agent_speaks_with_its_own_address_alone(net: Net, source: str) -> None:
    # Else the kernels themselves would drop some of it.
    net.host.set({f"net.ipv4.conf.{which}.rp_filter": 0 for which in ("all", "ve-h-a")})
    net.outside.set({f"net.ipv4.conf.{which}.rp_filter": 0 for which in ("all", "eth0")})
    net.outside.set({"net.ipv4.conf.all.accept_local": 1})
    net.a.address("lo", f"{source}/32")
    target: Address = ("192.0.2.3", PORT)
    net.outside.address("eth0", "192.0.2.3/24")
    with net.outside.receiver("192.0.2.3", PORT) as receiver:
        net.a.send(target, source)
        assert arrived(receiver) == [source], "without rules it gets out"
        net.close()
        net.a.send(target, source)
        assert arrived(receiver) == []
        net.a.send(target)
        assert arrived(receiver) == [HOST], "with its own address it gets out"


def test_what_is_local_to_the_host_s_link_is_closed(net: Net) -> None:
    """There a cloud hands out the host's credentials."""
    with net.outside.listener("0.0.0.0", PORT):
        assert addresses(net.a.reached([(METADATA, PORT)])) == {METADATA}
        net.close()
        assert not net.a.reached([(METADATA, PORT)])


def test_loading_the_rules_again_breaks_no_connection(net: Net) -> None:
    net.close()
    with (
        net.outside.listener(OUTSIDE, PORT) as listener,
        net.a.open(socket.AF_INET, socket.SOCK_STREAM) as mine,
    ):
        mine.settimeout(DEADLINE)
        mine.connect((OUTSIDE, PORT))
        connection, _ = listener.accept()
        with connection:
            net.close()
            connection.sendall(b"still here")
            assert mine.recv(100) == b"still here"
    assert net.host.run("nft", "list", "tables") == "table inet hyperhive\n"


def test_a_hive_without_a_way_out_lets_nothing_through(nix: Nix, net: Net) -> None:
    nowhere = nix.ask(
        STUBS,
        "host.nftables",
        HIVE,
        '{ services.hyperhive.agents.a.network = "none"; }',
        '{ services.hyperhive.agents.b.network = "none"; }',
    )
    with net.outside.listener("0.0.0.0", PORT):
        assert net.a.reached([(OUTSIDE, PORT)]), "without rules it is open"
        net.host.run("nft", "--file", "-", input=nowhere)
        assert not net.a.reached([(OUTSIDE, PORT)])


def test_names_are_resolved_where_the_host_s_resolver_is_on_its_loopback(
    net: Net, tmp_path: Path
) -> None:
    net.close()
    # The host's own file names its resolver's stub; the second, whom that one asks.
    host_files = ["nameserver 127.0.0.53\n", f"nameserver {OUTSIDE}\noptions timeout:1\n"]
    resolver = tmp_path / "resolv.conf"
    with (
        net.outside.receiver(OUTSIDE, 53) as server,
        net.host.receiver("127.0.0.53", 53) as stub,
        name_server(server),
        name_server(stub),
    ):
        resolver.write_text(host_files[0] + "options timeout:1 attempts:1\n")
        assert resolved(net.a, resolver) == "", "the stub is none of the container's"
        resolver.write_text(compose_resolver(choose_resolver([], host_files)))
        assert resolved(net.a, resolver) == "198.51.100.7"
        assert resolved(net.host, resolver) == "198.51.100.7"


def resolved(where: Namespace, resolver: Path) -> str:
    """What the C library makes of a name there, with `resolver` as its resolv.conf."""
    script = 'mount --bind "$0" /etc/resolv.conf && getent ahostsv4 api.example'
    output = where.run("unshare", "--mount", "sh", "-c", script, str(resolver), check=False)
    return output.split()[0] if output else ""


@contextmanager
def name_server(server: socket.socket) -> Iterator[None]:
    """Answer every question with 198.51.100.7 meanwhile (RFC 1035)."""
    ended, end = socket.socketpair()

    def answer() -> None:
        while ended not in (ready := select.select([server, ended], [], [])[0]):
            assert ready == [server]
            query, client = server.recvfrom(512)
            question = query[12 : query.index(b"\0", 12) + 5]
            head = query[:2] + struct.pack(">5H", 0x8180, 1, 1, 0, 0)
            record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes((198, 51, 100, 7))
            server.sendto(head + question + record, client)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        end.close()
        thread.join()
        ended.close()
