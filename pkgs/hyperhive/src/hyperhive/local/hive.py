"""A whole hive in one process and its children: broker, operator plane, harnesses."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hyperhive.broker.daemon import running_broker
from hyperhive.broker.peers import one_user
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.paths import StatePaths
from hyperhive.local.claude import chosen_claude
from hyperhive.local.supervisor import LocalSupervisor
from hyperhive.operator.server import operator_plane

logger: Final = logging.getLogger(__name__)


async def run_hive(
    hive: HiveConfig, paths: StatePaths, claude: str, ready: Callable[[Path, HiveConfig], None]
) -> None:
    """Runs a hive until SIGINT, SIGTERM or SIGHUP; then ends every process of it.

    Args:
        claude: `auto`, `scripted` or the path of an executable.
        ready: called with claude's path and the hive with its spawned agents, once it runs.

    Raises:
        HyperhiveError: it could not be started.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with running_broker(hive, paths, one_user(os.getuid()), time.time) as core:
        executable = chosen_claude(claude, paths.run)
        supervisor = core.lifecycle = LocalSupervisor(core, str(executable))
        async with operator_plane(core):
            # On a host a timer of systemd's asks for it.
            vacuum = asyncio.create_task(core.housekeeping.run(), name="vacuum")
            try:
                await supervisor.start_wanted()
                await core.approvals.resume()
                ready(executable, core.hive)
                await stop.wait()
                logger.info("stopping")
            finally:
                vacuum.cancel()
                await core.approvals.close()
                await supervisor.stop_all("the hive stopped")
