"""Having systemd start and stop units, for a program with an event loop."""

import asyncio
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hyperhive.errors import HyperhiveError
from hyperhive.systemd import main_loop
from hyperhive.systemd.bus import BusLostError
from hyperhive.systemd.units import JOB_SECONDS, TOOK_TOO_LONG, Job, UnitBus, Verb

_THREAD: Final = "systemd"


@dataclass(eq=False, slots=True)
class _Wish:
    """Something to be done with a unit, and who waits for it."""

    unit: str
    verb: Verb
    deadline: float
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[None]"
    job: Job | None = None
    settled: bool = False

    def settle(self, error: HyperhiveError | None = None) -> None:
        """Tell the one that waits, who may be gone, and the loop as well."""
        self.settled = True
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, error: HyperhiveError | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class AsyncUnits:
    """systemd, in a thread with a connection of its own, which are there only while they are used.

    Several units at a time are started and stopped side by side. One instance a process: only one
    thread may run the main loop of D-Bus.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wishes: list[_Wish] = []
        self._thread: threading.Thread | None = None
        self._connected = False

    async def start(self, unit: str, seconds: float = JOB_SECONDS) -> None:
        """Start a unit, and wait until it runs; of a oneshot, until it has ended.

        Raises:
            HyperhiveError: it failed, took more than `seconds`, or systemd could not be asked.
        """
        await self._wish(unit, "start", seconds)

    async def stop(self, unit: str, seconds: float = JOB_SECONDS) -> None:
        """Stop a unit, and wait until it has ended. One that does not exist is stopped.

        Raises:
            HyperhiveError: it failed, took more than `seconds`, or systemd could not be asked.
        """
        await self._wish(unit, "stop", seconds)

    async def restart(self, unit: str, seconds: float = JOB_SECONDS) -> None:
        """Stop a unit, if it runs, start it, and wait until it runs.

        Raises:
            HyperhiveError: it failed, took more than `seconds`, or systemd could not be asked.
        """
        await self._wish(unit, "restart", seconds)

    async def _wish(self, unit: str, verb: Verb, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + seconds
        wish = _Wish(unit, verb, deadline, loop, loop.create_future())
        with self._lock:
            self._wishes.append(wish)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=_THREAD)
                self._thread.start()
        self._wake()
        try:
            await wish.done
        except asyncio.CancelledError:
            # What was begun goes on in systemd; only nobody waits for it here.
            wish.settled = True
            self._wake()
            raise

    def _wake(self) -> None:
        if self._connected:
            main_loop.wake()

    def _work(self) -> None:
        """The thread: does what is wished, and ends when nothing is left to wait for."""
        while True:
            waiting: list[_Wish] = []
            try:
                with UnitBus() as bus:
                    self._connected = True
                    while self._step(bus, waiting):
                        pass
            except HyperhiveError as error:
                # There is no connection, or none any more: who comes later has a new one tried.
                for wish in [*waiting, *self._taken()]:
                    wish.settle(error)
            self._connected = False
            with self._lock:
                if not self._wishes:
                    self._thread = None
                    return

    def _taken(self) -> list[_Wish]:
        with self._lock:
            wishes, self._wishes = self._wishes, []
        return wishes

    def _step(self, bus: UnitBus, waiting: list[_Wish]) -> bool:
        """Begin what is new, tell those who waited what has ended, or wait for something to happen.

        Returns:
            Whether anybody waits still.
        """
        new = self._taken()
        waiting += new
        for wish in new:
            try:
                wish.job = bus.begin(wish.unit, wish.verb)
            except BusLostError:
                raise
            except HyperhiveError as error:
                wish.settle(error)
            else:
                if wish.job is None:
                    wish.settle()
        ended, now = bus.ended(), time.monotonic()
        for wish in waiting:
            if wish.job is not None:
                result = ended.get(wish.job.path) or (TOOK_TOO_LONG if now > wish.deadline else "")
                if result:
                    wish.settle(wish.job.error(result))
        waiting[:] = [wish for wish in waiting if not wish.settled]
        if waiting:
            bus.wait(min(wish.deadline for wish in waiting) - now)
        return bool(waiting)
