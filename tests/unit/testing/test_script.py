"""Scripts: which rule is taken, what placeholders become, what is refused."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.testing.scripted_claude import script
from hyperhive.testing.scripted_claude.script import Say, ScriptError, Tool
from hyperhive.testing.scripted_claude.wake import Wake

WAKE = Wake(id=7, sender="bob", body="count the lines of a.py", attempt=2)


def load(directory: Path, rules: Any) -> list[script.Rule]:
    path = directory / "script.json"
    path.write_text(json.dumps(rules))
    return script.load(path)


@pytest.mark.parametrize(
    ("when", "taken"),
    [
        ({}, True),
        ({"agent": "alice"}, True),
        ({"agent": "bob"}, False),
        ({"from": "bob", "contains": "lines"}, True),
        ({"from": "carol", "contains": "lines"}, False),
        ({"contains": "words"}, False),
        ({"matches": r"count .* of (?P<file>\S+)"}, True),
        ({"matches": r"^lines"}, False),
        ({"attempt": 2}, True),
        ({"attempt": 1}, False),
    ],
)
def test_conditions(tmp_path: Path, when: dict[str, Any], taken: bool) -> None:
    rules = load(tmp_path, [{"when": when, "do": [{"say": "first"}]}, {"do": [{"say": "second"}]}])
    scene = script.choose(rules, "alice", WAKE)
    assert scene.steps == [Say("first" if taken else "second")]


def test_named_groups_become_placeholders(tmp_path: Path) -> None:
    rules = load(tmp_path, [{"when": {"matches": r"of (?P<file>\S+)"}, "do": [{"say": "{file}"}]}])
    assert script.choose(rules, "alice", WAKE).values["file"] == "a.py"


def test_no_rule(tmp_path: Path) -> None:
    scene = script.choose(load(tmp_path, []), "alice", WAKE)
    assert scene.steps == [Say("The script has no rule for this message.")]


def test_placeholders_are_filled_in_once() -> None:
    values = {"from": "bob", "id": "7", "body": "{agent}", "agent": "alice"}
    template = {"to": "{from}", "in_reply_to": "{id}", "body": "{id}: {body} {other}", "n": [1]}
    assert script.fill(template, values) == {
        "to": "bob",
        "in_reply_to": 7,
        "body": "7: {agent} {other}",
        "n": [1],
    }


def test_commands_take_placeholders_as_words() -> None:
    values = {"body": "x; rm -rf ~"}
    assert script.fill_command("grep {body} ${HOME}", values) == "grep 'x; rm -rf ~' ${HOME}"


def test_bash_is_a_tool(tmp_path: Path) -> None:
    [rule] = load(tmp_path, [{"do": [{"bash": "uname"}]}])
    assert rule.steps == [Tool("Bash", {"command": "uname"})]


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ({}, "not a list of rules"),
        ([{"do": [{"shout": "x"}]}], "rule 0: not a step"),
        ([{"do": [{"say": "x", "loud": True}]}], "rule 0: not a step"),
        ([{"do": []}, {"when": {"to": "x"}, "do": []}], "rule 1: unknown: to"),
        ([{"when": {"matches": "("}, "do": []}], "rule 0: "),
        ([{}], "rule 0: not an object"),
    ],
)
def test_bad_scripts(tmp_path: Path, rules: Any, place: str) -> None:
    with pytest.raises(ScriptError) as raised:
        load(tmp_path, rules)
    assert place in str(raised.value)


def test_missing_script(tmp_path: Path) -> None:
    with pytest.raises(ScriptError) as raised:
        script.load(tmp_path / "none.json")
    assert "none.json" in str(raised.value)


def test_the_built_in_script_can_be_read() -> None:
    assert script.load(script.BUILT_IN)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.sampled_from(["when", "do", "say", "recv"]), inner)
    ),
)


@given(data=json_values)
def test_no_json_gives_another_error(data: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "script.json"
    path.write_text(json.dumps([data]))
    with suppress(ScriptError):
        script.load(path)
