"""A manager's bridge between claude and the broker, and a repository in which it proposes."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hyperhive.harness.command import bridge_command
from hyperhive.wire.git_objects import CommitObjects, ObjectsError, read_objects
from hyperhive.wire.sockets import address

DEADLINE: Final = 40.0
"""Seconds; git itself is given 20."""
TOML: Final = b'model = "opus"\n'
ENVIRONMENT: Final = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "boss",
    "GIT_AUTHOR_EMAIL": "boss@lab.hive.internal",
    "GIT_COMMITTER_NAME": "boss",
    "GIT_COMMITTER_EMAIL": "boss@lab.hive.internal",
}


def git(where: Path, *arguments: str, given: bytes = b"") -> str:
    """What git prints, without the line's end."""
    command = ["git", "-C", str(where), *arguments]
    done = subprocess.run(
        command, input=given, env=ENVIRONMENT, capture_output=True, check=False, timeout=DEADLINE
    )
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout.decode().strip()


def head(repository: Path) -> str:
    """The id of its newest commit."""
    return git(repository, "rev-parse", "HEAD")


def stored(where: Path, kind: str, data: bytes) -> str:
    """The id of an object that git keeps without looking at it."""
    return git(where, "hash-object", "-w", "--literally", "-t", kind, "--stdin", given=data)


def tree_of(*entries: tuple[str, str, str]) -> bytes:
    """A tree of modes, names and ids."""
    return b"".join(f"{m} {n}".encode() + b"\0" + bytes.fromhex(i) for m, n, i in entries)


def commit_of(where: Path, tree: str) -> str:
    """A commit of any tree."""
    person = "boss <b@x> 1700000000 +0000"
    text = f"tree {tree}\nauthor {person}\ncommitter {person}\n\nx\n"
    return stored(where, "commit", text.encode())


@dataclass
class Answer:
    """What came with a call: objects, or words; and how long it took."""

    objects: CommitObjects | None
    words: str
    seconds: float


@dataclass
class Manager:
    """A bridge that runs.

    Attributes:
        lines: what the broker read, line by line.
    """

    process: "subprocess.Popen[bytes]"
    peer: socket.socket
    lines: Iterator[bytes]
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    def say(self, data: bytes) -> None:
        """claude writes to its MCP server."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)

    def propose(self, agent: object, commit: object, **arguments: Any) -> Answer:
        """claude calls request_apply_commit."""
        params = {
            "name": "request_apply_commit",
            "arguments": {"agent": agent, "commit": commit, **arguments},
        }
        call = {"jsonrpc": "2.0", "id": next(self.numbers), "method": "tools/call"}
        began = time.monotonic()
        self.say(json.dumps(call | {"params": params}).encode() + b"\n")
        read = json.loads(next(self.lines))
        seconds = time.monotonic() - began
        assert read["id"] == call["id"]
        try:
            objects = read_objects(read["params"]["arguments"]["objects"])
        except ObjectsError as error:
            return Answer(None, str(error), seconds)
        return Answer(objects, "", seconds)

    @property
    def most_memory(self) -> int:
        """The most memory that the bridge had so far, in KiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1])


@contextmanager
def manager(
    directory: Path, proposed: Path, variables: Mapping[str, str] | None = None
) -> Iterator[Manager]:
    """A bridge for the manager of hive lab, connected.

    Args:
        directory: for its socket.
        variables: of its environment, besides the caller's.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with address(directory / "mcp.sock") as name:
        listener.bind(name)
    listener.listen()
    listener.settimeout(DEADLINE)
    process = subprocess.Popen(
        bridge_command(str(directory), str(proposed), str(directory / "applied"), "lab"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env={**os.environ, **(variables or {})},
    )
    try:
        peer, _ = listener.accept()
        peer.settimeout(DEADLINE)
        with peer, peer.makefile("rb") as lines:
            yield Manager(process, peer, iter(lines))
    finally:
        listener.close()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
