"""`hyperhive agent destroy|purge NAME`: an agent's container goes, and later what it left."""

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import one_line, print_json
from hyperhive.cli.standard_input import is_person
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.operator.client import OperatorClient
from hyperhive.operator.hosting_models import Container
from hyperhive.store.container_states import Wanted


@click.command()
@click.argument("agent")
@click.option("--reason", default="", help="Shown with the state.")
@broker_command
def destroy(broker: OperatorClient, as_json: bool, agent: str, reason: str) -> None:
    """Remove the agent's container; what the agent knows is kept."""
    gone = broker.destroy(agent, reason)
    if as_json:
        print_json(gone)
        return
    click.echo(f"{gone.agent}: destroyed; there is no container now")
    click.echo("kept:")
    for line in _left(gone):
        click.echo(f"  {line}")
    if gone.declared:
        click.echo(f"a new container: hyperhive agent start {gone.agent}")
    click.echo(f"remove that too: hyperhive agent purge {gone.agent}")


@click.command()
@click.argument("agent")
@click.option("--reason", default="", help="Shown with the state.")
@click.option("--confirm", metavar="NAME", help="Ask nothing; the agent's name once more.")
@broker_command
def purge(
    broker: OperatorClient, as_json: bool, agent: str, reason: str, confirm: str | None
) -> None:
    """Remove for good what a destroyed agent has left. Asks twice."""
    container = _removable(broker, agent)
    if confirm is None:
        _ask_twice(container)
    elif confirm != container.agent:
        raise InputError(
            f"--confirm names {one_line(confirm)!r}, not {container.agent!r}",
            "name the agent that is to be purged in both places",
        )
    done = broker.purge(container.agent, reason)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{done.agent}: purged; nothing of it is left but its messages and events")


def _removable(broker: OperatorClient, agent: str) -> Container:
    found = next((one for one in broker.containers() if one.agent == agent), None)
    if found is None:
        raise InputError(f"there is and was no agent {agent[:40]!a}", "see hyperhive status")
    if found.declared and found.wanted not in (Wanted.DESTROYED, Wanted.PURGED):
        raise HyperhiveError(
            f"{agent} is not destroyed",
            f"look at what it leaves first: hyperhive agent destroy {agent}",
        )
    return found


def _ask_twice(container: Container) -> None:
    """Has a person confirm.

    Raises:
        InputError: nobody is there, or the name is another.
        click.Abort: the answer is no.
    """
    agent = container.agent
    if not is_person():
        raise InputError(
            "purge asks before it removes, and nobody is there to answer",
            f"for a script: hyperhive agent purge {agent} --confirm {agent}",
        )
    click.echo("This removes for good:", err=True)
    for line in _left(container):
        click.echo(f"  {line}", err=True)
    click.confirm("Remove them?", abort=True, err=True)
    typed = click.prompt(
        f"Type the agent's name, {agent}", default="", show_default=False, err=True
    )
    if typed.strip() != agent:
        raise InputError("that is not its name", "nothing was removed")


def _left(container: Container) -> list[str]:
    """What an agent leaves on the host when its container is gone."""
    home, files = container.kept
    left = [f"{home}  notes, work, conversations"]
    return [*left, f"{files}  the container's own files"] if files else left
