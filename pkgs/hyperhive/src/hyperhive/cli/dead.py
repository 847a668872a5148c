"""`hyperhive dead list|retry|drop`."""

from collections.abc import Iterable

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import clock_time, print_json, print_table
from hyperhive.operator.client import OperatorClient
from hyperhive.operator.models import Message


@click.group()
def dead() -> None:
    """See to messages that were given up after five failed attempts."""


@dead.command("list")
@click.option("--agent", metavar="NAME", help="Only those from or to this agent.")
@click.option("--after", type=int, metavar="ID", help="Only those after this message.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@broker_command
def list_dead(
    broker: OperatorClient, as_json: bool, agent: str | None, after: int | None, limit: int
) -> None:
    """List them, with what went wrong last."""
    rows = broker.messages(agent=agent, after=after, limit=limit, dead=True)
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("No dead letters.")
    else:
        print_table(
            ["ID", "SENT", "FROM", "TO", "WHY", "MESSAGE"],
            [
                [
                    str(row.id),
                    clock_time(row.created_at),
                    row.sender,
                    row.recipient,
                    row.note,
                    row.body,
                ]
                for row in rows
            ],
        )


@dead.command()
@click.argument("ids", type=int, nargs=-1, required=True, metavar="ID...")
@broker_command
def retry(broker: OperatorClient, as_json: bool, ids: tuple[int, ...]) -> None:
    """Put them back in the queue, with all their attempts before them."""
    _print((broker.settle_dead(id, "retry") for id in ids), as_json)


@dead.command()
@click.argument("ids", type=int, nargs=-1, required=True, metavar="ID...")
@broker_command
def drop(broker: OperatorClient, as_json: bool, ids: tuple[int, ...]) -> None:
    """Give them up for good."""
    _print((broker.settle_dead(id, "drop") for id in ids), as_json)


def _print(rows: Iterable[Message], as_json: bool) -> None:
    if as_json:
        print_json(list(rows))
        return
    for row in rows:
        click.echo(f"message {row.id} to {row.recipient}: {row.state}")
