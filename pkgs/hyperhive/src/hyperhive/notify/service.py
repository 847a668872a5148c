"""Tells the operator: one notice after the other, each at least once.

How far this is, is written down after the program has ended. A crash in between has the program run
again for the same notice.
"""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from hyperhive.hive.notifications import Notify
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.notify.bursts import LONGEST_SECONDS, Progress
from hyperhive.notify.ending import Ending
from hyperhive.notify.follower import Followed, Follower
from hyperhive.notify.notices import Notice
from hyperhive.notify.program import LIMIT_SECONDS, run_program
from hyperhive.notify.progress_file import read_progress, write_progress
from hyperhive.systemd import notify as manager

PROGRESS: Final = "progress.json"
"""The file in the state directory."""

PAUSES: Final = (5.0, 20.0, 60.0)
"""Seconds before each further attempt for a notice with which the program failed."""

LONGEST_WAIT: Final = 5.0
"""Seconds that it waits at a time: a signal can come in the moment before a wait, and is then
seen after it."""

logger: Final = logging.getLogger(__name__)


def tell_operator(
    declared: Notify, socket: Path, state: Path, clock: Callable[[], float], ending: Ending
) -> NoReturn:
    """Run the declared program when the hive needs its operator, until the process ends.

    Args:
        socket: the operator's.
        state: directory in which it is kept how far this is.
        clock: seconds since the epoch.
        ending: ends the process.

    Raises:
        HyperhiveError: what is kept is no progress.
        OSError: it cannot be read or written.
    """
    file = state / PROGRESS
    progress = read_progress(file)
    follower = Follower(socket, declared.events, progress.after if progress else None)
    # It ends with the process, since it has nothing to finish.
    threading.Thread(target=follower.run, name="follower", daemon=True).start()
    manager.ready(f"runs {declared.command[0]}")
    while progress is None:
        first = _next(follower.found, None, ending)
        progress = Progress(first.event) if first else None
    write_progress(file, progress)
    while True:
        progress, notice = _step(progress, follower.found, clock, ending)
        if notice is not None:
            tell(declared.command, notice, ending)
        write_progress(file, progress)


def tell(
    command: Sequence[str],
    notice: Notice,
    ending: Ending,
    *,
    pauses: Sequence[float] = PAUSES,
    seconds: float = LIMIT_SECONDS,
) -> bool:
    """Run the program for a notice, again if it fails; whether it ended well at last."""
    extra = fields(agent=notice.agent)
    for pause in (*pauses, None):
        failure = run_program(command, notice, os.environ, ending, seconds)
        if not failure:
            logger.info("told of %s of %s", notice.event, notice.agent, extra=extra)
            return True
        if pause is not None:
            again = "the program failed for %s of %s, and is run again in %g s: %s"
            logger.warning(again, notice.event, notice.agent, pause, failure, extra=extra)
            with ending.allowed():
                time.sleep(pause)
    logger.error(
        "%s of %s is not told: the program failed %d times: %s",
        notice.event, notice.agent, len(pauses) + 1, failure,
        extra=fields(
            LogEvent.OPERATOR_NOT_TOLD, agent=notice.agent, HYPERHIVE_EVENT=notice.event.value
        ),
    )  # fmt: skip
    return False


def _step(
    progress: Progress,
    found: "queue.Queue[Followed | Exception]",
    clock: Callable[[], float],
    ending: Ending,
) -> tuple[Progress, Notice | None]:
    """Wait for the next thing: the progress after it, and what is to be told before that holds."""
    while True:
        progress, notice = progress.expire(clock())
        if notice is not None:
            return progress, notice
        due = progress.next_due
        # A clock that is set back is no reason to wait for longer.
        wait = None if due is None else min(max(due - clock(), 0.0), LONGEST_SECONDS)
        followed = _next(found, wait, ending)
        if followed is None:
            continue
        if followed.notice is None:
            return progress.passed(followed.event), None
        return progress.take(followed.event, followed.notice, clock())


def _next(
    found: "queue.Queue[Followed | Exception]", seconds: float | None, ending: Ending
) -> Followed | None:
    """What was followed next; None: nothing within `seconds`, or for a while."""
    wait = LONGEST_WAIT if seconds is None else min(seconds, LONGEST_WAIT)
    try:
        with ending.allowed():
            followed = found.get(timeout=wait)
    except queue.Empty:
        return None
    if isinstance(followed, Exception):
        raise followed
    return followed
