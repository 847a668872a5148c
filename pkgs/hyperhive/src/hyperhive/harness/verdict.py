"""How a turn ended, judged by what claude said and how its process ended. Pure.

`subtype` alone never decides: claude says "success" of a turn in which the API answered 429. What
counts is is_error, the API's status, claude's name for the error, and terminal_reason, each of
which some version leaves out.
"""

import re
import signal
from dataclasses import dataclass
from typing import Final

from hyperhive.harness.invocation import MAX_RETRIES
from hyperhive.harness.record import ApiFault, TurnRecord
from hyperhive.harness.trim import one_line
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnKind

MAX_WAIT_SECONDS: Final = 10.0
"""Longest time that a turn waits for the API before it asks again."""
_OWN_WAIT_SECONDS: Final = 3.0
"""More than claude waits by itself after `MAX_RETRIES` and one answers: the API named the time."""

_NOT_LOGGED_IN: Final = "Please run /login"
_NO_SESSION: Final = "No conversation found with session ID"
_NO_MODEL: Final = "There's an issue with the selected model"
_NOT_COMPACTED: Final = "claude did not compact the conversation"
_TOO_LONG: Final = ("Prompt is too long", "Compaction failed")
_LIMIT: Final = re.compile(r"You've hit your\b.*\blimit\b")
_UNREACHED: Final = re.compile(r"API Error: (?:Connection|Unable to connect|Request timed out)")
_STATUS: Final = re.compile(r"API Error: (?:(\d{3})\b|[^()]{0,200}\((\d{3})\))")


@dataclass(frozen=True, slots=True)
class Ending:
    """How the process ended.

    Attributes:
        exit_code: its exit status, minus the signal's number if a signal ended it; None if it was
            never started.
        stderr: the end of its standard error.
        stopped: the outcome for which the harness itself ended it, and why.
    """

    exit_code: int | None
    stderr: str = ""
    stopped: tuple[OutcomeKind, str] | None = None


def judge(
    record: TurnRecord, ending: Ending, turn: TurnKind, started: float, ended: float
) -> Outcome:
    """The outcome of a turn.

    Args:
        started, ended: of the process, seconds since the epoch.
    """
    kind, detail = _kind(record, ending)
    if turn is TurnKind.COMPACT and kind is OutcomeKind.OK and not record.compacted:
        # Exit status 0 and is_error false, whatever happened: the events are the only proof.
        words = record.said or (record.result.text if record.result else "")
        kind, detail = OutcomeKind.FAILED, f"{_NOT_COMPACTED}: {words}" if words else _NOT_COMPACTED
    return Outcome(
        kind=kind,
        detail=one_line(detail),
        retry_at=_retry_at(record, kind, ended),
        exit_code=ending.exit_code,
        session=record.session,
        model=record.model,
        claude_version=record.version,
        steps=record.steps,
        duration_ms=max(0, round((ended - started) * 1000)),
        session_cost_usd=record.cost_usd,
        context_tokens=record.context_tokens,
        context_window=record.context_window,
        usage=record.usage,
        denials=record.denials,
        mcp_failed=record.mcp_failed,
        session_missing=kind is OutcomeKind.FAILED and _NO_SESSION in detail,
    )


def gives_up(record: TurnRecord) -> tuple[OutcomeKind, str] | None:
    """The outcome of a turn that waits for the API longer than a turn should; None: it goes on.

    What is left of the waiting is the scheduler's, which can tell the operator so.
    """
    retry, fault = record.retry, record.fault
    if retry is None or fault is None:
        return None
    if retry.attempt <= MAX_RETRIES and retry.seconds <= MAX_WAIT_SECONDS:
        return None
    error = fault.error if fault.status is None else f"{fault.status} {fault.error}"
    asked = f"the API asks to wait {retry.seconds:.0f} s"
    often = f"the API's error was the same {retry.attempt} times"
    detail = f"{asked if retry.seconds > _OWN_WAIT_SECONDS else often}: {error}"
    return _fault_kind(fault.error, fault.status, ""), detail


