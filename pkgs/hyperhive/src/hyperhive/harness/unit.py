"""Turns as transient systemd units: systemd ends every process of them, and accounts for them.

The harness is the container's root and the agent an ordinary user, so that the agent can change
neither the files that claude is given nor the harness.
"""

import logging
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

from hyperhive.harness.invocation import Invocation, Place
from hyperhive.harness.launcher import write_files
from hyperhive.wire.settings import HarnessSettings

logger: Final = logging.getLogger(__name__)

AGENT_USER: Final = "agent"
_PREFIX: Final = "hyperhive-turn-"
_MARGIN_SECONDS: Final = 60
"""How much longer than the turn's own limit systemd lets a unit run: a harness that is killed must
not leave one behind for ever."""
_SYSTEMCTL_SECONDS: Final = 30


def unit_name(turn: int) -> str:
    """The unit of a turn."""
    return f"{_PREFIX}{turn}.service"


def unit_command(invocation: Invocation, turn: int, turn_seconds: int) -> list[str]:
    """The command that runs claude as a unit and ends with it. Pure.

    Variables are named without their values, which systemd-run takes from its own environment:
    other users can read a command line.
    """
    properties = {
        "KillMode": "control-group",
        "PrivateTmp": "yes",
        "RuntimeMaxSec": f"{turn_seconds + _MARGIN_SECONDS}s",
        "TimeoutStopSec": "5s",
    }
    return [
        "systemd-run",
        "--quiet",
        "--wait",
        "--pipe",
        "--collect",
        "--service-type=exec",
        "--expand-environment=no",
        f"--uid={AGENT_USER}",
        f"--gid={AGENT_USER}",
        f"--unit={unit_name(turn)}",
        f"--working-directory={invocation.work}",
        *(f"--property={name}={value}" for name, value in properties.items()),
        *(f"--setenv={name}" for name in sorted(invocation.environment)),
        "--",
        *invocation.argv,
    ]


class UnitLauncher:
    """See `Launcher`. The turn's files are root's, below $RUNTIME_DIRECTORY."""

    def __init__(self, settings: HarnessSettings) -> None:
        self._settings = settings
        directory = os.environ.get("RUNTIME_DIRECTORY", "/run/hyperhive-harness")
        self._turns = Path(directory, "turns")

    def clear(self) -> None:
        """See `Launcher`."""
        _systemctl("stop", f"{_PREFIX}*.service")
        shutil.rmtree(self._turns, ignore_errors=True)

    def prepare(self, turn: int) -> Place:
        """See `Launcher`. The unit's /tmp is its own."""
        files = self._turns / str(turn)
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir(parents=True, mode=0o755)
        return Place(files=str(files), temporary="/tmp", work=f"{self._settings.state}/work")

    def start(self, invocation: Invocation, turn: int) -> "subprocess.Popen[bytes]":
        """See `Launcher`."""
        write_files(invocation, mode=0o644)
        command = unit_command(invocation, turn, self._settings.turn_seconds)
        return subprocess.Popen(
            command,
            env=invocation.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def signal(self, process: "subprocess.Popen[bytes]", turn: int, sent: signal.Signals) -> None:
        """See `Launcher`."""
        _systemctl("kill", "--kill-whom=main", f"--signal={sent.name}", unit_name(turn))

    def kill(self, turn: int) -> None:
        """See `Launcher`."""
        _systemctl("kill", "--signal=SIGKILL", unit_name(turn))

    def remove(self, turn: int) -> None:
        """See `Launcher`."""
        shutil.rmtree(self._turns / str(turn), ignore_errors=True)


def _systemctl(*arguments: str) -> None:
    """Ask systemd; that a unit has ended meanwhile is no error."""
    try:
        subprocess.run(
            ["systemctl", "--quiet", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SYSTEMCTL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        logger.error("systemctl %s did not end in %d s", arguments[0], _SYSTEMCTL_SECONDS)
