"""What an approval is and what it changes, in lines for a person."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Final

import click

from hyperhive.cli.diff_lines import diff_lines
from hyperhive.cli.output import COLUMNS, clock_time, one_line, printable
from hyperhive.operator.approval_models import ASKED, Approval, ApprovalDetail, Effect
from hyperhive.store.approval_states import ApprovalKind, ApprovalState

_LABEL: Final = 10

SHORT: Final = {
    ApprovalKind.APPLY_COMMIT: "settings",
    ApprovalKind.SPAWN: "new agent",
    ApprovalKind.ALLOW_RULE: "rule",
}
"""What is asked for, in a column."""

COLOURS: Final = {
    ApprovalState.PENDING: "yellow",
    ApprovalState.DEPLOYED: "green",
    ApprovalState.FAILED: "red",
    ApprovalState.DENIED: "red",
}
"""Of a state, where it has one."""


def title(approval: Approval) -> str:
    """`approval 7: new settings for alice`."""
    return f"approval {approval.id}: {ASKED[approval.kind].format(approval.agent)}"


def settled(approval: Approval) -> str:
    """What has become of it, in one line."""
    return one_line(f"{title(approval)}: {state_words(approval)}")


def all_of(detail: ApprovalDetail) -> Iterator[str]:
    """All that there is to decide by."""
    yield from head(detail)
    yield ""
    yield from in_effect(detail)
    yield from _differences(detail)
    yield from _log(detail)
    yield from _what_next(detail)


def head(detail: ApprovalDetail) -> Iterator[str]:
    """What is asked for, by whom and when, and how far it has come."""
    yield click.style(title(detail), bold=True)
    yield from _row("from", f"{detail.submitted_by}, {clock_time(detail.created_at)}")
    for number, line in enumerate(detail.description.splitlines()):
        yield from _row("" if number else "why", line)
    yield from _row("commit", detail.commit)
    if detail.supersedes is not None:
        yield from _row("replaces", f"approval {detail.supersedes}")
    first, *more = _row("state", state_words(detail))
    colour = COLOURS.get(detail.state)
    yield click.style(first, fg=colour)
    yield from (click.style(line, fg=colour) for line in more)
    if detail.error:
        yield from _row("error", detail.error)


def state_words(approval: Approval) -> str:
    """How far it has come, who decided, when and why."""
    by = f" by {approval.decided_by}" if approval.decided_by else ""
    at = f" {clock_time(approval.decided_at)}" if approval.decided_at else ""
    why = f": {approval.reason}" if approval.reason else ""
    end = clock_time(approval.finished_at) if approval.finished_at else ""
    match approval.state:
        case ApprovalState.PENDING:
            return "pending: it waits for your decision"
        case ApprovalState.BUILDING:
            began = f" since {clock_time(approval.began_at)}" if approval.began_at else ""
            return f"building{began}; approved{by}{at}"
        case ApprovalState.DEPLOYED | ApprovalState.FAILED:
            return f"{approval.state} {end}; approved{by}{at}"
        case ApprovalState.SUPERSEDED if approval.superseded_by is not None:
            return f"superseded{by}{at} by approval {approval.superseded_by}"
        case state:
            return f"{state}{by}{at}{why}"


def in_effect(detail: ApprovalDetail) -> Iterator[str]:
    """What it changes in effect, and what is to be known of that."""
    yield from _wrapped(f"What changes, compared with {detail.compared_with}:")
    for effect in detail.effects:
        yield from _effect(effect, detail.agent)
    if detail.problem:
        yield from _flagged(detail.problem, "red", bold=True)
    elif not detail.effects:
        yield "  nothing changes in effect"
    for warning in detail.warnings:
        yield from _flagged(warning, "yellow")
    if detail.extra_nix_diff:
        yield ""
        yield from _flagged(
            "extra.nix changes. NixOS takes it as it is: read it.", "red", bold=True
        )
        yield from diff_lines(detail.extra_nix_diff, "red")
    elif detail.extra_nix:
        yield from _flagged("extra.nix: as it was", "red")


def _differences(detail: ApprovalDetail) -> Iterator[str]:
    """Of the files, and of what is rendered from them."""
    for name, diff in (("Files:", detail.data_diff), ("Nix:", detail.nix_diff)):
        if diff:
            yield ""
            yield name
            yield from diff_lines(diff)


def _log(detail: ApprovalDetail) -> Iterator[str]:
    """The last lines of a deploy that failed."""
    if detail.log:
        yield ""
        yield "Log:"
        yield from (f"  {printable(line)}" for line in detail.log)


def _what_next(approval: Approval) -> Iterator[str]:
    """How to decide, where that is to be done."""
    if approval.state is ApprovalState.PENDING:
        yield ""
        yield f"approve it: hyperhive approve {approval.id}"
        yield f"deny it:    hyperhive deny {approval.id} --reason TEXT"


def _effect(effect: Effect, agent: str) -> Iterator[str]:
    yield from _wrapped(effect.words, "  ", "    ")
    for warning in effect.warnings:
        yield from _flagged(warning, "yellow", "    ")
    if effect.masked_by:
        until = f"holds until you take it back: hyperhive model {agent} --reset"
        yield from _flagged(f"{effect.masked_by}, {until}", "yellow", "    ")


def _flagged(
    text: str, colour: str, margin: str = "  ", *, bold: bool | None = None
) -> Iterator[str]:
    for line in _wrapped(f"⚠ {text}", margin, f"{margin}  "):
        yield click.style(line, fg=colour, bold=bold)


def _row(label: str, text: str) -> list[str]:
    return _wrapped(text, f"  {label:<{_LABEL}}", " " * (_LABEL + 2))


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return wrap(
        one_line(text),
        COLUMNS,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,  # options of commands begin with two
    )
