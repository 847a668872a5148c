"""`hyperhive deploy`: what the broker has root do, by hyperhive-deploy@.service."""

from functools import partial
from pathlib import Path
from typing import Final

import click

from hyperhive.cli.reconcile import begin, reconcile_agents
from hyperhive.errors import InputError
from hyperhive.hive.load import load_hive
from hyperhive.hive.paths import DECLARED_HIVE

_MOST_DIGITS: Final = 18


@click.command()
@click.argument("what", metavar="ID|NAME")
@click.option(
    "--hive",
    "file",
    type=click.Path(path_type=Path),
    default=DECLARED_HIVE,
    show_default=True,
    help="The declared hive.",
)
@click.option(
    "--hello-seconds",
    type=click.FloatRange(min=0),
    default=120.0,
    show_default=True,
    help="How long the agent's harness may take to say hello.",
)
def deploy(what: str, file: Path, hello_seconds: float) -> None:
    """Do the approval ID, or put everything back; or reconcile the agent NAME.

    An approval is done if the broker says that it is approved and if its commit is the one that was
    approved. The agent then runs with it, or everything is as it was before. Where that was cut
    short, the next run sees to it.

    \b
    Exit status: 0 the approval is deployed; the agent is as declared
                 1 it could not be done, nor be told
                 2 there is no such approval or agent, or nothing is to be done for it
                 3 the broker does not answer
                 4 the approval failed, and the broker knows
    """
    from hyperhive.deploy.deployment import Deployment
    from hyperhive.deploy.patience import PatientBroker
    from hyperhive.operator.client import connect

    if not what.isascii() or not what[:1].isdigit():
        reconcile_agents(file, what, begin("reconcile"))
        return
    if not what.isdigit() or what.startswith("0") or len(what) > _MOST_DIGITS:
        raise InputError(f"{what[:40]!a} is no approval's id", "see hyperhive approvals --all")
    host = begin("deploy")
    broker = PatientBroker(partial(connect, host.paths.hive.operator_socket))
    Deployment(int(what), partial(load_hive, file), host, broker, hello_seconds).run()
