"""What follows from the way a turn ended. Pure: outcome and time in, settlement out."""

from dataclasses import replace
from typing import Final

from hyperhive.hive.models import Conversation
from hyperhive.hive.names import HIVE_SERVER
from hyperhive.store.agents import AgentRow, Compaction, Hold, HoldKind
from hyperhive.store.settlement import EndingTurn, Fate, Settlement
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnKind

FAILURE_DELAYS: Final = (5.0, 15.0, 60.0, 300.0)
"""Seconds without turns after the first, second, … consecutive failed turn; the last one stays."""

LIMIT_FIRST: Final = 60.0
"""Seconds without turns after a rate limit that does not say how long it lasts; doubles."""
LIMIT_MOST: Final = 1800.0

NOTES_GROWTH: Final = 1.25
"""How much notes must have grown since they were last compacted before it is tried again."""


def settlement(
    outcome: Outcome, agent: AgentRow, turn: EndingTurn, rules: Conversation, *, now: float
) -> Settlement:
    """What to do with a finished turn's messages, and with its agent.

    Args:
        agent: as it stands while the turn is still its own.
        rules: when the agent's conversation and notes are made shorter.
        now: seconds since the epoch.
    """
    kept = Settlement(
        Fate.BACK,
        failures=agent.failures,
        compaction=agent.compaction,
        compaction_reason=agent.compaction_reason,
        compacted_for=agent.compacted_for,
        notes_due=agent.notes_due,
    )
    cut_off = turn.cut or HIVE_SERVER in outcome.mcp_failed
    if outcome.kind is OutcomeKind.OK and not (turn.cancellation is not None and cut_off):
        return _after_ok(outcome, agent, turn, rules, kept, now)
    if turn.cancellation is not None:
        # However it ended: somebody decided what becomes of its messages, and what was due is off.
        wish = turn.cancellation
        return Settlement(
            wish.fate, note=wish.reason, failures=agent.failures, compacted_for=agent.compacted_for
        )
    reason = outcome.detail or str(outcome.kind)
    if outcome.no_claude:
        return replace(kept, hold=Hold(HoldKind.NO_CLAUDE, reason, None))
    match outcome.kind:
        case OutcomeKind.CANCELLED:
            return kept  # the harness was stopped: no sign that anything is at fault
        case OutcomeKind.NEEDS_LOGIN:
            return replace(kept, hold=Hold(HoldKind.NEEDS_LOGIN, reason, None))
        case OutcomeKind.UNKNOWN_MODEL:
            return replace(kept, hold=_unknown_model(agent, turn))
        case OutcomeKind.RATE_LIMITED | OutcomeKind.OVERLOADED:
            # An API that says each time to come back soon can be asked a thousand times in a row.
            pause = min(LIMIT_FIRST * 2 ** min(agent.failures, 10), LIMIT_MOST)
            said = outcome.retry_at is not None and outcome.retry_at > now
            until = outcome.retry_at if said else now + pause
            hold = Hold(HoldKind.RATE_LIMITED, reason, until)
            return replace(kept, hold=hold, failures=agent.failures + 1)
    match turn.kind:
        case TurnKind.CHECKPOINT:  # without its notes then
            return replace(kept, compaction=Compaction.COMPACT)
        case TurnKind.COMPACT:
            failed = _failed(kept, f"compaction failed: {reason}", now)
            return replace(failed, compaction=None, compaction_reason="")
        case TurnKind.NOTES:
            return replace(kept, notes_due=None, notes_tried=agent.notes_bytes)
        case TurnKind.MESSAGE:
            return _after_failure(outcome, agent, turn, replace(kept, reason=reason), now)


def _after_ok(
    outcome: Outcome,
    agent: AgentRow,
    turn: EndingTurn,
    rules: Conversation,
    kept: Settlement,
    now: float,
) -> Settlement:
    done = replace(kept, fate=Fate.DONE, failures=0)
    if turn.kind is TurnKind.NOTES:
        return replace(done, notes_due=None, notes_tried=outcome.notes_bytes)
    if turn.kind is TurnKind.COMPACT:
        return replace(done, compaction=None, compaction_reason="")
    done = replace(done, notes_due=agent.notes_due or _notes_due(outcome, agent, rules))
    if turn.kind is TurnKind.CHECKPOINT:
        following = None if turn.cancellation is not None else Compaction.COMPACT
        done = replace(done, compaction=following)
    elif HIVE_SERVER in outcome.mcp_failed:
        return _failed(replace(kept, fate=Fate.FAILED), "the turn had no hyperhive tools", now)
    elif agent.compaction is None and turn.cancellation is None:
        share = _share(outcome)
        if rules.compact_percent and share >= rules.compact_percent:
            reason = f"the context is {share} % full"
            done = replace(done, compaction=Compaction.CHECKPOINT, compaction_reason=reason)
    if turn.cut:
        # What it wanted to say may be lost, or a message that it was about to get.
        return replace(done, fate=Fate.BACK, reason="the broker was away during the turn")
    return replace(done, compacted_for=None)


def _after_failure(
    outcome: Outcome, agent: AgentRow, turn: EndingTurn, kept: Settlement, now: float
) -> Settlement:
    if outcome.kind is OutcomeKind.PROMPT_TOO_LONG:
        begun = agent.session is not None or outcome.session is not None
        if begun and turn.message != agent.compacted_for:
            return replace(
                kept,
                compaction=Compaction.COMPACT,
                compaction_reason="the prompt was too long",
                compacted_for=turn.message,
            )
        mend = f"compacting did not help: hyperhive new-session {agent.name} begins a new one"
        return _failed(replace(kept, fate=Fate.FAILED), f"{kept.reason}; {mend}", now)
    failed = _failed(replace(kept, fate=Fate.FAILED), kept.reason, now)
    return replace(failed, forget_session=outcome.session_missing)


def _failed(kept: Settlement, reason: str, now: float) -> Settlement:
    delay = FAILURE_DELAYS[min(kept.failures, len(FAILURE_DELAYS) - 1)]
    hold = Hold(HoldKind.FAILED, reason, now + delay)
    return replace(kept, hold=hold, failures=kept.failures + 1, reason=reason)


def _unknown_model(agent: AgentRow, turn: EndingTurn) -> Hold | None:
    if agent.model != turn.model:
        return None  # another one was chosen meanwhile
    reason = (
        f"the API knows no model {turn.model!r}; choose another: hyperhive model {agent.name} NAME"
    )
    return Hold(HoldKind.UNKNOWN_MODEL, reason, None)


def _share(outcome: Outcome) -> int:
    """How full the context is, in percent; 0 where claude did not say."""
    if not outcome.context_tokens or not outcome.context_window:
        return 0
    return 100 * outcome.context_tokens // outcome.context_window


def _notes_due(outcome: Outcome, agent: AgentRow, rules: Conversation) -> str | None:
    size = outcome.notes_bytes or 0
    if not rules.notes_kib or size < rules.notes_kib * 1024:
        return None
    if size <= agent.notes_tried * NOTES_GROWTH:
        return None
    return f"notes.md has {size // 1024} KiB"
