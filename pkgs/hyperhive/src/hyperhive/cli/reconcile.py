"""`hyperhive reconcile`: makes a NixOS host match the declared hive, as root."""

import json
import logging
import os
import pwd
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from hyperhive.errors import HyperhiveError, InputError, NoBrokerError
from hyperhive.hive.load import load_hive
from hyperhive.hive.names import parse_agent_name
from hyperhive.hive.paths import DECLARED_HIVE, HostPaths
from hyperhive.logs import start_logging

if TYPE_CHECKING:
    from hyperhive.deploy.desired import Wishes
    from hyperhive.deploy.host import Host
    from hyperhive.deploy.task import Outcome

BROKER_USER: Final = "hyperhive"

_NOTHING: Final = "nothing is started, stopped, built or removed"


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=DECLARED_HIVE)
@click.option("--agent", "agent_name", metavar="NAME", help="See to this agent only.")
@click.option("--dry-run", is_flag=True, help="Only print what would be done.")
@click.option("--rebuild", is_flag=True, help="Build systems whose sources did not change, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def reconcile(
    file: Path, agent_name: str | None, dry_run: bool, rebuild: bool, as_json: bool
) -> None:
    """Make this host match the hive in FILE and what the operator wants of its agents.

    Makes directories, definitions and systems of containers, and starts, stops and removes them.
    What was approved and deployed is laid over the declaration. A deploy that was cut short is
    completed, or put back, first. An agent that left the hive is stopped and its state is kept.
    A second run changes nothing.
    A system is built when its agent's files change. What else it is built from is taken to be
    fixed; build anew with --rebuild after an input of the flake changed under its name.

    \b
    Exit status: 0 all agents are as declared
                 1 one is not
                 2 the hive, or what this was called with, is not valid
                 3 the broker did not say what the operator wants of them
    """
    reconcile_agents(
        file, agent_name, begin("reconcile"), dry_run=dry_run, rebuild=rebuild, as_json=as_json
    )


def begin(program: str) -> "Host":
    """Have this process change the host, which it says in the log as `program`.

    Raises:
        HyperhiveError: it may not.
        InputError: the host has no user for the broker.
    """
    # An interruption ends it at once, with what it started; the next run goes on from there.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.umask(0o022)
    host = _host()
    start_logging(program)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # It says every request.
    return host


def reconcile_agents(
    file: Path,
    agent_name: str | None,
    host: "Host",
    *,
    dry_run: bool = False,
    rebuild: bool = False,
    as_json: bool = False,
) -> None:
    """Reconcile all agents, or one; see `reconcile`."""
    from hyperhive.deploy.broker import tell, wishes_of
    from hyperhive.deploy.patience import PatientBroker
    from hyperhive.deploy.reconcile import Reconciliation
    from hyperhive.deploy.whole import preview_whole, reconcile_whole
    from hyperhive.operator.client import connect

    scope = parse_agent_name(agent_name) if agent_name is not None else None
    socket = host.paths.hive.operator_socket

    def wishes() -> "Wishes":
        with connect(socket) as broker:
            return wishes_of(broker.containers())

    def ended(outcome: "Outcome") -> None:
        with ExitStack() as stack:
            broker = None
            with suppress(HyperhiveError):  # That it is silent is said once, at the end.
                broker = stack.enter_context(connect(socket))
            tell(outcome, broker)

    run = Reconciliation(partial(load_hive, file), wishes, scope, host, rebuild=rebuild)
    if dry_run:
        outcomes = preview_whole(run, host)
    else:
        # It is no reason to keep the hive waiting that a broker is silent.
        broker = PatientBroker(partial(connect, socket), seconds=0)
        outcomes = reconcile_whole(run, host, wishes, broker, ended)
    _print(outcomes, as_json=as_json, dry_run=dry_run)
    if run.left_over is not None:
        raise run.left_over
    if run.silence is not None:
        undone = "not all is started" if run.heard else _NOTHING
        raise NoBrokerError(
            f"{undone}: {run.silence.what}",
            "see hyperhive.service, then run hyperhive reconcile again",
        ) from run.silence
    if any(outcome.error for outcome in outcomes):
        click.get_current_context().exit(1)


def _host() -> "Host":
    from hyperhive.deploy.host import Host
    from hyperhive.systemd import notify
    from hyperhive.systemd.units import UnitBus

    if os.geteuid() != 0:
        raise HyperhiveError("only root can do this", "run it with sudo, or see hyperhive render")
    try:
        user = pwd.getpwnam(BROKER_USER)
    except KeyError:
        raise InputError(
            f"there is no user {BROKER_USER}", "enable services.hyperhive on this host"
        ) from None
    return Host(HostPaths.default(), user.pw_uid, UnitBus, notify.status)


def _print(outcomes: Sequence["Outcome"], *, as_json: bool, dry_run: bool) -> None:
    # Of a former agent there is something to say while something of it is left to be removed.
    outcomes = [one for one in outcomes if one.changes or one.error or not one.former]
    if as_json:
        rows = [
            {
                "agent": outcome.agent,
                "changes": outcome.changes,
                "error": outcome.error.what if outcome.error else "",
                "todo": outcome.error.todo if outcome.error else "",
            }
            for outcome in outcomes
        ]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif dry_run:
        for outcome in outcomes:
            if outcome.error is not None:
                click.echo(f"{outcome.agent}: fail: {outcome.error.what} ({outcome.error.todo})")
            else:
                click.echo(f"{outcome.agent}: {', '.join(outcome.changes) or 'nothing to do'}")
