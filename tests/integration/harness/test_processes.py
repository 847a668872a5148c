"""Finding and ending processes, whatever they do to hide."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from hyperhive.harness.processes import descendants, kill_descendants, kill_strays
from tests.integration.harness.running import DEADLINE, wait_until


def test_descendants_in_sessions_of_their_own_and_with_odd_names(tmp_path: Path) -> None:
    odd = tmp_path / "a) R 1 (b"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", odd)
    tree = subprocess.Popen(
        ["sh", "-c", f"setsid '{odd}' 600 & setsid sh -c 'sleep 601; :' & wait"]
    )
    try:
        found = wait_until(
            lambda: len(below := descendants(tree.pid)) == 3 and below, "three descendants"
        )
        assert sum(process.parent == tree.pid for process in found) == 2
        assert kill_descendants(tree.pid) == 3
    finally:
        tree.kill()
        tree.wait(DEADLINE)
    wait_until(lambda: not [p for p in found if Path(f"/proc/{p.pid}/exe").exists()], "their end")


def test_strays_of_one_agent_of_one_hive() -> None:
    def start(turn: str, config: str) -> "subprocess.Popen[bytes]":
        environment = {"HYPERHIVE_TURN": turn, "CLAUDE_CONFIG_DIR": config, "PATH": os.defpath}
        return subprocess.Popen(["sleep", "600"], env=environment)

    ours = start("alice:3", "/hive/alice")
    others = [
        start("alice:3", "/hive/alice2"),  # another hive
        start("alice2:3", "/hive/alice"),  # another agent
        start("bob:3", "/hive/bob"),
    ]
    try:
        wait_until(lambda: b"sleep" in Path(f"/proc/{ours.pid}/cmdline").read_bytes(), "exec")
        assert kill_strays("HYPERHIVE_TURN=alice:", "CLAUDE_CONFIG_DIR=/hive/alice") == 1
        assert ours.wait(DEADLINE) == -signal.SIGKILL
        assert [process.poll() for process in others] == [None, None, None]
    finally:
        for process in (ours, *others):
            process.kill()
            process.wait(DEADLINE)
