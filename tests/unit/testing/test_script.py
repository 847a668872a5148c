"""Scripts: which rule is taken, and what is refused."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.testing.scripted_claude import script
from hyperhive.testing.scripted_claude.script import Asked, Scene
from hyperhive.testing.scripted_claude.steps import Say, ScriptError
from hyperhive.testing.scripted_claude.wake import Wake

WAKE = Wake(id=7, sender="bob", body="count the lines of a.py", attempt=2)
MESSAGE = Asked("alice", "You have a message…", WAKE, ("opus", "claude-opus-5-5"))
NOTES = Asked("alice", "Make these notes shorter.\nThe key is under the mat.")


def load(directory: Path, rules: Any) -> list[script.Rule]:
    path = directory / "script.json"
    path.write_text(json.dumps(rules))
    return script.load(path)


def chosen(
    rules: Sequence[script.Rule], asked: Asked, taken: Mapping[str, int] | None = None
) -> Scene:
    scene = script.choose(rules, asked, taken or {})
    assert scene is not None
    return scene


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
        ({"prompt": "message…", "from": "bob"}, True),
        ({"prompt": "/compact"}, False),
        ({"prompt": ""}, True),
        ({"model": "opus"}, True),
        ({"model": "claude-opus-5-5"}, True),
        ({"model": "haiku"}, False),
        ({"compacted": False}, True),
        ({"compacted": True}, False),
    ],
)
def test_conditions(tmp_path: Path, when: dict[str, Any], taken: bool) -> None:
    rules = load(tmp_path, [{"when": when, "do": [{"say": "first"}]}, {"do": [{"say": "second"}]}])
    assert chosen(rules, MESSAGE).steps == [Say("first" if taken else "second")]


@pytest.mark.parametrize(
    ("when", "taken"),
    [
        ({}, False),
        ({"contains": "notes"}, False),
        ({"prompt": "notes"}, True),
        ({"prompt": "notes", "contains": "mat"}, True),
        ({"prompt": "notes", "contains": "door"}, False),
        ({"prompt": "", "from": "bob"}, False),
        ({"prompt": "", "attempt": 1}, False),
    ],
)
def test_prompts_that_are_no_message(tmp_path: Path, when: dict[str, Any], taken: bool) -> None:
    rules = load(tmp_path, [{"when": when, "do": [{"say": "x"}]}])
    assert (script.choose(rules, NOTES, {}) is not None) is taken


def test_named_groups_become_placeholders(tmp_path: Path) -> None:
    rules = load(tmp_path, [{"when": {"matches": r"of (?P<file>\S+)"}, "do": [{"say": "{file}"}]}])
    assert chosen(rules, MESSAGE).values["file"] == "a.py"


def test_placeholders_of_a_prompt(tmp_path: Path) -> None:
    when = {"prompt": "notes", "matches": r"key is (?P<place>.*)\."}
    scene = chosen(load(tmp_path, [{"when": when, "do": []}]), NOTES)
    assert scene.values == {
        "agent": "alice",
        "proposed": "",
        "prompt": NOTES.prompt,
        "place": "under the mat",
    }


def test_no_rule_for_a_message(tmp_path: Path) -> None:
    scene = chosen(load(tmp_path, []), MESSAGE)
    assert scene.steps == [Say("The script has no rule for this message.")]


def test_a_rule_is_taken_as_often_as_it_says(tmp_path: Path) -> None:
    rules = load(tmp_path, [{"times": 2, "do": [{"say": "a"}]}, {"do": [{"say": "b"}]}])
    mark = rules[0].mark
    assert chosen(rules, MESSAGE, {}).mark == chosen(rules, MESSAGE, {mark: 1}).mark == mark
    after = chosen(rules, MESSAGE, {mark: 2})
    assert (after.steps, after.mark) == ([Say("b")], "")


def test_a_rule_keeps_its_mark(tmp_path: Path) -> None:
    first, second = ({"times": 1, "do": [{"say": text}]} for text in "ab")
    [rule] = load(tmp_path, [first])
    assert [r.mark for r in load(tmp_path, [second, first])][1] == rule.mark
    assert len({r.mark for r in load(tmp_path, [second, first])}) == 2


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ({}, "not a list of rules"),
        ([{"do": [{"shout": "x"}]}], "rule 0: not a step"),
        ([{"do": [{"say": "x", "loud": True}]}], "rule 0: not a step"),
        ([{"do": []}, {"when": {"to": "x"}, "do": []}], "rule 1: unknown: to"),
        ([{"when": {"matches": "("}, "do": []}], "rule 0: "),
        ([{"when": {"contains": 5}, "do": []}], "rule 0: contains: 5 is not a str"),
        ([{"times": "x", "do": []}], 'rule 0: times: "x" is not a int'),
        ([{"do": [{"context": "x"}]}], "rule 0: not a step"),
        ([{"do": [{"window": 0}]}], "rule 0: not a step"),
        ([{"do": [{"compact": {"tokens": 1, "error": "x"}}]}], "rule 0: not a compaction"),
        ([{"do": [{"api_error": 418}]}], "rule 0: no API error 418"),
        ([{"do": [{"api_error": 529, "resets_in": 1}]}], "rule 0: not with the API error 529"),
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


NAMES = ("when", "times", "do", "say", "recv", "compact", "tokens", "context", "api_error")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(NAMES), inner),
)


@given(data=json_values)
def test_no_json_gives_another_error(data: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "script.json"
    path.write_text(json.dumps([data]))
    with suppress(ScriptError):
        script.load(path)
