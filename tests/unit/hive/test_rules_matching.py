"""Which commands a rule for Bash matches.

The tables are what the real CLI, 2.1.330, let through under the one rule, of commands that it
denies without a rule.
"""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.rule_glob import bash_covers
from hyperhive.hive.rules import bash_matches

GIT_COMMANDS = [
    ("git commit --allow-empty -m x", True),
    ("git commit --allow-empty -m 'a\nb'", True),
    ("git push origin master", True),
    ("git branch newb", True),
    ("git config user.name zz", True),
    ("git", True),
    ("git -c core.pager=id log", True),
    ("git -c alias.x='!touch aliased' x", True),
    ("git -C /tmp status", True),
    ("git --exec-path=. status", True),
    ("git log --output=outp.txt", True),
    ("git grep -O'touch pwn' hello", True),
    ("git rebase --exec 'touch pwn2' HEAD", True),
    ("git bisect run touch pwn3", True),
    ("gitfoo", False),
    ("git-foo bar", False),
    ("gi status", False),
    ("/usr/bin/git status", False),
    ("./git status", False),
    ("FOO=1 git status", False),
    ("env git commit --allow-empty -m e", False),
    ("sudo git status", False),
    ("bash -c 'git status'", False),
    ("eval git status", False),
    ("nix build .#x", False),
]


@pytest.mark.parametrize("specifier", ["git:*", "git *"])
@pytest.mark.parametrize(("command", "matches"), GIT_COMMANDS)
def test_a_program_with_any_arguments(specifier: str, command: str, matches: bool) -> None:
    assert bash_matches(specifier, command) is matches


@pytest.mark.parametrize(
    ("command", "as_expression", "as_prefix"),
    [
        ("nix build .#x", True, True),
        ("nix build .", True, True),
        ("nix build  .#x", True, True),
        ("nix build .#x --impure", True, True),
        ("nix build ./sub#y", True, True),
        ("nix build", False, True),
        ("nix build nixpkgs#hello", False, True),
        ("nix build /tmp/foo", False, True),
        ("nix run .#x", False, False),
        ("nix flake check", False, False),
    ],
)
def test_what_looks_like_an_expression(command: str, as_expression: bool, as_prefix: bool) -> None:
    assert bash_matches("nix build .*", command) is as_expression
    assert bash_matches("nix build:*", command) is as_prefix


FROB = [
    "frob",
    "frob a",
    "frob ab",
    "frob a b",
    "frob  a",
    "frob a\tb",
    "FROB a",
    "frobx a",
    "frob a 'x\ny'",
    "frob x main",
    "frob main",
    "frob x main y",
    "frob *",
    "frob test",
    "frob test:unit",
    "frob test unit",
    "frob 'a'",
    "frob 'a b'",
    "zap --version",
]
ALL = set(FROB)
OF_FROB = ALL - {"FROB a", "frobx a", "zap --version"}


@pytest.mark.parametrize(
    ("specifier", "matched"),
    [
        ("frob", {"frob"}),
        ("frob a", {"frob a"}),
        ("frob  a", {"frob  a"}),
        ("FROB a", {"FROB a"}),
        ("frob 'a'", {"frob 'a'"}),
        ("frob a *", {"frob a", "frob a b", "frob  a", "frob a\tb", "frob a 'x\ny'"}),
        ("frob a:*", {"frob a", "frob a b", "frob  a", "frob a\tb", "frob a 'x\ny'"}),
        ("frob a*", {"frob a", "frob ab", "frob a b", "frob  a", "frob a\tb", "frob a 'x\ny'"}),
        ("frob  a *", {"frob a", "frob a b", "frob  a", "frob a\tb", "frob a 'x\ny'"}),
        ("frob *", OF_FROB),
        ("frob:*", OF_FROB),
        ("frob test:*", {"frob test", "frob test unit"}),
        ("frob * main", {"frob x main"}),
        ("frob * main *", {"frob x main y"}),
        ("frob * main:*", set()),
        ("frob *:*", {"frob *"}),
        ("frob *a", {"frob a", "frob  a"}),
        ("frob 'a *'", {"frob 'a b'"}),
        ("* --version", {"zap --version"}),
        ("* a", {"frob a", "frob  a", "FROB a", "frobx a"}),
        ("*", ALL),
        ("**", ALL),
        ("* *", ALL - {"frob"}),
        ("frob \\*", set()),
        ("frob ?", set()),
        ("frob [ab]", set()),
        ("frob .+", set()),
        ("^frob a$", set()),
        ("/frob a/", set()),
        (":*", set()),
    ],
)
def test_where_the_wildcard_stands(specifier: str, matched: set[str]) -> None:
    assert {command for command in FROB if bash_matches(specifier, command)} == matched


@pytest.mark.parametrize(
    ("specifier", "command", "matches"),
    [
        ("frob \\*", "frob \\*", True),
        ("frob \\* *", "frob * x", True),
        ("frob \\* *", "frob y x", False),
        ("frob a\\*b", "frob a*b", False),
        ("frob a\\*b *", "frob a*b c", True),
        ("frob 'a b' *", "frob 'a  b' c", True),
        ("frob a", "  frob a ", True),
        ("frob .*b.*b", "frob .b.b", True),
        ("a*a", "a", False),
    ],
)
def test_stars_that_are_escaped_and_blanks(specifier: str, command: str, matches: bool) -> None:
    assert bash_matches(specifier, command) is matches


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_two_texts_match_or_not(specifier: str, command: str) -> None:
    assert bash_matches(specifier, command) in {True, False}


WORDS = st.lists(st.text("abc-./", min_size=1, max_size=4), min_size=1, max_size=5).map(" ".join)


@given(WORDS, WORDS)
def test_a_prefix_matches_itself_and_more_arguments_only(prefix: str, more: str) -> None:
    for specifier in (f"{prefix} *", f"{prefix}:*"):
        assert bash_matches(specifier, prefix)
        assert bash_matches(specifier, f"{prefix} {more}")
        assert not bash_matches(specifier, f"{prefix}{more}".replace(" ", ""))


@given(st.lists(WORDS, min_size=2, max_size=4), WORDS)
def test_every_star_stands_for_any_text(parts: list[str], text: str) -> None:
    assert bash_matches("*".join(parts), text.join(parts))


def test_many_stars_cost_no_more_than_a_pass_over_the_command() -> None:
    began = time.perf_counter()

    assert not bash_matches("*a" * 200 + "*b", "a" * 100_000)

    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("specifier", "other", "covers"),
    [
        ("curl *", "curl https://example.org", True),
        ("curl *", "curl https://example.org/*", True),
        ("curl *", "curl *", True),
        ("curl *", "curl:*", True),
        ("curl:*", "curl *", True),
        ("curl*", "curl -s *", True),
        ("*", "curl *", True),
        ("curl", "curl", True),
        ("curl https://example.org", "curl *", False),
        ("curl -s *", "curl *", False),
        ("* *", "curl *", False),
        ("curl *", "curl*", False),
        ("git push *", "git *", False),
        ("git \\* *", "git *", False),
        ("curl *", "wget https://example.org", False),
    ],
)
def test_a_rule_that_matches_all_that_another_matches(
    specifier: str, other: str, covers: bool
) -> None:
    assert bash_covers(specifier, other) is covers


@given(st.text("ab *", min_size=1), st.text("ab *", min_size=1), st.text("ab "))
def test_what_is_covered_is_matched(specifier: str, other: str, text: str) -> None:
    command = other.replace("*", text)
    if bash_covers(specifier, other) and bash_matches(other, command):
        assert bash_matches(specifier, command)
