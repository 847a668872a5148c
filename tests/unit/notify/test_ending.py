"""The end of the service: at any moment, at once, and with the program that runs."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Final

DEADLINE: Final = 60.0
RUNS: Final = 150

ENDED: Final = """
import os, random, signal, sys, time
from hyperhive.hive.notifications import NotifyEvent
from hyperhive.notify.ending import Ending
from hyperhive.notify.notices import Notice
from hyperhive.notify.program import run_program

program, runs, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
notice = Notice(NotifyEvent.QUESTION, "alice", 0.0, "Which one?", {})
ending = Ending()
ending.install()
chance = random.Random(seed)
for _ in range(runs):
    delay = chance.uniform(0.001, 0.02)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        # A signal that comes before Python is ready in the child is dropped.
        os.write(writing, b"x")
        os.close(writing)
        while True:
            run_program([program], notice, os.environ, 30.0, ending)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    time.sleep(delay)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
print("ended")
"""


def test_it_ends_at_any_moment_and_takes_the_program_along(tmp_path: Path) -> None:
    """A process that was left holds the pipe, and there is no end of it to be read."""
    program = tmp_path / "tell-me"
    program.write_text('#!/bin/sh\n[ "$HYPERHIVE_AGENT" ] && sleep 0.002\n')
    program.chmod(0o755)
    seed = str(random.SystemRandom().random())
    words = [sys.executable, "-c", ENDED, str(program), str(RUNS), seed]
    # A deadlock ends here, as does a program left behind, which holds the standard output.
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=DEADLINE, check=False, env=dict(os.environ)
    )
    assert (done.stdout, done.returncode) == ("ended\n", 0), f"seed {seed}: {done.stderr}"
