"""All that is known of one agent, in lines for a person."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Final

from hyperhive.cli.output import COLUMNS, clock_time, count, one_line, time_left
from hyperhive.hive.tables import Network
from hyperhive.operator.models import Agent

_LABEL: Final = 14


def details(agent: Agent, now: float) -> list[str]:
    """What is known of an agent; none of it acts on a terminal.

    Args:
        now: seconds since the epoch.
    """
    about = f": {agent.description}" if agent.description else ""
    lines = wrap(one_line(f"{agent.name}, {agent.role}{about}"), COLUMNS)
    for label, texts in (
        ("state", _state(agent, now)),
        ("container", _container(agent)),
        ("doing", _doing(agent)),
        ("mail", _mail(agent)),
        ("model", model_lines(agent)),
        ("settings", _settings(agent)),
        ("conversation", _conversation(agent)),
        ("notes", _notes(agent)),
        ("last turn", _last_turn(agent)),
        ("harness", _harness(agent)),
        ("network", _network(agent)),
        ("host uids", [f"from {agent.uid_base}"]),
    ):
        parts = [line for text in texts for line in wrap(one_line(text), COLUMNS - _LABEL)]
        for number, part in enumerate(parts):
            lines.append(f"{'' if number else label:<{_LABEL}}{part}")
    return lines


def model_words(agent: Agent) -> str:
    """The model, or `opus → sonnet` where the second one waits for the next turn."""
    if agent.model_queued is None:
        return agent.model
    return f"{agent.model_active} → {agent.model_queued}"


def model_lines(agent: Agent) -> Iterator[str]:
    """The model that ran last, the one that is queued, what says so, and since when."""
    if agent.model_active is None:
        yield f"{agent.model} (no turn has run yet)"
    else:
        yield f"{agent.model_active} (active)"
    if agent.model_queued is not None:
        yield f"{agent.model_queued} (queued: from the next turn on)"
    if agent.model_override is None:
        yield f"from the layer: {agent.model_layer}"
    else:
        yield "set by the operator (override)"
    if agent.model_switched_at is not None:
        yield f"switched {clock_time(agent.model_switched_at)} by {agent.model_switched_by}"


def _state(agent: Agent, now: float) -> Iterator[str]:
    left = "" if agent.until is None else f", {time_left(agent.until - now)} left"
    reason = f": {agent.reason}" if agent.reason else ""
    yield f"{agent.state}{left}{reason}"
    yield f"since {clock_time(agent.since)}"
    if agent.paused and agent.state != "paused":
        yield "paused: no further turn begins"


def _container(agent: Agent) -> Iterator[str]:
    if agent.container is not None:
        yield str(agent.container)
    if agent.wanted is not None:
        yield f"wanted: {agent.wanted}"


def _doing(agent: Agent) -> Iterator[str]:
    if agent.status:
        at = "" if agent.status_at is None else f" ({clock_time(agent.status_at)})"
        yield f"{agent.status}{at}"


def _mail(agent: Agent) -> Iterator[str]:
    yield f"{agent.unread} unread"
    if agent.questions:
        yield f"{count(agent.questions, 'question')} of its own open"


def _settings(agent: Agent) -> Iterator[str]:
    if agent.spawned:
        yield "spawned: no declaration has it"
    if agent.approval is not None:
        yield f"approved: hyperhive show {agent.approval}"
    elif not agent.spawned:
        yield "as declared"
    if agent.problem:
        yield f"left out: {agent.problem}"


def _conversation(agent: Agent) -> Iterator[str]:
    if agent.session is None:
        yield "none: the next turn begins one"
    else:
        yield f"session {agent.session}"
    if agent.context_tokens is not None and agent.context_window:
        percent = 100 * agent.context_tokens // agent.context_window
        yield f"context {percent} % ({agent.context_tokens} of {agent.context_window} tokens)"
    elif agent.context_tokens is not None:
        yield f"context {agent.context_tokens} tokens"
    if agent.compaction is not None:
        yield f"compaction is due: {agent.compaction} ({agent.compaction_reason})"


def _notes(agent: Agent) -> Iterator[str]:
    if agent.notes_bytes is None:
        yield "none"
    else:
        yield f"{agent.notes_bytes / 1024:.1f} KiB"
    if agent.notes_due is not None:
        yield f"to be made shorter: {agent.notes_due}"


def _last_turn(agent: Agent) -> Iterator[str]:
    if agent.turn is not None:
        yield f"turn {agent.turn} is running"
    elif agent.last_turn_at is not None:
        yield clock_time(agent.last_turn_at)
    else:
        yield "none"
    if agent.failures:
        yield f"{count(agent.failures, 'failure')} in a row"


def _harness(agent: Agent) -> Iterator[str]:
    yield agent.harness or "never connected"
    if agent.claude is not None:
        yield f"claude {agent.claude}"


def _network(agent: Agent) -> Iterator[str]:
    open_to_it = ": what listens on the host is open to it"
    yield f"{agent.network}{open_to_it if agent.network is Network.HOST else ''}"
