"""`hyperhive compact AGENT`, `hyperhive new-session AGENT`."""

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import print_json
from hyperhive.operator.client import OperatorClient


@click.command()
@click.argument("agent")
@click.option("--checkpoint", is_flag=True, help="After a turn in which the agent saves its notes.")
@click.option("--notes", is_flag=True, help="Its notes.md, not its conversation.")
@broker_command
def compact(
    broker: OperatorClient, as_json: bool, agent: str, checkpoint: bool, notes: bool
) -> None:
    """Have an agent's conversation made shorter before its next message."""
    if checkpoint and notes:
        raise click.UsageError("--checkpoint or --notes, not both")
    row = broker.compact_notes(agent) if notes else broker.compact(agent, checkpoint=checkpoint)
    if as_json:
        print_json(row)
    elif notes:
        click.echo(f"{row.name}: its notes are made shorter when it is idle")
    else:
        first = "it saves its notes, then " if checkpoint else ""
        click.echo(f"{row.name}: {first}its conversation is compacted before its next message")


@click.command("new-session")
@click.argument("agent")
@broker_command
def new_session(broker: OperatorClient, as_json: bool, agent: str) -> None:
    """Have an agent begin a new conversation with its next turn; its notes stay."""
    row = broker.new_session(agent)
    if as_json:
        print_json(row)
    else:
        click.echo(f"{row.name}: its next turn begins a new conversation")
