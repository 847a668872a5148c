"""What follows from the way a turn ended. Pure: outcome and time in, settlement out."""

from typing import Final

from hyperhive.hive.names import HIVE_SERVER
from hyperhive.store.agents import Hold, HoldKind
from hyperhive.store.turns import Settlement
from hyperhive.wire.harness import Outcome, OutcomeKind

FAILURE_DELAYS: Final = (5.0, 15.0, 60.0, 300.0)
"""Seconds without turns after the first, second, … consecutive failed turn; the last one stays."""

LIMIT_FIRST: Final = 60.0
"""Seconds without turns after a rate limit that does not say how long it lasts; doubles."""
LIMIT_MOST: Final = 1800.0


def settlement(outcome: Outcome, failures: int, *, cut: bool, now: float) -> Settlement:
    """What to do with a finished turn's messages, and with its agent.

    A turn that ended well but could not reach the hive for a while may have lost what it wanted to
    say, or a message that it was about to get: its messages come again, and say so.

    Args:
        failures: consecutive failed turns of the agent before this one.
        cut: whether the turn was cut off from its tools because the broker was away.
        now: seconds since the epoch.
    """
    reason = outcome.detail or str(outcome.kind)
    match outcome.kind:
        case OutcomeKind.OK if HIVE_SERVER in outcome.mcp_failed:
            reason = "the turn had no hyperhive tools"
            hold = Hold(HoldKind.FAILED, reason, now + _failure_delay(failures))
            return Settlement(
                ack=False, failed=True, hold=hold, failures=failures + 1, reason=reason
            )
        case OutcomeKind.OK if cut:
            return Settlement(ack=False, reason="the broker was away during the turn")
        case OutcomeKind.OK:
            return Settlement(ack=True)
        case OutcomeKind.CANCELLED:
            # Somebody stopped it: no sign that the message is at fault.
            return Settlement(ack=False, failures=failures)
        case OutcomeKind.NEEDS_LOGIN:
            hold = Hold(HoldKind.NEEDS_LOGIN, reason, None)
            return Settlement(ack=False, hold=hold, failures=failures)
        case OutcomeKind.RATE_LIMITED | OutcomeKind.OVERLOADED:
            pause = min(LIMIT_FIRST * 2**failures, LIMIT_MOST)
            until = max(outcome.retry_at or now + pause, now)
            hold = Hold(HoldKind.RATE_LIMITED, reason, until)
            return Settlement(ack=False, hold=hold, failures=failures + 1)
        case OutcomeKind.FAILED | OutcomeKind.TIMEOUT | OutcomeKind.PROMPT_TOO_LONG:
            return Settlement(
                ack=False,
                failed=True,
                hold=Hold(HoldKind.FAILED, reason, now + _failure_delay(failures)),
                failures=failures + 1,
                forget_session=outcome.session_missing,
            )


def _failure_delay(failures: int) -> float:
    return FAILURE_DELAYS[min(failures, len(FAILURE_DELAYS) - 1)]
