"""Diffs on a terminal: coloured by what they are, whatever they say they are."""

import click
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.cli.diff_lines import diff_lines
from hyperhive.operator.unified_diff import files_diff
from tests.unit.cli.asked import HOSTILE, tame

TEXTS = st.lists(st.sampled_from(["-- a/x", "++ b/x", "@@ -1 +1 @@", "", " ", "\\ No", "x"])).map(
    "\n".join
)


def kinds(diff: str) -> str:
    """What each line is shown as: a head of a file, a hunk, removed, added, the same."""
    bold = click.style("", bold=True, reset=False)
    signs = {click.style("", fg=colour, reset=False): sign for colour, sign in COLOURS.items()}
    return "".join(
        "h" if bold in line else next((sign for code, sign in signs.items() if code in line), " ")
        for line in diff_lines(diff)
    )


COLOURS = {"red": "-", "green": "+", "cyan": "@"}


def test_lines_are_coloured_by_what_they_are() -> None:
    diff = files_diff({"agent.toml": "a\nb\n", "x": "1"}, {"agent.toml": "a\nc\n", "x": "2"})
    assert kinds(diff) == "hh@ -+hh@- + "
    assert [click.unstyle(line) for line in diff_lines(diff)] == diff.splitlines()


def test_a_text_cannot_pass_for_the_head_of_a_file() -> None:
    before = "-- a/agent.toml\n" + "same\n" * 9 + "x\n"
    after = "++ b/agent.toml\n@@ -1 +1 @@\n" + "same\n" * 9 + "y\n"
    shown = kinds(files_diff({"extra.nix": before}, {"extra.nix": after}))
    assert shown == "hh@-++   @   -+"


@given(TEXTS, TEXTS)
def test_of_each_file_two_lines_are_its_head(before: str, after: str) -> None:
    diff = files_diff({"a": before, "b": "x"}, {"a": after, "b": "y"})
    assert kinds(diff).count("h") == (2 if before == after else 4)
    for line in diff.split("\n"):
        if line.startswith("@@") and kinds(diff)[diff.split("\n").index(line)] == "h":
            raise AssertionError(line)


def test_nothing_acts_on_a_terminal() -> None:
    lines = list(diff_lines(files_diff({}, {"agent.toml": f"{HOSTILE}\n{HOSTILE}"})))
    assert all(tame(line) for line in lines)
    plain = click.unstyle(lines[3])
    assert plain.startswith("+\N{REPLACEMENT CHARACTER}]0;owned\N{REPLACEMENT CHARACTER}")


def test_one_colour_holds_for_all_lines() -> None:
    for line in diff_lines(files_diff({"extra.nix": "a"}, {"extra.nix": "b"}), "red"):
        assert click.style("", fg="red", reset=False)[:-1] in line


def test_where_nothing_differs_there_is_no_line() -> None:
    assert list(diff_lines("")) == []
