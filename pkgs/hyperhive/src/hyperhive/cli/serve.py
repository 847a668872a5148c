"""`hyperhive serve FILE`: the broker as a daemon, whose agents somebody else starts."""

import asyncio
import os
import signal
import time
from pathlib import Path

import click

from hyperhive.hive.load import load_hive
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.paths import DECLARED_HIVE, HOST_STATE, StatePaths
from hyperhive.logs import start_logging


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=DECLARED_HIVE)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    default=HOST_STATE,
    show_default=True,
    help="Where the hive keeps what must last.",
)
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    help="Where its sockets are.  [default: run/ in the state directory]",
)
@click.option(
    "--peers",
    type=click.Choice(["containers", "self"]),
    default="containers",
    show_default=True,
    help="Who may connect as an agent: the uids of its container, or this user alone.",
)
def serve(file: Path, state: Path, run: Path | None, peers: str) -> None:
    """Run the broker of the hive in FILE in the foreground, until SIGTERM."""
    hive = load_hive(file)
    start_logging("broker")
    state = state.absolute()
    paths = StatePaths(state, run.absolute() if run else StatePaths.local(state).run)
    asyncio.run(_serve(hive, paths, own_user=peers == "self"))


async def _serve(hive: HiveConfig, paths: StatePaths, *, own_user: bool) -> None:
    from hyperhive.broker.daemon import running_broker
    from hyperhive.broker.lifecycle import Unmanaged
    from hyperhive.broker.peers import container_uids, one_user
    from hyperhive.operator.server import operator_plane

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    policy = one_user(os.getuid()) if own_user else container_uids(hive)
    async with (
        running_broker(hive, paths, policy, time.time) as core,
        operator_plane(core, Unmanaged()),
    ):
        await stop.wait()
