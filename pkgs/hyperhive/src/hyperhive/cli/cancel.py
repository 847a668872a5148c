"""`hyperhive cancel AGENT`."""

from typing import Literal

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import one_line, print_json
from hyperhive.operator.client import OperatorClient
from hyperhive.operator.input_errors import as_input
from hyperhive.operator.models import Cancel


@click.command()
@click.argument("agent")
@click.option(
    "--messages",
    type=click.Choice(["done", "back", "drop"]),
    default="done",
    show_default=True,
    help="What becomes of the turn's messages: acknowledged, queued again, or given up.",
)
@click.option("--reason", default="", metavar="TEXT", help="The agent is told it, next turn.")
@broker_command
def cancel(
    broker: OperatorClient,
    as_json: bool,
    agent: str,
    messages: Literal["done", "back", "drop"],
    reason: str,
) -> None:
    """End what an agent does or waits for: its turn, nap, rate limit, due compaction."""
    with as_input():
        wish = Cancel(messages=messages, reason=reason)
    cancelled = broker.cancel(agent, wish)
    if as_json:
        print_json(cancelled)
    else:
        click.echo(f"{cancelled.agent.name}: cancelled {one_line(', '.join(cancelled.ended))}")
