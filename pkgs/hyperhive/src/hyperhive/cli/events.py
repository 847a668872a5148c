"""`hyperhive events [AGENT] [--follow]`."""

import json
from collections.abc import Iterable

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.event_words import said
from hyperhive.cli.output import clock_time, cut, one_line
from hyperhive.operator.client import OperatorClient
from hyperhive.operator.models import Event

COLUMNS = 80


@click.command()
@click.argument("agent", required=False)
@click.option("--follow", is_flag=True, help="Go on printing as events happen.")
@click.option("--after", type=int, metavar="ID", help="Only those after this event.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@broker_command
def events(
    broker: OperatorClient,
    as_json: bool,
    agent: str | None,
    follow: bool,
    after: int | None,
    limit: int,
) -> None:
    """Print what happened; with --json one object a line."""
    past = broker.events(agent=agent, after=after, limit=limit)
    _print(past, as_json)
    if follow:
        newest = past[-1].id if past else after or 0
        _print(broker.follow(agent=agent, after=newest), as_json)


def _print(found: Iterable[Event], as_json: bool) -> None:
    for event in found:
        if as_json:
            click.echo(json.dumps(event.model_dump(mode="json"), ensure_ascii=False))
            continue
        turn = f" #{event.turn}" if event.turn else ""
        head = f"{clock_time(event.at)} {event.agent or '-'}{turn} {event.kind}"
        click.echo(cut(f"{head} {one_line(said(event))}".rstrip(), COLUMNS))
