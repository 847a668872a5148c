"""What becomes of a deploy that was cut short, by whoever comes next under reconcile's lock."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from hyperhive.deploy.desired import Wishes
from hyperhive.deploy.host import Host
from hyperhive.deploy.patience import PatientBroker
from hyperhive.deploy.repository import Repository
from hyperhive.deploy.task import as_hyperhive_error
from hyperhive.deploy.transaction import (
    Transaction,
    count_interruption,
    read_transaction,
    remove_transaction,
    write_transaction,
)
from hyperhive.deploy.undoing import undo
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields, shortened
from hyperhive.operator.approval_models import DeployOutcome
from hyperhive.store.approval_states import ApprovalState

logger: Final = logging.getLogger(__name__)

MOST_INTERRUPTIONS: Final = 5
"""How often a deploy is cut short before it counts as failed: it may be what ends the host."""

_MOST: Final = 900
"""Characters of an error or a change."""


class StuckError(HyperhiveError):
    """A deploy could not be put back.

    Attributes:
        transaction: the deploy.
    """

    def __init__(self, transaction: Transaction, error: HyperhiveError) -> None:
        super().__init__(
            f"{transaction.agent}: what approval {transaction.id} changed could not be put back:"
            f" {error.what}",
            f"{error.todo or 'mend it'}; then systemctl start hyperhive-reconcile.service",
        )
        self.transaction = transaction


def happened(transaction: Transaction, repository: Repository) -> bool:
    """Whether a deploy has happened: its commit is there."""
    if repository.head() == transaction.head:
        return False
    return transaction.subject in repository.subjects(transaction.head)


def put_right(host: Host, repository: Repository, ask: Callable[[], Wishes]) -> Transaction | None:
    """Put back a deploy that was cut short, unless it had happened.

    Returns:
        A deploy of which only the broker has to be told; None: there is none.

    Raises:
        StuckError: it cannot be put back; what is written down stays for the next time.
        HyperhiveError: git fails, or what is written down cannot be read.
    """
    transaction = read_transaction(host.paths)
    if transaction is None or transaction.undone or happened(transaction, repository):
        return transaction
    logger.warning(
        "%s: approval %d was cut short; everything is put back",
        transaction.agent, transaction.id,
        extra=fields(agent=transaction.agent, approval=transaction.id),
    )  # fmt: skip
    return take_back(transaction, host, repository, ask)


def take_back(
    transaction: Transaction, host: Host, repository: Repository, ask: Callable[[], Wishes]
) -> Transaction | None:
    """Put back a deploy that is written down; returns it where the broker has to be told of it.

    Raises:
        StuckError: it cannot be.
    """
    host.progress(f"putting {transaction.agent} back as it was")
    try:
        trouble = undo(transaction, host, repository, ask)
    except (HyperhiveError, OSError) as error:
        stuck = StuckError(transaction, as_hyperhive_error(error))
        logger.critical(
            "%s (%s)", stuck.what, stuck.todo,
            extra=fields(
                LogEvent.DEPLOY_STUCK, agent=transaction.agent, approval=transaction.id
            ),
        )  # fmt: skip
        raise stuck from error
    if trouble is not None:
        logger.error(
            "%s: its files are as they were, its container is not: %s",
            transaction.agent, trouble.what,
            extra=fields(agent=transaction.agent, approval=transaction.id),
        )  # fmt: skip
    if not transaction.error:
        times = count_interruption(host.paths, transaction.id)
        if times < MOST_INTERRUPTIONS:
            # Nobody said that it failed: the broker has it tried again.
            remove_transaction(host.paths)
            return None
        transaction = replace(transaction, error=f"it was cut short {times} times")
    if trouble is not None:
        said = f"its files are as they were, its container is not: {trouble.what}"
        transaction = replace(transaction, error=with_more(transaction.error, said))
    undone = replace(transaction, undone=True)
    write_transaction(host.paths, undone)
    return undone


def with_more(error: str, more: str) -> str:
    """An error and what came of it, in a line that leaves room for both."""
    return f"{shortened(error, _MOST // 2)}; {shortened(' '.join(more.split()), _MOST // 3)}"


def announce(transaction: Transaction, host: Host, broker: PatientBroker) -> None:
    """Tell the broker how a deploy ended, and have done with it.

    Raises:
        HyperhiveError: the broker does not answer; what is written down stays for the next time.
    """
    told = _outcome(transaction)
    expected = ApprovalState.FAILED if transaction.undone else ApprovalState.DEPLOYED
    where = fields(agent=transaction.agent, approval=transaction.id)
    try:
        state = broker.tell(transaction.id, lambda one: one.end_deploy(transaction.id, told))
    except InputError as error:
        logger.error(
            "%s: approval %d is %s here, and the broker does not take that: %s",
            transaction.agent, transaction.id, expected, error.what, extra=where,
        )  # fmt: skip
    else:
        if state is not expected:
            logger.error(
                "%s: approval %d is %s here, and the broker has it as %s",
                transaction.agent, transaction.id, expected, state, extra=where,
            )  # fmt: skip
    remove_transaction(host.paths)


def _outcome(transaction: Transaction) -> DeployOutcome:
    return DeployOutcome(
        error=shortened(transaction.error, _MOST) if transaction.undone else "",
        log=list(transaction.log) if transaction.undone else [],
        changes=[shortened(change, _MOST) for change in transaction.changes],
    )
