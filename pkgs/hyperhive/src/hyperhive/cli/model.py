"""`hyperhive model AGENT [NAME|--reset]`."""

import click

from hyperhive.cli.agent_details import model_lines
from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import one_line, print_json
from hyperhive.operator.client import OperatorClient


@click.command()
@click.argument("agent")
@click.argument("name", required=False)
@click.option("--reset", is_flag=True, help="Have what is declared hold again.")
@broker_command
def model(broker: OperatorClient, as_json: bool, agent: str, name: str | None, reset: bool) -> None:
    """Show or set the model that an agent runs with, from its next turn on."""
    if reset and name is not None:
        raise click.UsageError("a NAME or --reset, not both")
    change = reset or name is not None
    row = broker.set_model(agent, name) if change else broker.agent(agent)
    if as_json:
        print_json(row)
        return
    click.echo(f"{row.name}:")
    for line in model_lines(row):
        click.echo(f"  {one_line(line)}")
