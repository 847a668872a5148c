"""Fixtures of every test, and the check that a test leaves nothing running."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import pytest
from hypothesis import settings

from tests.tools import find_claude, need

LEFTOVER_DEADLINE: Final = 5.0
"""Seconds that a thread or child process may need to end after its test."""

Left = TypeVar("Left")

# How long an example takes says more about the machine's load than about the code.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is slow: at the end one process would do it while the others rest."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def claude_cli() -> Path:
    """The real claude CLI; skipped, or failed where every tool is required, without it."""
    return need(
        "the claude CLI", find_claude(), "make setup EXTRAS=claude, or set HYPERHIVE_CLAUDE"
    )


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Fail a test that ends with a thread or a child process that it started."""
    threads, processes = set(threading.enumerate()), _children()
    yield
    left_threads = _after_deadline(lambda: set(threading.enumerate()) - threads)
    left_processes = _after_deadline(lambda: _children() - processes)
    assert not left_threads, f"the test left these threads running: {left_threads}"
    assert not left_processes, f"the test left these processes running: {left_processes}"


def _after_deadline(left: Callable[[], set[Left]]) -> set[Left]:
    """Return what `left` still names when it names nothing, or when the deadline has passed."""
    deadline = time.monotonic() + LEFTOVER_DEADLINE
    while (found := left()) and time.monotonic() < deadline:
        # The end of a thread or of a child gives no event that can be waited for from outside.
        time.sleep(0.01)
    return found


def _children() -> set[str]:
    """Return the living children of this process, each as "pid (command)"."""
    found = set()
    for thread in Path("/proc/self/task").iterdir():
        try:
            pids = (thread / "children").read_text().split()
            stats = [Path(f"/proc/{pid}/stat").read_text() for pid in pids]
        except (FileNotFoundError, ProcessLookupError):
            continue  # The thread or the child ended in between.
        for stat in stats:
            child, _, rest = stat.rpartition(") ")
            if not rest.startswith("Z"):
                found.add(f"{child})")
    return found
