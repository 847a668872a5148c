"""The broker as a service of systemd's: sockets that it is given, and what it tells its manager."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from typing import Final

from hyperhive.broker.core import Core
from hyperhive.broker.daemon import running_broker
from hyperhive.broker.lifecycle import Lifecycle
from hyperhive.broker.peers import PeerPolicy
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.paths import StatePaths
from hyperhive.operator.server import operator_plane
from hyperhive.store import listing
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.systemd import notify

logger: Final = logging.getLogger(__name__)

LAST_SECONDS: Final = 10.0
"""How long requests under way may take at the end, while new ones wait for the next broker."""

STATUS_SECONDS: Final = 1.0
"""Shortest time between two words to the manager about what the broker does."""


async def run_service(
    hive: HiveConfig,
    paths: StatePaths,
    policy: PeerPolicy,
    lifecycle: Callable[[Core], Lifecycle],
) -> None:
    """Runs the broker until SIGINT or SIGTERM; what was asked until then is answered.

    Args:
        policy: which uids may be which agent.
        lifecycle: what starts and stops the agents of a broker.

    Raises:
        HyperhiveError: it could not be started.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    passed = notify.listeners()
    async with running_broker(hive, paths, policy, time.time) as core:
        core.lifecycle = lifecycle(core)
        tasks = {
            asyncio.create_task(_keep_alive(), name="watchdog"),
            asyncio.create_task(_say_status(core), name="status"),
        }
        try:
            async with operator_plane(core, passed, LAST_SECONDS):
                await core.approvals.resume()
                notify.ready(await _status(core))
                await stop.wait()
                notify.stopping()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


def status_words(agents: int, connected: int, turns: int) -> str:
    """What `systemctl status` shows of the broker: `3 agents, 2 connected, 1 turn`."""

    def count(number: int, noun: str) -> str:
        return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

    return f"{count(agents, 'agent')}, {connected} connected, {count(turns, 'turn')}"


async def _status(core: Core) -> str:
    turns = await core.store.read(listing.running_turns)
    return status_words(len(core.hive.agents), len(core.harnesses), turns)


async def _say_status(core: Core) -> None:
    """Tells what the broker does whenever that has changed."""
    told = ""
    with core.bus.event_bell() as bell:
        while True:
            await bell.wait()
            try:
                words = await _status(core)
            except StoreUnavailableError as error:
                logger.error("status: %s", error.what)
                words = told
            if words != told:
                notify.status(words)
                told = words
            await asyncio.sleep(STATUS_SECONDS)


async def _keep_alive() -> None:
    """Tells the watchdog that the event loop turns."""
    seconds = notify.watchdog_seconds()
    while seconds is not None:
        notify.ping()
        await asyncio.sleep(seconds)
