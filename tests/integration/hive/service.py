"""A service manager's end of `hyperhive serve`: the sockets it passes, and what it is told."""

import os
import select
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hyperhive.wire.sockets import address
from tests.integration.hive.local import DEADLINE, HYPERHIVE, wait_for

_FIRST: Final = 3
"""The first descriptor that is passed (sd_listen_fds(3))."""


@dataclass
class Manager:
    """Sockets that outlive the service, and the notifications of each of its processes.

    Attributes:
        told: every line that was said, in order.
    """

    state: Path
    file: Path
    sockets: Mapping[str, socket.socket]
    notifications: socket.socket
    told: list[str]

    @contextmanager
    def service(
        self, *, watchdog_seconds: float | None = None
    ) -> Iterator["subprocess.Popen[str]"]:
        """The service from its READY to the end of the block, which it must leave with status 0."""
        process = self.start(watchdog_seconds=watchdog_seconds)
        try:
            yield process
            assert process.poll() is None, self.log.read_text()
        finally:
            process.terminate()
            status = process.wait(DEADLINE)
        assert status == 0, self.log.read_text()

    def start(self, *, watchdog_seconds: float | None = None) -> "subprocess.Popen[str]":
        """Starts the service, and waits until it says READY."""
        given = list(self.sockets.values())
        moves = " ".join(f"{_FIRST + n}<&{one.fileno()}" for n, one in enumerate(given))
        # LISTEN_PID must be the pid of the program itself.
        script = f'export LISTEN_PID=$$; exec "$@" {moves}'
        words = [HYPERHIVE, "serve", str(self.file), "--state", str(self.state), "--peers", "self"]
        environment = {
            "PATH": os.environ["PATH"],
            "LISTEN_FDS": str(len(given)),
            "LISTEN_FDNAMES": ":".join(self.sockets),
            "NOTIFY_SOCKET": self.notifications.getsockname(),
        }
        if watchdog_seconds is not None:
            environment["WATCHDOG_USEC"] = str(int(watchdog_seconds * 1e6))
        began = len(self.told)
        with self.log.open("a") as log:
            process = subprocess.Popen(
                ["bash", "-c", script, "bash", *words],
                env=environment,
                pass_fds=[one.fileno() for one in given],
                stdout=log,
                stderr=log,
                text=True,
            )

        def ready() -> bool:
            assert process.poll() is None, self.log.read_text()
            return "READY=1" in self.heard()[began:]

        wait_for("the service to be ready", ready)
        return process

    def heard(self) -> list[str]:
        """What the service has said until now."""
        while True:
            try:
                text = self.notifications.recv(65536, socket.MSG_DONTWAIT).decode()
            except BlockingIOError:
                return self.told
            self.told += text.splitlines()

    def is_silent_for(self, seconds: float) -> bool:
        """Whether the service says nothing in the next seconds."""
        return not select.select([self.notifications], [], [], seconds)[0]

    def wait_told(self, line: str) -> None:
        """Waits until the service says something."""
        wait_for(f"{line!r} among {self.told}", lambda: line in self.heard())

    @property
    def log(self) -> Path:
        """What the service logs."""
        return self.state.with_name("service.log")


@contextmanager
def manager(directory: Path, file: Path, **more: socket.socket) -> Iterator[Manager]:
    """A manager of the hive in `file`, that holds its operator socket and `more`.

    Args:
        directory: for the state, the sockets and the log.
    """
    state = directory / "state"
    where = state / "run" / "operator.sock"
    where.parent.mkdir(parents=True)
    with (
        socket.socket(socket.AF_UNIX) as operator,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications,
    ):
        with address(where) as name:
            operator.bind(name)
        operator.listen(256)
        notifications.bind(str(directory / "notify"))
        yield Manager(state, file, {"operator": operator, **more}, notifications, [])
