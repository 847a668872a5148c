"""`hyperhive watch`."""

import signal
import time
from pathlib import Path

import click

from hyperhive.hive.paths import StatePaths
from hyperhive.logs import start_logging


@click.command()
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    default=StatePaths.host_default().operator_socket,
    show_default=True,
    help="The operator's socket, where the broker is told.",
)
def watch(socket: Path) -> None:
    """Tell the broker what becomes of this host's containers, until SIGTERM.

    Runs as hyperhive-watch.service: it listens to systemd over D-Bus.
    """
    from hyperhive.systemd.journal_reader import last_lines
    from hyperhive.watch.service import watch as watch_containers

    start_logging("watch")
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    watch_containers(socket, last_lines, time.time)
