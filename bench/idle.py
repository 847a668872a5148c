"""An idle harness: connected, with nothing to do."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from bench.hive import broker_process, hive_of
from bench.measure import Measured, resident_megabytes
from hyperhive.harness.command import harness_command
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.local.settings import write_settings
from hyperhive.operator.client import connect
from hyperhive.testing.scripted_claude import launcher

DEADLINE: Final = 30.0


def harness_memory() -> list[Measured]:
    """Resident memory of a harness that its broker calls idle."""
    with tempfile.TemporaryDirectory() as directory:
        state, hive = Path(directory), hive_of(1)
        paths = StatePaths.local(state)
        claude = launcher(state)
        with broker_process(hive, state):
            settings = write_settings(hive, paths, AgentName("a0"), str(claude))
            harness = subprocess.Popen(harness_command(settings), stderr=subprocess.DEVNULL)
            try:
                wait_idle(paths)
                memory = resident_megabytes(harness.pid)
            finally:
                harness.terminate()
                harness.wait()
    return [Measured("idle harness, resident memory", "25 MB", f"{memory:.1f} MB", memory <= 25)]


def wait_idle(paths: StatePaths) -> None:
    """Waits until the first agent is idle."""
    deadline = time.monotonic() + DEADLINE
    with connect(paths.operator_socket) as operator:
        while operator.agents()[0].state != "idle":
            if time.monotonic() > deadline:
                raise SystemExit(f"waited {DEADLINE:g} s for the harness")
            time.sleep(0.02)
