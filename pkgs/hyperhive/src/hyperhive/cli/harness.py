"""`hyperhive harness`."""

import os
from pathlib import Path

import click

from hyperhive.harness.command import harness_command


@click.command()
@click.argument("settings", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def harness(settings: Path) -> None:
    """Run one agent's harness in the foreground.

    SETTINGS is the agent's settings file: /etc/hyperhive/agent.json in a container; `hyperhive up`
    writes one for each agent. Runs until SIGTERM; logs to standard error.
    """
    # The harness takes this process's place, so that none of what this program loaded stays.
    command = harness_command(settings.absolute())
    os.execv(command[0], command)
