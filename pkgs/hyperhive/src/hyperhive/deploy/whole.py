"""A run of reconcile as a whole: what was cut short first, the commit of what changed last."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hyperhive.deploy.desired import Wishes
from hyperhive.deploy.host import Host
from hyperhive.deploy.patience import PatientBroker
from hyperhive.deploy.reconcile import Reconciliation
from hyperhive.deploy.recovery import StuckError, announce, put_right
from hyperhive.deploy.rendering import commit_message
from hyperhive.deploy.repository import Repository
from hyperhive.deploy.task import Outcome
from hyperhive.deploy.transaction import read_transaction
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName

logger: Final = logging.getLogger(__name__)


def reconcile_whole(
    run: Reconciliation,
    host: Host,
    ask: Callable[[], Wishes],
    broker: PatientBroker,
    ended: Callable[[Outcome], None],
) -> list[Outcome]:
    """Complete or put back a deploy that was cut short, reconcile, and commit what is new.

    Where that deploy cannot be put back, its agent is left alone and nothing is committed; where
    the history cannot be kept, the agents are seen to all the same. `run.left_over` says either.

    Args:
        ask: says what the operator wants; raises HyperhiveError where the broker is silent.
        broker: told what became of the deploy.
        ended: see `Reconciliation.run`.

    Raises:
        HyperhiveError: it cannot even begin.
        OSError: the same.
    """
    with host.alone():
        repository = Repository(host.paths.hive.deploy)
        untouched: dict[AgentName, HyperhiveError] = {}
        trouble: HyperhiveError | None = None
        try:
            repository.prepare()
            untold = put_right(host, repository, ask)
        except StuckError as stuck:
            untouched[stuck.transaction.agent] = stuck
            untold = None
        except HyperhiveError as error:
            trouble, untold = error, None
            # It may be that very file that cannot be read.
            with suppress(HyperhiveError):
                if (cut_short := read_transaction(host.paths)) is not None:
                    untouched[cut_short.agent] = error
        if untold is not None:
            try:
                announce(untold, host, broker)
            except HyperhiveError as error:
                # Its agent is as it should be; the next run tells.
                logger.warning("%s: the broker was not told: %s", untold.agent, error.what)
        outcomes = run.run(ended, untouched)
        if not untouched and trouble is None:
            try:
                if changed := repository.changed():
                    repository.commit(commit_message(changed))
            except HyperhiveError as error:
                trouble = error
        run.left_over = run.left_over or trouble
        return outcomes


def preview_whole(run: Reconciliation, host: Host) -> list[Outcome]:
    """What would be done, without doing anything.

    Raises:
        HyperhiveError: it cannot be found out.
    """
    outcomes = run.preview()
    cut_short = read_transaction(host.paths)
    for outcome in outcomes:
        if cut_short is not None and outcome.agent == cut_short.agent:
            what = "say how" if cut_short.undone else "complete or put back what"
            end = "ended" if cut_short.undone else "began"
            outcome.changes.insert(0, f"{what} the deploy of approval {cut_short.id} {end}")
    return outcomes
