"""`hyperhive approve ID`, `hyperhive allow-rule AGENT RULE`: decide, and see what becomes of it."""

import time
from collections.abc import Callable, Iterable
from typing import Final

import click

from hyperhive.cli import approval_words
from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import print_json, printable
from hyperhive.cli.standard_input import is_person
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.operator.approval_models import Approval, ApprovalDetail
from hyperhive.operator.client import OperatorClient
from hyperhive.store.approval_states import OPEN, ApprovalState

WAIT_SECONDS: Final = 3600.0
"""How long it is waited for: a build may take half an hour, and others be before it."""

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 1.0
"""Seconds between two looks at it."""

LOG_LINES: Final = 20
"""Of what a deploy that failed said last; `hyperhive show` has the rest."""


@click.command()
@click.argument("id", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it is deployed.")
@broker_command
def approve(broker: OperatorClient, as_json: bool, id: int, yes: bool, no_wait: bool) -> None:
    """Approve, and wait until it is deployed or has failed.

    In a terminal you are shown what it changes, and asked.
    """
    detail = broker.approval(id)
    if detail.state is ApprovalState.PENDING and not yes and is_person():
        _ask(detail)
    _decide(broker, detail, as_json, wait=not no_wait)


@click.command("allow-rule")
@click.argument("agent")
@click.argument("rule")
@click.option(
    "--supersede", type=int, metavar="ID", help="The pending approval that it takes the place of."
)
@click.option("--approve", "at_once", is_flag=True, help="Approve it, and wait for it.")
@broker_command
def allow_rule(
    broker: OperatorClient,
    as_json: bool,
    agent: str,
    rule: str,
    supersede: int | None,
    at_once: bool,
) -> None:
    """Open an approval with one Bash rule more for AGENT: `git push *`."""
    detail = broker.approval(broker.allow_rule(agent, rule, supersede).id)
    if at_once:
        _tell(approval_words.in_effect(detail))
        _decide(broker, detail, as_json, wait=True)
    elif as_json:
        print_json(detail)
    else:
        for line in approval_words.all_of(detail):
            click.echo(line)


def _ask(detail: ApprovalDetail) -> None:
    """Shows a person what it changes, and has them confirm.

    Raises:
        click.Abort: the answer is no.
    """
    _tell(approval_words.head(detail))
    click.echo(err=True)
    _tell(approval_words.in_effect(detail))
    click.echo(f"  its files and the rendered Nix: hyperhive show {detail.id}", err=True)
    click.confirm("Approve it?", abort=True, err=True)


def _decide(broker: OperatorClient, detail: ApprovalDetail, as_json: bool, *, wait: bool) -> None:
    done = broker.approve(detail.id, detail.commit)
    if wait:
        try:
            click.echo(f"{approval_words.settled(done)}; Ctrl-C does not end it", err=True)
            done = awaited(broker.approval_row, done, time.monotonic() + WAIT_SECONDS)
        except KeyboardInterrupt:
            click.echo(f"\nit goes on: hyperhive show {done.id}", err=True)
            raise
    if as_json:
        print_json(done)
    elif done.state is not ApprovalState.FAILED:
        click.echo(approval_words.settled(done))
    if done.state is ApprovalState.FAILED:
        raise _failure(broker, done)


def awaited(
    look: Callable[[int], Approval],
    approval: Approval,
    deadline: float,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Approval:
    """Waits until it is settled, also while the broker restarts, and tells how far it is.

    Args:
        look: asks the broker for the approval of an id.
        deadline: when to give up, as `clock` tells time.

    Raises:
        HyperhiveError: that takes too long.
    """
    seconds, told = FIRST_PAUSE, ""
    while approval.state in OPEN:
        if clock() > deadline:
            raise HyperhiveError(
                f"approval {approval.id} is still {approval.state}",
                f"it goes on: hyperhive show {approval.id}",
            )
        pause(seconds)
        seconds = min(2 * seconds, LONGEST_PAUSE)
        try:
            approval = look(approval.id)
            news = "" if approval.state is ApprovalState.APPROVED else str(approval.state)
        except InputError:
            raise
        except HyperhiveError as away:
            news = away.what
        if news != told and approval.state in OPEN:
            click.echo(news, err=True)
        told = news
    return approval


def _failure(broker: OperatorClient, failed: Approval) -> HyperhiveError:
    for line in broker.approval(failed.id).log[-LOG_LINES:]:
        click.echo(f"  {printable(line)}", err=True)
    return HyperhiveError(
        f"approval {failed.id} failed: {failed.error}",
        f"all that was said: hyperhive show {failed.id}",
    )


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line, err=True)
