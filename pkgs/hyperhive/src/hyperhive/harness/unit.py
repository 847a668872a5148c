"""Turns as transient systemd units: systemd ends every process of them, and accounts for them.

The harness is the container's root and the agent an ordinary user, so that the agent can change
neither the files that claude is given nor the harness. It asks systemd over the bus itself:
systemd-run takes twice as long to start a program, says nothing of its process id, and gives no
word about the signal that ended it.
"""

import os
import selectors
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final, Literal

from hyperhive.harness.environment_file import environment_file
from hyperhive.harness.invocation import Invocation, Place
from hyperhive.harness.launcher import write_file
from hyperhive.harness.systemd import BusError, Systemd, Variant
from hyperhive.wire.settings import HarnessSettings

AGENT_USER: Final = "agent"
HARNESS_UNIT: Final = "hyperhive-harness.service"
_PREFIX: Final = "hyperhive-turn-"
_MARGIN_SECONDS: Final = 60
"""How much longer than the turn's own limit systemd lets a unit run: a harness may hang."""
_SECOND: Final = 1_000_000

_CONFINED: Final = {
    # No way to the container's root by a program that changes the user.
    "NoNewPrivileges": Variant("b", True),
    "CapabilityBoundingSet": Variant("t", 0),
    "PrivateTmp": Variant("b", True),
    "KeyringMode": Variant("s", "private"),
    # A build that takes too much memory is ended alone; claude sees that it was.
    "OOMPolicy": Variant("s", "continue"),
}
"""What is closed to the agent's processes beyond what an ordinary user may not do anyway.

Not closed, because its work needs it: namespaces (build sandboxes, browsers), ptrace and
personality (debuggers), memory that is written and executed (claude itself, every JIT compiler),
setgid directories (shared git repositories, copies of them). Kernel settings, modules and log are
closed to the whole container.
"""


def unit_name(turn: int | Literal["*"]) -> str:
    """The unit of a turn, or the pattern of all."""
    return f"{_PREFIX}{turn}.service"


def unit_properties(
    invocation: Invocation, agent: str, turn: int, turn_seconds: int, environment: str
) -> dict[str, Variant]:
    """The unit that runs claude, and ends with it. Pure.

    Args:
        environment: the file of its variables. Not among the properties, which everybody in the
            container can read: some are secrets.
    """
    fields = [f"HYPERHIVE_AGENT={agent}".encode(), f"HYPERHIVE_TURN={turn}".encode()]
    return {
        "Description": Variant("s", f"Turn {turn} of agent {agent}"),
        # Started once claude is executed, so that a program that cannot be is told from one that
        # fails.
        "Type": Variant("s", "exec"),
        "User": Variant("s", AGENT_USER),
        "Group": Variant("s", AGENT_USER),
        "WorkingDirectory": Variant("s", invocation.work),
        "EnvironmentFiles": Variant("a(sb)", [(environment, False)]),
        "ExecStartEx": Variant(
            "a(sasas)", [(invocation.argv[0], invocation.argv, ["no-env-expand"])]
        ),
        # When the container stops, the harness does first: it ends the turn itself, and tells.
        "Before": Variant("as", [HARNESS_UNIT]),
        "KillMode": Variant("s", "control-group"),
        "RuntimeMaxUSec": Variant("t", (turn_seconds + _MARGIN_SECONDS) * _SECOND),
        "TimeoutStopUSec": Variant("t", 5 * _SECOND),
        "LogExtraFields": Variant("aay", fields),
        **_CONFINED,
    }


