"""The end of the service: at any moment, at once, and with the program that runs."""

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

DEADLINE: Final = 60.0
RUNS: Final = 150

ENDED: Final = """
import os, random, signal, sys
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
    moment = chance.uniform(0.001, 0.02)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
        signal.setitimer(signal.ITIMER_REAL, moment)
        while True:
            run_program([program], notice, os.environ, ending)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
print("ended")
"""
PROGRAM: Final = """#!/bin/sh
# Every other one stays for longer than the test.
case $$ in *[02468]) exec sleep 600;; esac
exec sleep 0.002
"""


def test_it_ends_at_any_moment_and_takes_the_program_along(tmp_path: Path) -> None:
    """Whoever is left, or waits for ever, holds the standard output, whose end is read here."""
    program = tmp_path / "tell-me"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    seed = str(random.SystemRandom().random())
    words = [sys.executable, "-c", ENDED, str(program), str(RUNS), seed]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            said, wrong = process.communicate(timeout=DEADLINE)
        finally:
            # Its children would go on for ever.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert (said, process.returncode) == ("ended\n", 0), f"seed {seed}: {wrong}"
