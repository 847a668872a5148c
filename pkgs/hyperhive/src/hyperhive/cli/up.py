"""`hyperhive up FILE`: run a hive here and now, without containers."""

import asyncio
import sys
from pathlib import Path

import click

from hyperhive.cli.broker_option import STATE_VARIABLE, default_local_state
from hyperhive.hive.load import load_hive
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.paths import StatePaths
from hyperhive.logs import start_logging


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    envvar=STATE_VARIABLE,
    help="Where the hive keeps what must last.  [default: ~/.local/state/hyperhive]",
)
@click.option(
    "--claude",
    default="auto",
    show_default=True,
    metavar="auto|PATH|scripted",
    help="Which claude to run; `scripted` is a stand-in that needs no key and no network.",
)
def up(file: Path, state: Path | None, claude: str) -> None:
    """Run the hive in FILE until Ctrl-C, as your own user and not isolated.

    Each agent is a process of yours. On NixOS the module runs each in a container of its own.
    """
    from hyperhive.local.hive import run_hive

    hive = load_hive(file)
    paths = StatePaths.local((state or default_local_state()).absolute())
    start_logging("broker")

    def ready(executable: Path, live: HiveConfig) -> None:
        names = ", ".join(live.agents)
        click.echo(
            f"hive {hive.hive.name}: {names}\n"
            f"agents run as your user, not isolated: they can do what you can do\n"
            + (
                "the model is scripted: no key, no network, fixed answers\n"
                if claude == "scripted"
                else f"claude: {executable}\n"
            )
            + f"state: {paths.state}\n"
            f"try: {_command(state)} send {next(iter(hive.agents))} 'Hello!'\n"
            f"     {_command(state)} inbox\n"
            f"Ctrl-C stops everything.",
        )
        sys.stdout.flush()

    def _command(state: Path | None) -> str:
        return "hyperhive" if state is None else f"{STATE_VARIABLE}={state} hyperhive"

    asyncio.run(run_hive(hive, paths, claude, ready))
