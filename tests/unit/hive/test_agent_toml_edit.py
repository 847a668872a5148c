"""Adds a rule to an agent.toml: it is allowed then, and nothing else is another."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.hive.proposal import InvalidProposal, parse_agent_toml, template, with_rule
from tests.unit.hive.proposals import RULES, overrides, toml_of

DECLARED = ["git status", "ls *"]


def settings(text: str) -> dict[str, object]:
    """All that an agent.toml names, with the rules in order."""
    found = parse_agent_toml(text).model_dump(exclude_unset=True)
    found.setdefault("bash", {}).get("allow", []).sort()
    return found


@given(overrides(), st.lists(RULES, max_size=3), RULES)
def test_the_rule_is_allowed_and_all_else_stays(
    override: object, effective: list[str], rule: str
) -> None:
    text = toml_of(override)  # type: ignore[arg-type]
    wanted = settings(text)
    bash = wanted["bash"]
    assert isinstance(bash, dict)
    before = bash.get("allow", effective)
    bash["allow"] = sorted(before if rule in before else [*before, rule])
    assert settings(with_rule(text, effective, rule)) == wanted


WRITTEN = [
    "",
    "# nothing is changed",
    'model = "opus"',
    'model = "opus"\n\n\n',
    '[environment]\nA = "x" # why\n',
    '[mcp.web]\ncommand = "web"\n\n[mcp.web.environment]\nA = "b"\n',
    'bash.deny = ["git push *"] # y\nmodel = "opus"\n[environment]\nA = "x"',
    'bash = { deny = ["git push *"] } # why',
    "bash = {}",
    "[bash] # c",
    "[bash]\n# none yet\n\n[environment]\n",
    '[bash]\r\nallow = [\r\n  "a",\r\n]\r\n',
    'bash.allow = [\n "a", # why\n "b" # x\n # end\n]\n# tail\n',
    'bash.allow = [\n "a", # why\n "b", # x\n # end\n]\n# tail\n',
    'bash = { allow = ["a"] } # x',
    '[bash]\nallow = [\n"a" # why\n, "b"]',
    "[bash]\nallow = []",
    "[bash]\nallow = [ # none\n]\n",
    "[bash]\nallow = [\n  # only this\n]\n",
    "[bash]\nallow = ['a',]\ndeny = []\n",
    '["bash"]\n"allow" = ["a"]\n',
    "\ufeff# marked\nmodel = 'opus'",
    template("alice"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.parametrize("rule", ["git diff *", "echo 'x\\y' \"é\" # 🐝"])
def test_whatever_the_way_it_is_written(text: str, rule: str) -> None:
    before = parse_agent_toml(text)
    found = parse_agent_toml(with_rule(text, DECLARED, rule))
    named = "allow" in before.bash.model_fields_set
    assert sorted(found.bash.allow) == sorted([*(before.bash.allow if named else DECLARED), rule])
    assert found.model_copy(update={"bash": before.bash}) == before
    assert found.bash.deny == before.bash.deny


@pytest.mark.parametrize("text", WRITTEN)
def test_comments_stay(text: str) -> None:
    changed = with_rule(text, DECLARED, "git diff *")
    for line in text.removeprefix("\ufeff").splitlines():
        comment = line.partition("#")[2]
        assert comment in changed


BETWEEN = st.lists(st.sampled_from([" ", "\n", "\r\n", "# a, ']\n", "\t"]), max_size=3).map("".join)


@given(
    st.lists(st.tuples(BETWEEN, st.sampled_from(["'a'", '"b # c"', '"]"']), BETWEEN), max_size=3),
    BETWEEN,
    st.booleans(),
)
def test_whatever_stands_between_the_rules(
    items: list[tuple[str, str, str]], end: str, comma: bool
) -> None:
    inside = ",".join("".join(item) for item in items) + ("," if comma and items else "") + end
    text = f"[bash] # rules\nallow = [{inside}]\n\n[environment]\nA = 'b' # kept\n"
    wanted = [*parse_agent_toml(text).bash.allow, "new *"]
    changed = with_rule(text, [], "new *")
    assert sorted(parse_agent_toml(changed).bash.allow) == sorted(wanted)
    assert changed.endswith("\n[environment]\nA = 'b' # kept\n")


def test_how_it_looks() -> None:
    assert with_rule("# mine\n", ["ls"], "git diff *") == (
        '# mine\n\n[bash]\nallow = [\n    "ls",\n    "git diff *",\n]\n'
    )
    listed = '[bash]\nallow = [\n    "a", # one\n    "b", # two\n]\n'
    assert with_rule(listed, [], "c") == (
        '[bash]\nallow = [\n    "a", # one\n    "b", # two\n    "c",\n]\n'
    )


def test_a_rule_that_is_there_is_not_added_again() -> None:
    text = "bash.allow = ['ls' ,'git diff *']"
    assert with_rule(text, ["ls"], "git diff *") == text
    assert parse_agent_toml(with_rule("", ["ls"], "ls")).bash.allow == ["ls"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("Bash(ls)", "written as a full rule"),
        ("ls\nrm", "control character U+000A"),
        ("Read", "the name of a tool"),
        ("", "the rule"),
        ("x" * 1001, "characters long"),
        ("\ud800", "half a character"),
    ],
)
def test_what_is_no_rule_is_refused(rule: str, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        with_rule("", [], rule)
    assert caught.value.what.isprintable()


def test_a_file_that_cannot_be_read_is_not_changed() -> None:
    with pytest.raises(InvalidProposal, match="network: belongs to the operator"):
        with_rule('network = "host"', [], "ls")
