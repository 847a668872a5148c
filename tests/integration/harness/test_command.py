"""`hyperhive harness`: the process that remains is the harness alone."""

import subprocess
import sys
from pathlib import Path

from tests.integration.harness.running import settings_for, wait_until


def test_execs_the_harness(tmp_path: Path) -> None:
    file = tmp_path / "agent.json"
    settings = settings_for(tmp_path, claude="/nowhere/claude")
    file.write_text(
        f'{{"name": "alice", "sockets": "{settings.sockets}", "state": "{settings.state}",'
        f' "config": "{settings.config}", "claude": "{settings.claude}"}}'
    )
    process = subprocess.Popen(
        [sys.executable, "-c", "from hyperhive.cli.harness import harness; harness()", str(file)],
        stderr=subprocess.DEVNULL,
    )
    try:
        command = Path(f"/proc/{process.pid}/cmdline")
        wait_until(lambda: b"harness/__main__.py\0" in command.read_bytes(), "exec of the harness")
        wait_until((tmp_path / "state").exists, "start")
    finally:
        process.terminate()
        status = process.wait(20)
    assert status in (0, -15)  # -15: before it was ready to take the signal
