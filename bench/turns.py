"""What hyperhive adds to a turn: the time before claude runs and after it has ended."""

import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from bench.hive import broker_process, hive_of
from bench.idle import DEADLINE, wait_idle
from bench.measure import Measured, median, percentile
from hyperhive.harness.command import bridge_command, harness_command
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.local.settings import write_settings
from hyperhive.operator.client import OperatorClient, connect
from hyperhive.operator.models import NewMessage, Turn

TURNS: Final = 50

CLAUDE: Final = """#!/bin/sh
# Stands in for a claude that takes no time, and says when it ended.
case "$*" in
*--version*) echo "2.1.330 (Claude Code)" ;;
*--help*) echo "--system-prompt-snapshot" ;;
*)
cat > /dev/null
echo '{"type":"system","subtype":"init","session_id":"S","tools":[],"mcp_servers":[]}'
echo '{"type":"result","subtype":"success","is_error":false,"result":"","session_id":"S"}'
date +%s.%N > ended ;;
esac
"""


def own_share() -> list[Measured]:
    """From a message on disk to claude's execution, and from claude's end to the ack."""
    before, after = [], []
    with tempfile.TemporaryDirectory() as directory:
        state, hive = Path(directory), hive_of(1)
        paths = StatePaths.local(state)
        claude = state / "claude"
        claude.write_text(CLAUDE)
        claude.chmod(0o755)
        with broker_process(hive, state):
            settings = write_settings(hive, paths, AgentName("a0"), str(claude))
            harness = subprocess.Popen(harness_command(settings), stderr=subprocess.DEVNULL)
            try:
                wait_idle(paths)
                ended = paths.agent(AgentName("a0")).work / "ended"
                with connect(paths.operator_socket) as operator:
                    for number in range(TURNS):
                        turn = _one_turn(operator, number)
                        before.append((turn.executed_at or 0) - turn.queued_at)
                        after.append((turn.ended_at or 0) - float(ended.read_text()))
            finally:
                harness.terminate()
                harness.wait()
    share = 1e3 * median([one + other for one, other in zip(before, after, strict=True)])
    return [
        Measured(
            "own share of a turn (committed → executed, exit → acked)",
            "20 ms",
            f"{share:.1f} ms ({1e3 * median(before):.1f} + {1e3 * median(after):.1f})",
            share <= 20,
            f"{TURNS} turns of a claude that takes no time",
        )
    ]


def _one_turn(operator: OperatorClient, number: int) -> Turn:
    operator.send(NewMessage(to="a0", body=f"turn {number}"))
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        turns = operator.turns(agent="a0", after=number, limit=1)
        if turns and turns[0].outcome is not None:
            return turns[0]
        time.sleep(0.01)
    raise SystemExit(f"waited {DEADLINE:g} s for turn {number}")


def bridge_start() -> list[Measured]:
    """From the bridge's start to the first byte that came through it and back."""
    taken = []
    with tempfile.TemporaryDirectory() as directory:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{directory}/mcp.sock")
        listener.listen()

        def echo() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(connection.recv(1))

        threading.Thread(target=echo, daemon=True).start()
        for _ in range(TURNS):
            began = time.perf_counter()
            process = subprocess.Popen(
                bridge_command(directory), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"x")
            process.stdin.flush()
            process.stdout.read(1)
            taken.append(time.perf_counter() - began)
            process.stdin.close()
            process.wait()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    p50 = 1e3 * percentile(taken, 0.5)
    return [
        Measured(
            "bridge, start to first byte through it",
            "30 ms",
            f"{p50:.1f} ms",
            p50 <= 30,
            f"{TURNS} starts of {Path(sys.executable).name}",
        )
    ]
