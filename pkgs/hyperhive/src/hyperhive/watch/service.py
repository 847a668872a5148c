"""Follows the containers' units, and has the broker told what becomes of them.

Two threads: this one listens to systemd and never waits for anything else, the reporter's tells the
broker. There is nothing to do at the end: what the broker has not heard by then is found out at the
next start. So SIGTERM may end the process as it ends any other.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, NoReturn

from hyperhive.systemd import main_loop, notify
from hyperhive.systemd.bus import Bus, BusError
from hyperhive.systemd.unit_signals import Seen, UnitSignals
from hyperhive.watch.changes import Tracker
from hyperhive.watch.containers import PREFIX, SUFFIX
from hyperhive.watch.reporter import LastLines, Reporter

SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 2.0
"""Seconds between two attempts to listen to systemd."""

logger: Final = logging.getLogger(__name__)


def watch(socket: Path, last_lines: LastLines, clock: Callable[[], float]) -> NoReturn:
    """Watch until the process ends.

    Args:
        socket: the operator's, where the broker is told.
        clock: seconds since the epoch.

    Raises:
        HyperhiveError: dbus-python is not installed.
    """
    reporter = Reporter(socket, last_lines, clock)
    with ThreadPoolExecutor(1, "reporter") as threads:
        try:
            _Watch(reporter, threads, clock).run()
        finally:
            reporter.close()


class _Watch:
    def __init__(
        self, reporter: Reporter, threads: ThreadPoolExecutor, clock: Callable[[], float]
    ) -> None:
        self._reporter = reporter
        self._threads = threads
        self._clock = clock
        self._reporting: Future[None] | None = None
        self._tracker = Tracker()
        self._interval = notify.watchdog_seconds()
        self._pinged = time.monotonic()

    def run(self) -> NoReturn:
        """Follow the units; anew, when the bus or systemd has come back."""
        pause = 0.0
        while True:
            try:
                with Bus() as bus:
                    signals = UnitSignals(bus, PREFIX, SUFFIX)
                    self._begin(signals.listing())
                    pause = 0.0
                    while True:
                        for seen in signals.changes(self._until_ping()):
                            self._reporter.put(self._tracker.see(seen))
                        self._check()
            except BusError as error:
                if pause == 0:
                    logger.warning("systemd cannot be listened to, and will be later: %s", error)
                    notify.status("waits for the system bus")
                pause = min(max(2 * pause, SHORTEST_PAUSE), LONGEST_PAUSE)
                self._wait(pause)

    def _begin(self, listing: list[Seen]) -> None:
        changes = self._tracker.see_all(listing)
        if self._reporting is None:
            # What the broker does not know of this, the reporter finds out.
            self._reporting = self._threads.submit(self._reporter.run, listing, self._clock())
            self._reporting.add_done_callback(lambda _: main_loop.wake())
        else:
            self._reporter.put(changes)
            logger.info("listening to systemd again")
        notify.ready(f"watches {len(listing)} container(s)")

    def _check(self) -> None:
        """Tell the service manager that this is alive; an error of the reporter's ends it."""
        if self._reporting is not None and self._reporting.done():
            self._reporting.result()
        if self._interval is not None and time.monotonic() >= self._pinged + self._interval:
            notify.ping()
            self._pinged = time.monotonic()

    def _until_ping(self) -> float | None:
        if self._interval is None:
            return None
        return self._pinged + self._interval - time.monotonic()

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            due = self._until_ping()
            main_loop.iterate(left if due is None else min(left, due))
            self._check()