class UnitLauncher:
    """See `Launcher`. The turn's files are root's, below $RUNTIME_DIRECTORY."""

    def __init__(self, settings: HarnessSettings) -> None:
        self._settings = settings
        directory = os.environ.get("RUNTIME_DIRECTORY", "/run/hyperhive-harness")
        self._turns = Path(directory, "turns")

    def clear(self) -> None:
        """See `Launcher`."""
        with Systemd() as systemd:
            for name in systemd.names(unit_name("*")):
                systemd.stop(name)
        shutil.rmtree(self._turns, ignore_errors=True)

    def prepare(self, turn: int) -> Place:
        """See `Launcher`. The unit's /tmp is its own."""
        files = self._turns / str(turn)
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir(parents=True, mode=0o755)
        _make_work(self._settings.state)
        return Place(files=str(files), temporary="/tmp", work=f"{self._settings.state}/work")

    def start(
        self, invocation: Invocation, turn: int, selector: selectors.BaseSelector
    ) -> "RunningUnit":
        """See `Launcher`."""
        variables = str(self._turns / str(turn) / "environment")
        write_file(variables, environment_file(invocation.environment), mode=0o600)
        for path, content in invocation.files.items():
            write_file(path, content, mode=0o644)
        seconds = self._settings.turn_seconds
        properties = unit_properties(invocation, self._settings.name, turn, seconds, variables)
        return RunningUnit(unit_name(turn), properties, selector)

    def remove(self, turn: int) -> None:
        """See `Launcher`."""
        shutil.rmtree(self._turns / str(turn), ignore_errors=True)


class RunningUnit:
    """See `Running`. Its connection to the bus is open as long as it runs.

    Raises:
        BusError: it cannot be started.
    """

    def __init__(
        self, name: str, properties: Mapping[str, Variant], selector: selectors.BaseSelector
    ) -> None:
        self._name = name
        self._selector = selector
        self._systemd = systemd = Systemd()
        self._unseen = True
        self._ended = False
        self.exit_code: int | None = None
        theirs, ours = _pipes()
        try:
            systemd.start(name, {**properties, **_STREAMS}, theirs)
            (self.pid,) = systemd.get(name, "Service", "ExecMainPID")
        except BusError:
            systemd.kill(name, "all", signal.SIGKILL)
            systemd.close()
            for pipe in ours:
                pipe.close()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self.stdin, self.stdout, self.stderr = ours
        selector.register(systemd, selectors.EVENT_READ, lambda _: None)

    def look(self) -> bool:
        """See `Running`."""
        while self._unseen or self._systemd.changed():
            self._unseen = False
            (state,) = self._systemd.get(self._name, "Unit", "ActiveState")
            self._ended = state in ("inactive", "failed")
            how, status = self._systemd.get(self._name, "Service", "ExecMainCode", "ExecMainStatus")
            if how:
                self.exit_code = status if how == os.CLD_EXITED else -status
        return not self._ended

    def signal(self, sent: signal.Signals) -> None:
        """See `Running`."""
        self._systemd.kill(self._name, "main", sent)

    def kill(self) -> None:
        """See `Running`."""
        self._systemd.kill(self._name, "all", signal.SIGKILL)

    def close(self) -> None:
        """See `Running`."""
        self._selector.unregister(self._systemd)
        self._systemd.close()


_STREAMS: Final = {
    "StandardInputFileDescriptor": Variant("h", 0),
    "StandardOutputFileDescriptor": Variant("h", 1),
    "StandardErrorFileDescriptor": Variant("h", 2),
}


def _pipes() -> tuple[tuple[int, int, int], tuple[IO[bytes], IO[bytes], IO[bytes]]]:
    """Three pipes: the ends of a process's standard streams, and the others."""
    theirs_in, our_in = os.pipe()
    our_out, theirs_out = os.pipe()
    our_errors, theirs_errors = os.pipe()
    return (theirs_in, theirs_out, theirs_errors), (
        open(our_in, "wb", buffering=0),  # noqa: PTH123 - a descriptor
        open(our_out, "rb", buffering=0),  # noqa: PTH123
        open(our_errors, "rb", buffering=0),  # noqa: PTH123
    )


def _make_work(state: str) -> None:
    """Make claude's working directory where the agent has removed it, without which no turn could
    run any more. The directory around it is the agent's: no name in it is trusted."""
    around = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.mkdir("work", mode=0o755, dir_fd=around)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        work = os.open("work", flags, dir_fd=around)
        try:
            owner = os.fstat(around)
            os.fchown(work, owner.st_uid, owner.st_gid)
        finally:
            os.close(work)
    except FileExistsError:
        return  # whatever it is: claude's user enters it, or the turn says why it cannot
    finally:
        os.close(around)
