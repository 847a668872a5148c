"""`hyperhive vacuum`."""

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import count, print_json
from hyperhive.operator.client import OperatorClient


@click.command()
@click.option("--dry-run", is_flag=True, help="Only count what would be removed.")
@broker_command
def vacuum(broker: OperatorClient, as_json: bool, dry_run: bool) -> None:
    """Remove history older than the hive's retention, as happens every hour."""
    done = broker.vacuum(dry_run=dry_run)
    if as_json:
        print_json(done)
        return
    rows = [
        count(number, kind.replace("_", " ").removesuffix("s"))
        for kind, number in done.removed.items()
        if number
    ]
    said = "would be removed" if done.dry_run else "removed"
    click.echo(f"{said}: {', '.join(rows) or 'nothing'}")
