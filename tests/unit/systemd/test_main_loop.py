"""GLib's main loop through dbus-python's own binding."""

import threading
import time
from importlib.util import find_spec
from typing import Final

import pytest

from hyperhive.systemd import main_loop
from tests.tools import need

SECONDS: Final = 10.0
"""What no test waits for, unless it fails."""


@pytest.fixture(autouse=True)
def quiet_loop() -> None:
    """A loop in which nothing is left to happen."""
    need("dbus-python", find_spec("dbus"), "make setup EXTRAS=systemd")
    main_loop.iterate(0)


def elapsed(seconds: float | None) -> float:
    """How long the loop runs."""
    begun = time.monotonic()
    main_loop.iterate(seconds)
    return time.monotonic() - begun


def test_it_ends_when_its_time_is_over() -> None:
    assert 0.05 <= elapsed(0.05) < SECONDS
    assert elapsed(0) < SECONDS
    assert elapsed(-1) < SECONDS


def test_a_wait_of_days_does_not_end_at_once() -> None:
    woken = threading.Timer(0.05, main_loop.wake)
    woken.start()
    assert elapsed(10_000_000) >= 0.04
    woken.join()


@pytest.mark.parametrize("seconds", [SECONDS, None])
def test_it_is_woken_from_another_thread(seconds: float | None) -> None:
    woken = threading.Timer(0.02, main_loop.wake)
    woken.start()
    assert elapsed(seconds) < SECONDS
    woken.join()


def test_to_be_woken_before_it_runs_is_not_lost() -> None:
    main_loop.wake()
    assert elapsed(SECONDS) < SECONDS


def test_a_time_that_was_not_used_up_does_not_end_the_next_wait() -> None:
    main_loop.wake()
    main_loop.iterate(0.03)
    assert elapsed(0.1) >= 0.1


def test_two_threads_cannot_run_it() -> None:
    other = threading.Thread(target=main_loop.iterate, args=(None,))
    other.start()
    deadline = time.monotonic() + SECONDS
    while not main_loop._running.locked() and time.monotonic() < deadline:
        pass  # that a thread runs the loop gives no event
    with pytest.raises(RuntimeError, match="another thread"):
        main_loop.iterate(0)
    main_loop.wake()
    other.join(SECONDS)
    assert not other.is_alive()
    main_loop.iterate(0)
