"""Several units at a time, from an event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import Final

import pytest

from hyperhive.errors import HyperhiveError
from hyperhive.systemd import async_units, main_loop
from hyperhive.systemd.async_units import AsyncUnits
from hyperhive.systemd.bus import BusLostError
from hyperhive.systemd.units import Job, JobError, Verb

SECONDS: Final = 10.0
"""How long a test waits for what another thread does."""


class FakeSystemd:
    """Takes jobs, and ends them when it is told to; stands for `UnitBus` and the main loop.

    Attributes:
        connections: how many were made.
        begun: what was begun, in order.
    """

    def __init__(self) -> None:
        self.connections = 0
        self.begun: list[tuple[str, str]] = []
        self.refuses: Callable[[str], HyperhiveError | None] = lambda _: None
        self._changed = threading.Condition()
        self._happened = False
        self._results: dict[str, str] = {}
        self._lost = False

    def __call__(self) -> "FakeSystemd":
        self.connections += 1
        if self._lost:
            raise BusLostError("no bus")
        return self

    def __enter__(self) -> "FakeSystemd":
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def begin(self, unit: str, verb: Verb) -> Job | None:
        if error := self.refuses(unit):
            raise error
        if unit == "absent.service":
            return None
        with self._changed:
            self.begun.append((verb, unit))
            self._changed.notify_all()
        return Job(f"/job/{unit}", unit, verb)

    def ended(self) -> dict[str, str]:
        with self._changed:
            results, self._results = self._results, {}
            return results

    def wait(self, seconds: float | None) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._happened, seconds)
            self._happened = False
            if self._lost:
                raise BusLostError("the connection was closed")

    def wake(self) -> None:
        with self._changed:
            self._happened = True
            self._changed.notify_all()

    def end(self, unit: str, result: str = "done") -> None:
        """Ends the job of a unit."""
        with self._changed:
            self._results[f"/job/{unit}"] = result
        self.wake()

    def lose(self, *, lost: bool = True) -> None:
        """Takes the bus away, or gives it back."""
        self._lost = lost
        self.wake()

    async def wait_begun(self, count: int) -> None:
        """Waits until so many jobs were begun."""

        def look() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: len(self.begun) >= count, SECONDS)

        assert await asyncio.to_thread(look), f"only {self.begun} after {SECONDS} s"


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    fake = FakeSystemd()
    monkeypatch.setattr(async_units, "UnitBus", fake)
    monkeypatch.setattr(main_loop, "wake", fake.wake)
    return fake


def working() -> list[threading.Thread]:
    """The threads that wait for systemd."""
    return [thread for thread in threading.enumerate() if thread.name == "systemd"]


def test_units_are_started_side_by_side(systemd: FakeSystemd) -> None:
    async def run() -> None:
        units = AsyncUnits()
        slow = asyncio.create_task(units.stop("slow.service"))
        await systemd.wait_begun(1)
        quick = asyncio.create_task(units.restart("quick.service"))
        await systemd.wait_begun(2)
        assert len(working()) == 1
        systemd.end("quick.service")
        await quick
        assert not slow.done()
        systemd.end("slow.service")
        await slow

    asyncio.run(asyncio.wait_for(run(), SECONDS))
    assert systemd.begun == [("stop", "slow.service"), ("restart", "quick.service")]


def test_two_that_want_the_same_get_the_same(systemd: FakeSystemd) -> None:
    async def run() -> None:
        units = AsyncUnits()
        both = [asyncio.create_task(units.start("a.service")) for _ in range(2)]
        await systemd.wait_begun(2)
        systemd.end("a.service", "failed")
        for error in await asyncio.gather(*both, return_exceptions=True):
            assert isinstance(error, JobError)
            assert error.what == "a.service did not start: it failed"
            assert error.todo == "journalctl -u a.service"

    asyncio.run(asyncio.wait_for(run(), SECONDS))


def test_one_that_is_refused_keeps_no_other_back(systemd: FakeSystemd) -> None:
    systemd.refuses = lambda unit: HyperhiveError("no") if unit == "bad.service" else None

    async def run() -> None:
        units = AsyncUnits()
        good = asyncio.create_task(units.start("good.service"))
        await systemd.wait_begun(1)
        with pytest.raises(HyperhiveError, match="no"):
            await units.start("bad.service")
        await units.stop("absent.service")
        systemd.end("good.service")
        await good

    asyncio.run(asyncio.wait_for(run(), SECONDS))


def test_it_does_not_wait_for_ever(systemd: FakeSystemd) -> None:
    async def run() -> None:
        with pytest.raises(JobError, match="it is still at it"):
            await AsyncUnits().stop("slow.service", seconds=0.01)

    asyncio.run(asyncio.wait_for(run(), SECONDS))


def test_one_that_waits_no_more_holds_nothing(systemd: FakeSystemd) -> None:
    async def run() -> None:
        waiting = asyncio.create_task(AsyncUnits().stop("slow.service"))
        await systemd.wait_begun(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        for thread in working():
            await asyncio.to_thread(thread.join, SECONDS)
        assert working() == []

    asyncio.run(asyncio.wait_for(run(), SECONDS))


def test_a_lost_bus_is_an_error_now_and_no_more_later(systemd: FakeSystemd) -> None:
    async def run() -> None:
        units = AsyncUnits()
        waiting = asyncio.create_task(units.start("a.service"))
        await systemd.wait_begun(1)
        systemd.lose()
        with pytest.raises(BusLostError):
            await waiting
        with pytest.raises(BusLostError):
            await units.start("a.service")
        systemd.lose(lost=False)
        again = asyncio.create_task(units.start("b.service"))
        await systemd.wait_begun(2)
        systemd.end("b.service")
        await again

    asyncio.run(asyncio.wait_for(run(), SECONDS))
    assert systemd.connections == 3


def test_a_loop_that_has_ended_is_nobody_to_be_told(systemd: FakeSystemd) -> None:
    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        asyncio.ensure_future(AsyncUnits().start("a.service")).add_done_callback(lambda _: None)
        await systemd.wait_begun(1)

    asyncio.run(run())  # cancels what is left
    systemd.end("a.service")
    for thread in working():
        thread.join(SECONDS)
    assert working() == []
