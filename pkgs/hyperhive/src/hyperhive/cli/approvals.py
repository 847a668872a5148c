"""`hyperhive approvals`, `hyperhive show ID`, `hyperhive deny ID`."""

import click

from hyperhive.cli import approval_words
from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import clock_time, print_json, print_table
from hyperhive.operator.approval_models import Base
from hyperhive.operator.client import OperatorClient
from hyperhive.store.approval_states import ApprovalState


@click.command()
@click.option("--agent", metavar="NAME", help="Only those about this agent.")
@click.option("--all", "everything", is_flag=True, help="Also those that are settled.")
@click.option("--after", type=int, metavar="ID", help="Only those after this approval.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@broker_command
def approvals(
    broker: OperatorClient,
    as_json: bool,
    agent: str | None,
    everything: bool,
    after: int | None,
    limit: int,
) -> None:
    """List what waits for your approval, and what is being done."""
    found = broker.approvals(agent=agent, after=after, limit=limit, closed=everything)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No approvals.")
        return
    print_table(
        ["ID", "ASKED", "BY", "AGENT", "WHAT", "STATE", "WHY"],
        [
            [
                str(one.id),
                clock_time(one.created_at),
                one.submitted_by,
                one.agent,
                approval_words.SHORT[one.kind] + (" ⚠" if one.extra_nix else ""),
                str(one.state),
                one.error or one.reason or one.description,
            ]
            for one in found
        ],
    )
    if any(one.extra_nix for one in found):
        click.echo("⚠ with an extra.nix, free-form NixOS configuration")
    if any(one.state is ApprovalState.PENDING for one in found):
        click.echo("what one changes: hyperhive show ID")


@click.command()
@click.argument("id", type=int)
@click.option(
    "--base",
    type=click.Choice([base.value for base in Base]),
    default=Base.RUNNING.value,
    show_default=True,
    help="Compare with what is deployed, or with what was approved last.",
)
@broker_command
def show(broker: OperatorClient, as_json: bool, id: int, base: str) -> None:
    """Show an approval: what it changes in effect, in its files and in the rendered Nix."""
    detail = broker.approval(id, Base(base))
    if as_json:
        print_json(detail)
        return
    for line in approval_words.all_of(detail):
        click.echo(line)


@click.command()
@click.argument("id", type=int)
@click.option("--reason", default="", help="What the manager is told.")
@broker_command
def deny(broker: OperatorClient, as_json: bool, id: int, reason: str) -> None:
    """Deny what is asked for; nothing changes."""
    denied = broker.deny(id, reason)
    if as_json:
        print_json(denied)
    else:
        click.echo(approval_words.settled(denied))
