"""`hyperhive notify`."""

import time
from pathlib import Path

import click

from hyperhive.errors import InputError
from hyperhive.hive.load import load_hive
from hyperhive.hive.paths import DECLARED_HIVE, StatePaths
from hyperhive.logs import start_logging


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=DECLARED_HIVE)
@click.option(
    "--socket",
    type=click.Path(path_type=Path),
    default=StatePaths.host_default().operator_socket,
    show_default=True,
    help="The operator's socket, where the broker is followed.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    envvar="STATE_DIRECTORY",
    required=True,
    help="Where it is kept what has been told.  [default: $STATE_DIRECTORY]",
)
def notify(file: Path, socket: Path, state: Path) -> None:
    """Run the program that the hive in FILE declares when you are needed.

    Runs as hyperhive-notify.service, until SIGTERM. The program gets one JSON
    object on its standard input: event, agent, at, text, data and count.
    """
    declared = load_hive(file).hive.notify
    if not declared.command:
        raise InputError(f"{file} declares no program to run", "set command in [hive.notify]")
    from hyperhive.notify.ending import Ending
    from hyperhive.notify.service import tell_operator

    start_logging("notify")
    ending = Ending()
    ending.install()
    tell_operator(declared, socket, state, time.time, ending)
