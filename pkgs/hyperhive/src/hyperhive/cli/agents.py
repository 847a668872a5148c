"""`hyperhive agents`, `hyperhive agent show|start|stop|restart|pause|resume|… NAME`."""

import time

import click

from hyperhive.cli.agent_details import details, model_words
from hyperhive.cli.agent_removal import destroy, purge
from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import clock_time, one_line, print_json, print_table, time_left
from hyperhive.operator.client import OperatorClient
from hyperhive.operator.models import Agent


@click.command()
@broker_command
def agents(broker: OperatorClient, as_json: bool) -> None:
    """List the agents: state, model, unread messages."""
    rows = broker.agents()
    if as_json:
        print_json(rows)
        return
    now = time.time()
    in_containers = any(row.container for row in rows)
    where = _where("CONTAINER", in_containers)
    print_table(
        ["AGENT", "STATE", *where, "MODEL", "UNREAD", "LAST TURN", "DOING"],
        [
            [
                row.name,
                _state(row, now),
                *_where(row.container or "-", in_containers),
                ("*" if row.model_override else "") + model_words(row),
                str(row.unread),
                clock_time(row.last_turn_at) if row.last_turn_at else "-",
                row.status or row.reason or row.description,
            ]
            for row in rows
        ],
    )
    if any(row.model_override for row in rows):
        click.echo("* set by the operator; hyperhive model AGENT --reset takes it back")
    spawned = ", ".join(row.name for row in rows if row.spawned)
    if spawned:
        click.echo(f"spawned, and not declared: {spawned}")
    for row in rows:
        if row.problem:
            click.echo(f"approved settings that do not hold: hyperhive agent show {row.name}")


def _where(cell: str, shown: bool) -> list[str]:
    """A cell of the column about containers, which a hive without any does not have."""
    return [cell] if shown else []


@click.group()
def agent() -> None:
    """Show, start, stop, pause or remove one agent."""


@agent.command()
@click.argument("agent")
@broker_command
def show(broker: OperatorClient, as_json: bool, agent: str) -> None:
    """Show all that is known of an agent."""
    row = broker.agent(agent)
    if as_json:
        print_json(row)
    else:
        click.echo("\n".join(details(row, time.time())))


def _action(name: str, text: str, *, reason: bool) -> None:
    def run(broker: OperatorClient, as_json: bool, agent: str, reason: str = "") -> None:
        row = broker.act(agent, name, reason)
        if as_json:
            print_json(row)
        else:
            why = f" ({one_line(row.reason)})" if row.reason else ""
            click.echo(f"{row.name}: {row.state}{why}")

    run.__doc__ = text
    command = click.argument("agent")(broker_command(run))
    if reason:
        command = click.option("--reason", default="", help="Shown with the state.")(command)
    agent_group.command(name)(command)


agent_group = agent
_action("start", "Start the agent.", reason=False)
_action("stop", "Stop the agent; its messages return to the queue.", reason=True)
_action("restart", "Stop the agent, and start it.", reason=True)
_action("pause", "Begin no further turn.", reason=True)
_action("resume", "Begin turns again, now; also after a failure or a login.", reason=False)
agent_group.add_command(destroy)
agent_group.add_command(purge)


def _state(row: Agent, now: float) -> str:
    return str(row.state) if row.until is None else f"{row.state} {time_left(row.until - now)}"
