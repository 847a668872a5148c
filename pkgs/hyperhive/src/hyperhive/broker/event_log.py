"""What the journal is told of the hive's events, once they are on disk.

The store has all of them, and pages read them there. The journal gets those that somebody looks for
who asks what a machine did, or why an agent does nothing.
"""

import logging
from typing import Final

from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.store.agents import AgentState
from hyperhive.store.approval_states import ApprovalState
from hyperhive.store.database import Committed
from hyperhive.store.transaction import HiveEvent
from hyperhive.wire.harness import OutcomeKind

logger: Final = logging.getLogger(__name__)

_HELD: Final = {AgentState.NEEDS_LOGIN, AgentState.RATE_LIMITED, AgentState.FAILED}
"""States that an agent does not leave because it has done its work."""
_AS_WISHED: Final = {OutcomeKind.OK, OutcomeKind.CANCELLED}


def log_committed(commit: Committed) -> None:
    """Logs what a commit told; a listener of the store."""
    for event in commit.told:
        _log(event)


def _log(event: HiveEvent) -> None:
    agent, turn, data = event.agent, event.turn, event.data
    extra = fields(agent=agent, turn=turn)
    match event.kind:
        case "turn_started":
            what = f"message {data['message']} from {data['from']}" if "message" in data else ""
            logger.info(
                "%s: turn %s begins: %s",
                agent, turn, what or data["kind"],
                extra=fields(LogEvent.TURN_STARTED, agent=agent, turn=turn),
            )  # fmt: skip
        case "turn_finished":
            outcome, detail = data["outcome"], data["detail"]
            logger.log(
                logging.INFO if outcome in _AS_WISHED else logging.WARNING,
                "%s: turn %s has ended: %s%s",
                agent, turn, outcome, f": {detail}" if detail else "",
                extra=fields(
                    LogEvent.TURN_ENDED, agent=agent, turn=turn, HYPERHIVE_OUTCOME=outcome
                ),
            )  # fmt: skip
        case "harness_crash":
            lost = f", and turn {turn} is lost" if turn else ""
            logger.error(
                "%s: its harness ended without a word%s",
                agent, lost,
                extra=fields(LogEvent.HARNESS_CRASHED, agent=agent, turn=turn),
            )  # fmt: skip
        case "approval":
            _log_approval(event)
        case "loop_guard":
            extra = fields(LogEvent.LOOP_GUARD, agent=agent)
            logger.warning("%s: paused: %s", agent, data["reason"], extra=extra)
        case "state" if data["state"] in _HELD:
            logger.warning("%s: %s: %s", agent, data["state"], data["reason"], extra=extra)
        case "dead":
            logger.warning(
                "%s: gave message %s up: %s", agent, data["id"], data["reason"], extra=extra
            )
        case "reminder_parked":
            logger.warning(
                "%s: cannot deliver reminder %s: %s", agent, data["id"], data["reason"], extra=extra
            )


def _log_approval(event: HiveEvent) -> None:
    data = event.data
    agent, id, state = event.agent, data["id"], ApprovalState(data["state"])
    words = f"{agent}: approval {id} ({data['kind']})"
    match state:
        case ApprovalState.PENDING:
            logger.info(
                "%s is pending, asked for by %s", words, data["by"],
                extra=fields(LogEvent.APPROVAL_SUBMITTED, agent=agent, approval=id),
            )  # fmt: skip
        case ApprovalState.BUILDING:
            logger.info("%s is being deployed", words, extra=fields(agent=agent, approval=id))
        case ApprovalState.DEPLOYED:
            logger.info(
                "%s is deployed", words,
                extra=fields(LogEvent.APPROVAL_DEPLOYED, agent=agent, approval=id),
            )  # fmt: skip
        case ApprovalState.FAILED:
            logger.error(
                "%s failed: %s", words, data["error"],
                extra=fields(LogEvent.APPROVAL_FAILED, agent=agent, approval=id),
            )  # fmt: skip
        case _:
            why = f": {data['reason']}" if data["reason"] else ""
            logger.info(
                "%s is %s by %s%s", words, state, data["by"], why,
                extra=fields(LogEvent.APPROVAL_DECIDED, agent=agent, approval=id),
            )  # fmt: skip
