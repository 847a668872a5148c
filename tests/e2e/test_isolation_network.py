"""Networks: which ports a container reaches, and which it does not, from inside.

What else the firewall closes is tried with tests/nixos/test_firewall.py, which needs no hive.
"""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from hyperhive.render.network import link
from tests.e2e.environment import INTERPRETER
from tests.e2e.hive import DASHBOARD_PORT, TOKEN, Hive

PORT: Final = 4242
OUTSIDE: Final = "192.0.2.1"
"""An address of the host that belongs to none of its links with containers."""

LISTENS: Final = f"""
import asyncio
async def answer(reader, writer):
    writer.write(b"here")
    writer.close()
async def main():
    server = await asyncio.start_server(answer, ["0.0.0.0", "::"], {PORT})
    await server.serve_forever()
asyncio.run(main())
"""
# Each address given is tried at once; those that answer are printed.
ANSWER: Final = """
import asyncio, json, sys
async def answers(host, port):
    try:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
        return bool(await reader.read(1))
    except OSError:
        return False
async def tried(host, port):
    try:
        return await asyncio.wait_for(answers(host, port), 2)
    except TimeoutError:
        return False
async def main():
    places = json.loads(sys.argv[1])
    found = await asyncio.gather(*(tried(*place) for place in places))
    print(json.dumps([place for place, answer in zip(places, found) if answer]))
asyncio.run(main())
"""

PAGE: Final = "/api/v1/agents"
ASKS: Final = """
import socket
connection = socket.create_connection(("127.0.0.1", {port}))
connection.sendall({request!r}.encode())
print(connection.makefile().readline().split()[1])
"""

Places = list[tuple[str, int]]


def answering(places: Places) -> list[str]:
    """A command that prints which of `places` answer."""
    return [str(INTERPRETER), "-IS", "-c", ANSWER, json.dumps(places)]


def from_inside(hive: Hive, agent: str, places: Places) -> Places:
    """Which of `places` answer an agent's claude."""
    said = json.loads(hive.inside(agent, answering(places), user="agent").stdout)
    return [(host, port) for host, port in said]


def from_host(hive: Hive, places: Places) -> Places:
    """Which of `places` answer the host itself."""
    said = json.loads(hive.testbed.run(answering(places)).stdout)
    return [(host, port) for host, port in said]


@pytest.fixture
def listening(hive: Hive) -> Iterator[Hive]:
    """The hive, with a server on every address of the host, of alice and of bob."""
    testbed = hive.testbed
    testbed.run(["ip", "address", "replace", f"{OUTSIDE}/32", "dev", "lo"])
    start = ["systemd-run", "--quiet", "--collect", "--unit=listening"]
    words = [str(INTERPRETER), "-IS", "-c", LISTENS]
    testbed.run([*start, *words])
    for agent in ("alice", "bob"):
        hive.inside(agent, [*start, *words])
        wait_for_server(hive, agent)
    try:
        yield hive
    finally:
        testbed.systemctl("stop", "listening")
        for agent in ("alice", "bob"):
            hive.inside(agent, ["systemctl", "stop", "listening"])


def wait_for_server(hive: Hive, agent: str) -> None:
    """Wait until an agent's server listens."""
    own: Places = [("127.0.0.1", PORT)]
    hive.testbed.wait_for(f"the server of {agent}", lambda: from_inside(hive, agent, own) == own)


def test_no_port_of_the_host_is_open_to_a_container(listening: Hive) -> None:
    hive = listening
    ours = link(hive.uids("alice"))
    local = hive.testbed.run(["ip", "-6", "-o", "address", "show", "dev", "ve-h-alice"]).stdout
    address = local.split()[3].split("/")[0]
    assert address.startswith("fe80:")
    addresses = [str(ours.host), OUTSIDE, str(link(hive.uids("bob")).host)]
    ports = (PORT, DASHBOARD_PORT)
    places = [(host, port) for host in addresses for port in ports]
    # They are open: it is the firewall that closes them.
    assert from_host(hive, places) == places
    near = [(f"{address}%eth0", port) for port in ports]
    # Of its own loopback only what listens there itself.
    own = [("127.0.0.1", port) for port in ports]
    assert from_inside(hive, "alice", [*places, *near, *own]) == [("127.0.0.1", PORT)]


def test_the_dashboard_asks_the_host_for_its_token(hive: Hive) -> None:
    def status(*headers: str) -> str:
        fields = "".join(f"{header}\r\n" for header in ("Host: 127.0.0.1", *headers))
        program = ASKS.format(port=DASHBOARD_PORT, request=f"GET {PAGE} HTTP/1.0\r\n{fields}\r\n")
        return hive.testbed.run([INTERPRETER, "-IS", "-c", program]).stdout.strip()

    assert status() == "401"
    assert status(f"Authorization: Bearer {TOKEN}") == "200"


def test_agents_do_not_reach_each_other(listening: Hive) -> None:
    theirs: Places = [(str(link(listening.uids("bob")).container), PORT)]
    # The host does; so it is neither the address nor the server that fails.
    assert from_host(listening, theirs) == theirs
    assert from_inside(listening, "alice", theirs) == []
