"""Runs the operator's program once.

What an agent has written reaches it on its standard input alone: not on its command line, and not
in its environment.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

from hyperhive.notify.ending import Ending
from hyperhive.notify.notices import Notice

LIMIT_SECONDS: Final = 30.0
"""How long it may take."""

_OF_THIS_SERVICE: Final = ("LISTEN_", "NOTIFY_SOCKET", "WATCHDOG_")
"""Variables that a service manager has set for this process and no other."""


def run_program(
    command: Sequence[str],
    notice: Notice,
    environment: Mapping[str, str],
    ending: Ending,
    seconds: float = LIMIT_SECONDS,
) -> str:
    """Run the program for a notice.

    Args:
        ending: ends this process while the program runs, and then the program too.

    Returns:
        How it failed, in words; "" if it ended with status 0.
    """
    kept = {n: v for n, v in environment.items() if not n.startswith(_OF_THIS_SERVICE)}
    kept |= {"HYPERHIVE_EVENT": notice.event.value, "HYPERHIVE_AGENT": notice.agent}
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, env=kept, start_new_session=True)
    except OSError as error:
        return f"{command[0]} cannot be run: {error.strerror}"
    try:
        with ending.allowed(process.pid):
            process.communicate(f"{notice.to_json()}\n".encode(), seconds)
    except subprocess.TimeoutExpired:
        return f"it took longer than {seconds:g} s and was killed"
    finally:
        # Not waited for yet, so its number is still its own.
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    match process.returncode:
        case 0:
            return ""
        case status if status > 0:
            return f"it ended with status {status}"
        case number:
            return f"it was killed by signal {-number}"
