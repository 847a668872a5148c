"""`hyperhive agents`, `hyperhive agent start|stop|pause|resume NAME`."""

import time

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import clock_time, print_json, print_table
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
    print_table(
        ["AGENT", "STATE", "MODEL", "UNREAD", "LAST TURN", "DOING"],
        [
            [
                row.name,
                _state(row, now),
                row.model,
                str(row.unread),
                clock_time(row.last_turn_at) if row.last_turn_at else "-",
                row.status or row.reason or row.description,
            ]
            for row in rows
        ],
    )


@click.group()
def agent() -> None:
    """Start, stop, pause or resume one agent."""


def _action(name: str, text: str, *, reason: bool) -> None:
    def run(broker: OperatorClient, as_json: bool, agent: str, reason: str = "") -> None:
        row = broker.act(agent, name, reason)
        if as_json:
            print_json(row)
        else:
            why = f" ({row.reason})" if row.reason else ""
            click.echo(f"{row.name}: {row.state}{why}")

    run.__doc__ = text
    command = click.argument("agent")(broker_command(run))
    if reason:
        command = click.option("--reason", default="", help="Shown with the state.")(command)
    agent_group.command(name)(command)


agent_group = agent
_action("start", "Start the agent's harness.", reason=False)
_action("stop", "Stop the agent; its messages return to the queue.", reason=True)
_action("pause", "Begin no further turn.", reason=True)
_action("resume", "Begin turns again, now; also after a failure or a login.", reason=False)


def _state(row: Agent, now: float) -> str:
    if row.until is None:
        return str(row.state)
    minutes, seconds = divmod(max(0, round(row.until - now)), 60)
    return f"{row.state} {minutes}:{seconds:02}"
