"""`hyperhive status`: the host's units, the broker, and the agents with their containers."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hyperhive.cli.broker_option import operator_socket, state_option
from hyperhive.cli.output import clock_time, one_line, print_table, time_left
from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.status import AgentStatus, Status, status_of
from hyperhive.doctor.systems import System
from hyperhive.doctor.units import Unit
from hyperhive.hive.paths import DECLARED_HIVE, HostPaths


@click.command()
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def status(ctx: click.Context, state: Path | None, as_json: bool) -> None:
    """Show what runs: units of this host, the broker, agents and their containers.

    Exit status 3 if no broker answers; the units are shown all the same.
    """
    found = status_of(operator_socket(state), HostPaths.default(), DECLARED_HIVE)
    if as_json:
        click.echo(json.dumps(document(found), ensure_ascii=False, indent=2))
    else:
        _show(found, time.time())
    if found.trouble is not None:
        ctx.exit(found.trouble.exit_code)


def document(found: Status) -> dict[str, Any]:
    """The status for machines."""
    trouble = found.trouble
    units = found.units
    return {
        "broker": None if found.broker is None else found.broker.model_dump(mode="json"),
        "trouble": None if trouble is None else {"error": trouble.what, "todo": trouble.todo},
        "units": [asdict(unit) for unit in units] if isinstance(units, tuple) else None,
        "agents": [asdict(agent) for agent in found.agents],
        "kept": [asdict(one) for one in found.kept],
    }


def _show(found: Status, now: float) -> None:
    if found.broker is not None:
        about = f": {found.broker.description}" if found.broker.description else ""
        click.echo(one_line(f"hive {found.broker.hive}{about}"))
        click.echo(
            one_line(
                f"broker {found.broker.version}, pid {found.broker.pid},"
                f" up {time_left(now - found.broker.started_at)}"
            )
        )
    if found.trouble is not None:
        click.echo(f"error: {one_line(found.trouble.what)}", err=True)
        click.echo(f"  {one_line(found.trouble.todo)}", err=True)
    if isinstance(found.units, Unknown):
        click.echo(f"\nunits: {one_line(found.units.why)}")
    elif found.units is not None:
        click.echo()
        print_table(["UNIT", "SINCE", "STATE"], [_unit(unit) for unit in found.units])
        for unit in found.units:
            if unit.fails:
                click.echo(f"failed: journalctl -u {unit.name}")
    if found.agents:
        click.echo()
        print_table(
            ["AGENT", "STATE", "CONTAINER", "UNIT", "SYSTEM"],
            [_runs(agent, now) for agent in found.agents],
        )
        click.echo()
        print_table(
            ["AGENT", "HOST UIDS", "NETWORK", "HARNESS", "CLAUDE"],
            [_is_made(agent) for agent in found.agents],
        )
    for one in found.kept:
        click.echo(f"kept: {one.name} ({one.reason}; hyperhive agent purge {one.name})")


def _unit(unit: Unit) -> list[str]:
    state = unit.sub if unit.restarts else f"{unit.active} ({unit.sub})"
    if not unit.exists:
        state = "there is none"
    if unit.result not in ("", "success"):
        state += f": {unit.result}"
    return [unit.name, "-" if unit.since is None else clock_time(unit.since), state]


def _runs(agent: AgentStatus, now: float) -> list[str]:
    wanted = f" (wanted: {agent.wanted})" if agent.wanted is not None else ""
    return [
        agent.name,
        agent.state or "-",
        f"{agent.container or '-'}{wanted}",
        agent.unit or "-",
        _system(agent.system, now),
    ]


def _system(system: System | None, now: float) -> str:
    return "-" if system is None else f"{system.hash}, {time_left(now - system.since)} old"


def _is_made(agent: AgentStatus) -> list[str]:
    return [
        agent.name,
        f"{agent.first_uid} to {agent.last_uid}",
        agent.network,
        agent.harness or "-",
        agent.claude or "-",
    ]
