"""Who reaches an agent's sockets on a host with containers: modes first, then the kernel's word."""

import asyncio
import os
import signal
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from hyperhive.broker import mcp_session
from hyperhive.broker.daemon import running_broker
from hyperhive.broker.peers import container_uids
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from tests.integration.broker.plane import HIVE
from tests.tools import need

BROKER: Final = 64_007
"""Uid and gid of the broker: an ordinary user, in no agent's group."""

LOADED: Final = mcp_session
"""Here and not by the broker, whose user may not be able to read where this Python lies."""

ALICE: Final = AgentName("alice")
RANGE: Final = HIVE.agents[ALICE].uid_range(ALICE)
BOB: Final = AgentName("bob")
BOBS: Final = HIVE.agents[BOB].uid_range(BOB)
DEADLINE: Final = 10.0

KNOCK: Final = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(1)
try:
    s.connect(sys.argv[1])
    print("closed" if s.recv(1) == b"" else "answered")
except PermissionError:
    print("forbidden")
except TimeoutError:
    print("open")
except OSError as error:
    print(error.strerror)
"""


@contextmanager
def broker_of_a_host(state: Path) -> Iterator[None]:
    """A broker that runs as its own user, and is killed in the end."""
    ready, told = os.pipe()
    with warnings.catch_warnings():
        # From 3.12 on Python warns of threads; the child uses nothing that they could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(BROKER)
            os.setuid(BROKER)
            asyncio.run(_serve(StatePaths.local(state), told))
        finally:
            os._exit(1)
    os.close(told)
    try:
        with os.fdopen(ready, "rb") as answer:
            assert answer.read(1) == b"r", "the broker did not start"
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


async def _serve(paths: StatePaths, told: int) -> None:
    async with running_broker(HIVE, paths, container_uids, time.time):
        os.write(told, b"r")
        os.close(told)
        await asyncio.Event().wait()


def knock(path: Path, uid: int, gid: int) -> str:
    """What a process of a user finds at a socket."""
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-c", KNOCK, str(path)],
        user=uid,
        group=gid,
        extra_groups=[],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def mode(path: Path) -> tuple[str, int, int]:
    """Type and mode, uid and gid, as `ls` writes them."""
    found = path.stat()
    return stat.filemode(found.st_mode), found.st_uid, found.st_gid


def hand_over(sockets: Path, gid: int) -> None:
    """Make a directory of sockets as root does, for an agent with this group."""
    sockets.mkdir(mode=0o700)
    os.chown(sockets, -1, gid)
    sockets.chmod(0o2750)
    os.chown(sockets, BROKER, -1)


@pytest.fixture
def state() -> Iterator[Path]:
    """A state directory of the broker's, in which root has made alice's directory for sockets."""
    need("other users to be", os.getuid() == 0, "run the tests as root")
    # Not below pytest's directory, which is closed to other users.
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory)
        state.chmod(0o755)
        os.chown(state, BROKER, BROKER)
        sockets = StatePaths.local(state).agent(ALICE).sockets
        sockets.parent.mkdir(parents=True)
        hand_over(sockets, RANGE.agent)
        yield state


def test_sockets_are_the_groups_of_their_directory_before_and_after_a_restart(state: Path) -> None:
    alice = StatePaths.local(state).agent(ALICE)
    for _ in range(2):
        with broker_of_a_host(state):
            assert mode(alice.sockets) == ("drwxr-s---", BROKER, RANGE.agent)
            for socket in (alice.harness_socket, alice.mcp_socket):
                assert mode(socket) == ("srw-rw----", BROKER, RANGE.agent)


def test_a_directory_that_root_makes_later_gets_its_sockets(state: Path) -> None:
    bob = StatePaths.local(state).agent(BOB)
    with broker_of_a_host(state):
        hand_over(bob.sockets, BOBS.agent)
        deadline = time.monotonic() + DEADLINE
        while (found := knock(bob.mcp_socket, BOBS.agent, BOBS.agent)) != "open":
            assert time.monotonic() < deadline, f"waited {DEADLINE:g} s: {found}"
        for socket in (bob.harness_socket, bob.mcp_socket):
            assert mode(socket) == ("srw-rw----", BROKER, BOBS.agent)


@pytest.mark.parametrize(
    ("who", "harness", "mcp"),
    [
        ((RANGE.root, RANGE.agent), "open", "open"),
        ((RANGE.agent, RANGE.agent), "closed", "open"),
        ((RANGE.base + 7, RANGE.agent), "closed", "closed"),
        ((RANGE.root, RANGE.root), "forbidden", "forbidden"),
        ((BOBS.agent, BOBS.agent), "forbidden", "forbidden"),
        ((65_534, 65_534), "forbidden", "forbidden"),
    ],
    ids=["root", "agent", "another", "root alone", "bob", "nobody"],
)
def test_who_reaches_the_sockets_of_an_agent(
    state: Path, who: tuple[int, int], harness: str, mcp: str
) -> None:
    with broker_of_a_host(state):
        paths = StatePaths.local(state).agent(ALICE)
        assert knock(paths.harness_socket, *who) == harness
        assert knock(paths.mcp_socket, *who) == mcp
