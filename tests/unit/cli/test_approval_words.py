"""What a person reads before they decide."""

import click
import pytest

from hyperhive.cli.approval_words import all_of, settled, state_words
from hyperhive.cli.output import clock_time, display_width
from hyperhive.operator.unified_diff import files_diff
from tests.unit.cli.asked import AT, HOSTILE, SHA, detail, effect, tame

LONG = "a word and another one " * 20


def shown(**other: object) -> list[str]:
    """What is printed, without colours."""
    return [click.unstyle(line) for line in all_of(detail(**other))]


def test_all_that_there_is_to_decide_by() -> None:
    lines = shown(
        description="She thinks too little.\nAnd jq.",
        supersedes=5,
        effects=[
            effect("model: haiku (declared) → opus (approved)", masked_by="the model sonnet"),
            effect("Bash + `git push *` ⚠", "`git push *` reaches the world"),
        ],
        warnings=["it costs"],
        data_diff=files_diff({}, {"agent.toml": "x\n"}),
        nix_diff=files_diff({"agent.nix": "a\n"}, {"agent.nix": "b\n"}),
    )
    assert lines == [
        "approval 7: new settings for alice",
        f"  from      boss, {clock_time(AT)}",
        "  why       She thinks too little.",
        "            And jq.",
        f"  commit    {SHA}",
        "  replaces  approval 5",
        "  state     pending: it waits for your decision",
        "",
        "What changes, compared with what is deployed, alice as declared:",
        "  model: haiku (declared) → opus (approved)",
        "    ⚠ the model sonnet, holds until you take it back: hyperhive model alice",
        "      --reset",
        "  Bash + `git push *` ⚠",
        "    ⚠ `git push *` reaches the world",
        "  ⚠ it costs",
        "",
        "Files:",
        "--- /dev/null",
        "+++ b/agent.toml",
        "@@ -0,0 +1 @@",
        "+x",
        "",
        "Nix:",
        "--- a/agent.nix",
        "+++ b/agent.nix",
        "@@ -1 +1 @@",
        "-a",
        "+b",
        "",
        "approve it: hyperhive approve 7",
        "deny it:    hyperhive deny 7 --reason TEXT",
    ]


def test_free_form_nix_is_red_and_flagged() -> None:
    diff = files_diff({}, {"extra.nix": "{ }\n"})
    lines = list(all_of(detail(extra_nix=True, extra_nix_diff=diff)))
    at = next(number for number, line in enumerate(lines) if "extra.nix changes" in line)
    assert click.unstyle(lines[at]).startswith("  ⚠ extra.nix changes")
    red = click.style("", fg="red", reset=False)[:-1]
    assert all(line.startswith(red) for line in lines[at : at + 5])
    assert click.unstyle(lines[at + 4]) == "+{ }"
    assert "  ⚠ extra.nix: as it was" in shown(extra_nix=True)
    assert not any("extra.nix" in line for line in shown())


def test_that_nothing_changes_or_that_it_cannot_be_is_said() -> None:
    assert "  nothing changes in effect" in shown()
    lines = shown(problem="the hive has no agent alice now; nothing can be compared")
    assert "  ⚠ the hive has no agent alice now; nothing can be compared" in lines
    assert "  nothing changes in effect" not in lines


def test_of_one_that_failed_the_log_is_shown() -> None:
    lines = shown(
        state="failed", decided_at=AT, decided_by="operator", finished_at=AT, error="no jq",
        log=["building", "error: no jq"],
    )  # fmt: skip
    at = clock_time(AT)
    assert f"  state     failed {at}; approved by operator {at}" in lines
    assert "  error     no jq" in lines
    assert lines[-3:] == ["Log:", "  building", "  error: no jq"]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("approved", "approved by operator {}"),
        ("building", "building since {}; approved by operator {}"),
        ("deployed", "deployed {}; approved by operator {}"),
        ("denied", "denied by operator {}: too dear"),
        ("cancelled", "cancelled by operator {}: too dear"),
        ("superseded", "superseded by operator {} by approval 9"),
    ],
)
def test_how_far_it_has_come(state: str, words: str) -> None:
    at = clock_time(AT)
    one = detail(
        state=state, decided_at=AT, decided_by="operator", began_at=AT, finished_at=AT,
        reason="" if state in ("approved", "building", "deployed") else "too dear",
        superseded_by=9 if state == "superseded" else None,
    )  # fmt: skip
    assert state_words(one) == words.format(at, at)
    assert settled(one) == f"approval 7: new settings for alice: {words.format(at, at)}"
    assert not any("approve it" in line for line in all_of(one)), "it is decided"


def test_what_an_agent_wrote_does_not_act_on_a_terminal() -> None:
    for line in all_of(
        detail(
            description=f"{HOSTILE}\n{HOSTILE}",
            error=HOSTILE,
            problem=HOSTILE,
            effects=[effect(HOSTILE, HOSTILE, masked_by=HOSTILE)],
            warnings=[HOSTILE],
            data_diff=files_diff({}, {"agent.toml": HOSTILE}),
            nix_diff=files_diff({}, {"agent.nix": HOSTILE}),
            extra_nix_diff=files_diff({}, {"extra.nix": HOSTILE}),
            state="failed",
            log=[HOSTILE],
            reason=HOSTILE,
        )
    ):
        assert tame(click.unstyle(line)), line
        assert "\x1b" not in click.unstyle(line)


def test_words_fit_into_eighty_columns() -> None:
    for line in shown(
        description=LONG, problem=LONG, effects=[effect(LONG, LONG)], warnings=[LONG],
        compared_with=LONG,
    ):  # fmt: skip
        assert display_width(line) <= 80
