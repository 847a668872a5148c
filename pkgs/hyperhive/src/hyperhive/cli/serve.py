"""`hyperhive serve FILE`: the broker as a daemon, whose agents somebody else starts."""

import asyncio
import os
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
    _run(hive, paths, own_user=peers == "self")


def _run(hive: HiveConfig, paths: StatePaths, *, own_user: bool) -> None:
    from hyperhive.broker.container_lifecycle import ContainerLifecycle
    from hyperhive.broker.lifecycle import Unmanaged
    from hyperhive.broker.peers import container_uids, one_user
    from hyperhive.operator.service import run_service
    from hyperhive.systemd.async_units import AsyncUnits

    if own_user:
        running = run_service(hive, paths, one_user(os.getuid()), lambda _core: Unmanaged())
    else:
        running = run_service(
            hive, paths, container_uids, lambda core: ContainerLifecycle(core, AsyncUnits())
        )
    asyncio.run(running)
