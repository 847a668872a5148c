"""`hyperhive reminders list|retry|drop`."""

from collections.abc import Iterable

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import clock_time, print_json, print_table, time_left
from hyperhive.operator.client import OperatorClient
from hyperhive.operator.models import Reminder


@click.group()
def reminders() -> None:
    """See to what agents are to be reminded of."""


@reminders.command("list")
@click.option("--agent", metavar="NAME", help="Only this agent's.")
@click.option("--all", "everything", is_flag=True, help="Also those delivered or dropped.")
@click.option("--after", type=int, metavar="ID", help="Only those after this reminder.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@broker_command
def list_reminders(
    broker: OperatorClient,
    as_json: bool,
    agent: str | None,
    everything: bool,
    after: int | None,
    limit: int,
) -> None:
    """List those pending, with the time that remains, and those parked after five failures."""
    state = "all" if everything else "open"
    rows = broker.reminders(agent=agent, after=after, limit=limit, state=state)
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("No reminders.")
    else:
        print_table(
            ["ID", "AGENT", "DUE", "STATE", "REMINDER"],
            [
                [str(row.id), row.agent, clock_time(row.due_at), _state(row), _text(row)]
                for row in rows
            ],
        )


@reminders.command()
@click.argument("ids", type=int, nargs=-1, required=True, metavar="ID...")
@broker_command
def retry(broker: OperatorClient, as_json: bool, ids: tuple[int, ...]) -> None:
    """Have parked ones delivered now."""
    _print((broker.settle_reminder(id, "retry") for id in ids), as_json)


@reminders.command()
@click.argument("ids", type=int, nargs=-1, required=True, metavar="ID...")
@broker_command
def drop(broker: OperatorClient, as_json: bool, ids: tuple[int, ...]) -> None:
    """Give up ones that are parked or pending."""
    _print((broker.settle_reminder(id, "drop") for id in ids), as_json)


def _print(rows: Iterable[Reminder], as_json: bool) -> None:
    if as_json:
        print_json(list(rows))
        return
    for row in rows:
        click.echo(f"reminder {row.id} of {row.agent}: {_state(row)}")


def _state(row: Reminder) -> str:
    return f"{row.state} {time_left(row.remaining)}" if row.state == "pending" else row.state


def _text(row: Reminder) -> str:
    return f"{row.body} ({row.error})" if row.error else row.body
