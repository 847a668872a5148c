"""What the broker says of containers, and is told. It is an ordinary user's: names are checked."""

import logging
from typing import Final, Protocol

from hyperhive.deploy.desired import Wishes
from hyperhive.deploy.task import Outcome
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import parse_agent_name
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.operator.hosting_models import Container, DeploymentReport

logger: Final = logging.getLogger(__name__)

_MOST: Final = 1000
"""Characters of a change or an error in a report."""


class Broker(Protocol):
    """The part of `operator.client.OperatorClient` that deploying needs."""

    def containers(self) -> list[Container]:
        """The containers of all agents that the hive has or had."""

    def report_deployment(self, agent: str, report: DeploymentReport) -> Container:
        """Says what reconciling did for an agent."""


def wishes_of(containers: list[Container]) -> Wishes:
    """What the operator wants of each agent that the broker knows.

    Raises:
        InputError: a name is none, so the broker is not to be trusted.
    """
    return {parse_agent_name(one.agent): one.wanted for one in containers}


def tell(outcome: Outcome, broker: Broker | None) -> None:
    """Log what became of an agent, and tell the broker where something did.

    Of a former agent that has nothing left to be removed, nothing is said.
    """
    changes = "; ".join(outcome.changes)
    if outcome.error is not None:
        logger.error(
            "%s: %s%s%s",
            outcome.agent,
            outcome.error.what,
            f" ({outcome.error.todo})" if outcome.error.todo else "",
            f"; before that: {changes}" if changes else "",
            extra=fields(
                LogEvent.AGENT_RECONCILE_FAILED, agent=outcome.agent, HYPERHIVE_CHANGES=changes
            ),
        )
    elif changes or not outcome.former:
        logger.info(
            "%s: %s",
            outcome.agent,
            changes or "unchanged",
            extra=fields(LogEvent.AGENT_RECONCILED, agent=outcome.agent, HYPERHIVE_CHANGES=changes),
        )
    if broker is not None and (changes or outcome.error is not None):
        report = DeploymentReport(
            changes=[change[:_MOST] for change in outcome.changes],
            error=outcome.error.what[:_MOST] if outcome.error is not None else "",
            former=outcome.former,
        )
        try:
            broker.report_deployment(outcome.agent, report)
        except HyperhiveError as error:
            extra = fields(agent=outcome.agent)
            logger.warning(
                "%s: the broker was not told: %s", outcome.agent, error.what, extra=extra
            )
