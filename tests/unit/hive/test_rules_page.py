"""The page for operators says what the code does."""

import re

import pytest

from hyperhive.hive.rules import RuleError, bash_matches, explain_rule, parse_rule, rule_warnings
from tests.tools import ROOT

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")


def table(*heading: str) -> list[list[str]]:
    """The rows of the page's table with this heading."""
    lines = PAGE.splitlines()
    start = lines.index(f"| {' | '.join(heading)} |")
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line.strip("|"))
        rows.append([cell.strip().replace("\\|", "|") for cell in cells])
    assert rows
    return rows


def code(cell: str) -> str:
    assert cell.startswith("`")
    assert cell.endswith("`")
    return cell[1:-1]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


@pytest.mark.parametrize("row", table("rule", "what it matches"), ids=lambda row: row[0])
def test_explanations(row: list[str]) -> None:
    assert explain_rule(parse_rule(code(row[0]))) == row[1]


@pytest.mark.parametrize("row", table("rule", "matches", "does not match"), ids=lambda row: row[0])
def test_matches(row: list[str]) -> None:
    specifier = code(row[0])

    assert [text for text in codes(row[1]) if not bash_matches(specifier, text)] == []
    assert [text for text in codes(row[2]) if bash_matches(specifier, text)] == []


@pytest.mark.parametrize(
    "row", table("written", "what is wrong", "what to do"), ids=lambda row: row[0]
)
def test_refusals(row: list[str]) -> None:
    with pytest.raises(RuleError) as error:
        parse_rule(code(row[0]))

    assert [error.value.message, error.value.todo] == row[1:]


@pytest.mark.parametrize("row", table("allowed", "warning", "instead"), ids=lambda row: row[0])
def test_warnings_about_what_is_allowed(row: list[str]) -> None:
    first = rule_warnings(parse_rule(code(row[0])), allow=True)[0]

    assert [first.message, first.instead] == row[1:]


@pytest.mark.parametrize("row", table("denied", "warning", "instead"), ids=lambda row: row[0])
def test_warnings_about_what_is_denied(row: list[str]) -> None:
    first = rule_warnings(parse_rule(code(row[0])), allow=False)[0]

    assert [first.message, first.instead] == row[1:]


def test_rules_said_to_give_no_warning() -> None:
    sentence = re.search(r"^(`Bash\(git status\)`.*?) give none\.", PAGE, re.DOTALL | re.MULTILINE)
    assert sentence is not None
    for text in codes(sentence[1]):
        assert rule_warnings(parse_rule(text), allow=True) == [], text


def test_the_rules_in_the_example_are_rules() -> None:
    for name, texts in re.findall(r"^    (bash|tools)\.\w+ += (\[.*?\])", PAGE, re.MULTILINE):
        for text in re.findall(r'"([^"]*)"', texts):
            parse_rule(f"Bash({text})" if name == "bash" else text)