def _retry_at(record: TurnRecord, kind: OutcomeKind, ended: float) -> float | None:
    """When the API said to come back: a subscription's limit has an end; any other answer may name
    a time, which claude tells only as the length of its wait."""
    if kind is OutcomeKind.RATE_LIMITED and record.resets_at is not None:
        return record.resets_at
    retry = record.retry
    if kind not in (OutcomeKind.RATE_LIMITED, OutcomeKind.OVERLOADED) or retry is None:
        return None
    return ended + retry.seconds if retry.seconds > _OWN_WAIT_SECONDS else None


def _kind(record: TurnRecord, ending: Ending) -> tuple[OutcomeKind, str]:
    if ending.stopped is not None:
        return ending.stopped
    result = record.result
    if result is None or (record.running and ending.exit_code != 0):
        return _without_result(record, ending)
    if result.is_error:
        if result.terminal_reason == "prompt_too_long":
            return OutcomeKind.PROMPT_TOO_LONG, result.text
        fault = record.fault or ApiFault("", result.status, result.text)
        kind = _fault_kind(fault.error, fault.status or result.status, result.text)
        return kind, result.text or result.terminal_reason or result.subtype
    if record.compaction_fault is not None and result.model_turns == 0:
        # `/compact` failed: exit status 0, is_error false, only the status event told it.
        return _fault_kind("", None, record.compaction_fault), record.compaction_fault
    if ending.exit_code != 0:
        return OutcomeKind.OK, f"{_how_it_ended(ending.exit_code)} after its result"
    return OutcomeKind.OK, ""


def _without_result(record: TurnRecord, ending: Ending) -> tuple[OutcomeKind, str]:
    ended = _how_it_ended(ending.exit_code)
    fault = record.fault
    if fault is not None:
        kind = _fault_kind(fault.error, fault.status, fault.text)
        status = fault.error if fault.status is None else f"{fault.status} {fault.error}"
        return kind, f"{ended} after the API's error {fault.text or status}"
    words = ending.stderr.strip() or record.plain.strip()
    if _NOT_LOGGED_IN in words:
        return OutcomeKind.NEEDS_LOGIN, words
    return OutcomeKind.FAILED, f"{ended}: {words}" if words else f"{ended} without a result"


def _fault_kind(error: str, status: int | None, words: str) -> OutcomeKind:
    """What an error of the API asks for.

    Whatever a login can mend is needs_login: nobody logged in, a key or token refused (401),
    claude's authentication_failed (403 too). An empty account (billing_error) is rate_limited: it
    is mended outside the hive, and asking again later is all that can be done. An API that cannot
    be reached has no status, and claude calls it a server_error: overloaded.
    """
    words = words.removeprefix("Error during compaction: ")
    if status is None and (found := _STATUS.search(words)):
        status = int(found[1] or found[2])
    if status == 413 or words.startswith(_TOO_LONG):
        return OutcomeKind.PROMPT_TOO_LONG
    if status == 404 or error == "model_not_found" or words.startswith(_NO_MODEL):
        return OutcomeKind.UNKNOWN_MODEL
    if status == 401 or error == "authentication_failed" or _NOT_LOGGED_IN in words:
        return OutcomeKind.NEEDS_LOGIN
    if status == 429 or error in ("rate_limit", "billing_error") or _LIMIT.match(words):
        return OutcomeKind.RATE_LIMITED
    if error in ("server_error", "overloaded") or status == 408 or (status or 0) >= 500:
        return OutcomeKind.OVERLOADED
    if _UNREACHED.match(words):
        return OutcomeKind.OVERLOADED
    return OutcomeKind.FAILED


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code is None:
        return "claude was not started"
    if exit_code >= 0:
        return f"claude exited with status {exit_code}"
    try:
        return f"claude was killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"claude was killed by signal {-exit_code}"
