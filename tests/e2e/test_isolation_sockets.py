"""Sockets: who reaches the operator's and an agent's, by modes and by what the broker asks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from hyperhive.log_events import LogEvent
from tests.e2e.environment import HYPERHIVE, INTERPRETER
from tests.e2e.hive import OPERATOR_SOCKET, Hive
from tests.e2e.nix_here import DAEMON_SOCKET
from tests.e2e.testbed import as_uid

AGENTS: Final = Path("/run/hyperhive/agents")
INSIDE: Final = Path("/run/hyperhive")

# What becomes of a connection to a Unix socket: `open` means that what was sent got an answer.
TRIES: Final = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(5)
try:
    connection.connect(sys.argv[1])
    connection.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\\n')
    print("open" if connection.recv(1) else "closed")
except (BrokenPipeError, ConnectionResetError):
    print("closed")
except OSError as error:
    print(error.strerror)
"""


def tries(path: Path | str) -> list[str | Path]:
    """A command that says what becomes of a connection to `path`."""
    return [INTERPRETER, "-IS", "-c", TRIES, path]


def outside(hive: Hive, uid: int, path: Path | str, group: str = "") -> str:
    """What becomes of a connection from a process of the host."""
    done = hive.testbed.run(as_uid(uid, *tries(path), group=group))
    return done.stdout.strip()


def inside(hive: Hive, user: str, path: Path | str, agent: str = "alice") -> str:
    """What becomes of a connection from a container; root's with the group of its harness."""
    command = tries(path)
    if user == "root":
        command = ["setpriv", "--groups=agent", "--", *command]
    return hive.inside(agent, command, user=user).stdout.strip()


@contextmanager
def refusal_logged(hive: Hive, agent: str) -> Iterator[None]:
    """The broker logs that it refused somebody at `agent`'s socket, inside the block."""
    matches = (f"MESSAGE_ID={LogEvent.PEER_REFUSED}", f"HYPERHIVE_AGENT={agent}")
    before = len(hive.testbed.journal(*matches, lines=1000).splitlines())
    yield
    hive.testbed.wait_for(
        "the refusal in the journal",
        lambda: len(hive.testbed.journal(*matches, lines=1000).splitlines()) > before,
    )


def test_an_agents_own_sockets_are_open_to_it(hive: Hive) -> None:
    for user in ("root", "agent"):
        assert inside(hive, user, INSIDE / "mcp.sock") == "open"


def test_the_harness_socket_is_for_the_containers_root_alone(hive: Hive) -> None:
    with refusal_logged(hive, "alice"):
        assert inside(hive, "agent", INSIDE / "harness.sock") == "closed"


def test_the_operators_socket_cannot_be_reached_from_inside(hive: Hive) -> None:
    search = ["find", "/", "-xdev", "-name", "operator.sock"]
    assert hive.inside("alice", search, check=False).stdout == ""
    for user in ("root", "agent"):
        assert inside(hive, user, OPERATOR_SOCKET) == "No such file or directory"
    # And could it be named: the uids of a container are strangers in its directory.
    for uid in (hive.uids("alice").root, hive.uids("alice").agent):
        assert outside(hive, uid, OPERATOR_SOCKET) == "Permission denied"


def test_the_operators_socket_is_open_to_its_group_alone(hive: Hive) -> None:
    nobody = 65534
    assert outside(hive, nobody, OPERATOR_SOCKET) == "Permission denied"
    command = as_uid(nobody, HYPERHIVE, "agents", group="hyperhive")
    assert "alice" in hive.testbed.run(command).stdout


def test_the_nix_daemon_cannot_be_reached_from_inside(hive: Hive) -> None:
    """It builds on the host: on its network, and beyond the container's limits."""
    there = hive.testbed.path(DAEMON_SOCKET)
    assert there.is_socket(), "on the host, where everyone may connect"
    assert there.stat().st_mode & 0o777 == 0o666
    directory = str(Path(DAEMON_SOCKET).parent)
    for user in ("root", "agent"):
        assert inside(hive, user, DAEMON_SOCKET) == "No such file or directory"
        # A mount namespace of its own uncovers nothing; nor does what lies below.
        for way in (f"umount {directory}", f"mount --bind {Path(directory).parent} /mnt"):
            unshared = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
            look = f"{way}; test -e {DAEMON_SOCKET} || test -e /mnt/daemon-socket/socket"
            done = hive.inside("alice", [*unshared, look], user=user, check=False)
            assert done.returncode == 1, f"{user} could: {way}"
    # Where it is writable, NixOS starts a daemon of the container's own.
    writes = hive.inside("alice", ["sh", "-c", f"touch {directory}/socket"], check=False)
    assert "Read-only file system" in writes.stderr


@pytest.mark.parametrize("name", ["mcp.sock", "harness.sock"])
def test_users_outside_of_the_range_are_refused_by_modes(hive: Hive, name: str) -> None:
    path = AGENTS / "bob" / name
    for uid in (65534, hive.uids("alice").root, hive.uids("alice").agent):
        assert outside(hive, uid, path) == "Permission denied"
        # Nor may an operator play an agent.
        assert outside(hive, uid, path, group="hyperhive") == "Permission denied"


@pytest.mark.parametrize("name", ["mcp.sock", "harness.sock"])
def test_the_hosts_root_passes_modes_and_is_refused_by_the_broker(hive: Hive, name: str) -> None:
    with refusal_logged(hive, "bob"):
        assert outside(hive, 0, AGENTS / "bob" / name) == "closed"


@pytest.mark.parametrize("user", ["root", "agent"])
@pytest.mark.parametrize("name", ["mcp.sock", "harness.sock"])
def test_an_agent_cannot_use_anothers_socket_that_it_was_given(
    hive: Hive, name: str, user: str
) -> None:
    """The socket itself, in the agent's own directory and open to all: its uid does not fit."""
    given = hive.testbed.path(AGENTS / "alice" / "given.sock")
    theirs = hive.testbed.path(AGENTS / "bob" / name)
    mode = theirs.stat().st_mode
    os.link(theirs, given)
    try:
        # The modes of a link are the socket's own: another agent's group may not even connect.
        assert inside(hive, user, INSIDE / "given.sock") == "Permission denied"
        given.chmod(0o666)
        with refusal_logged(hive, "bob"):
            assert inside(hive, user, INSIDE / "given.sock") == "closed"
    finally:
        given.chmod(mode)
        given.unlink()


def test_an_agent_cannot_replace_its_own_sockets(hive: Hive) -> None:
    for user in ("root", "agent"):
        for command in ("rm -f mcp.sock", "touch new", "chmod 777 ."):
            words = ["setpriv", "--groups=agent", "--"] if user == "root" else []
            shell = ["sh", "-c", f"cd {INSIDE} && {command}"]
            done = hive.inside("alice", [*words, *shell], user=user, check=False)
            assert done.returncode != 0, f"{user} could: {command}"
