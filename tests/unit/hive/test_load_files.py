"""Files that are no hive at all, and whatever else may be found in one."""

import io
import json
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.load import check_hive, load_hive, parse_hive
from hyperhive.hive.problems import InvalidHive, Problem
from hyperhive.hive.syntax import LARGEST, decode

GOOD = {"hive": {"name": "lab"}, "agents": {"alice": {}}}


def refused(path: Path) -> Problem:
    """The one problem of a file."""
    with pytest.raises(InvalidHive) as caught:
        load_hive(path)
    assert len(caught.value.problems) == 1, caught.value.problems
    return caught.value.problems[0]


def written(tmp_path: Path, content: str | bytes, name: str = "hive.toml") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "place", "message"),
    [
        ("hive.toml", "[hive]\nname = lab", "line 2, column 8", "not TOML: invalid value"),
        ("hive.toml", "[hive", "end of document", "not TOML: expected ']'"),
        ("hive.toml", "a = 1\na = 2\n", "line 2, column 6", "not TOML: cannot overwrite a value"),
        ("hive.toml", f"a = {'1' * 5000}", "", "not TOML: exceeds the limit"),
        ("hive.toml", b"a = 1\nb = '\xff'", "", "line 2 is not UTF-8"),
        ("hive.toml", "a = 1".encode("utf-16"), "", "line 1 is not UTF-8"),
        ("hive.toml", f"a = {'[' * 5000}", "", "nested more than"),
        ("hive.json", "", "line 1, column 1", "not JSON: expecting value"),
        ("hive.json", '{\n"a": }', "line 2, column 6", "not JSON: expecting value"),
        ("hive.json", '{"a": NaN}', "", "not JSON: the number NaN"),
        ("hive.json", '{"a": -Infinity}', "", "not JSON: the number -Infinity"),
        ("hive.json", f'{{"a": {"1" * 5000}}}', "", "not JSON: exceeds the limit"),
        ("hive.json", '{"a":' * 5000, "", "nested more than"),
        ("hive.json", '{"a":' * 100 + "1" + "}" * 100, "", "nested more than"),
        ("hive.json", "[]", "", "not a table"),
    ],
)
def test_syntax(tmp_path: Path, name: str, content: str | bytes, place: str, message: str) -> None:
    found = refused(written(tmp_path, content, name))
    assert found.place == place
    assert message in found.message
    assert found.todo
    assert "\n" not in found.what + found.todo


def test_json_in_a_toml_file_says_so(tmp_path: Path) -> None:
    assert ".json" in refused(written(tmp_path, json.dumps(GOOD))).todo


def test_keys_that_come_twice_in_json(tmp_path: Path) -> None:
    text = (
        '{"hive": {"name": "lab", "name": "x"}, "agents": {"a": {}, "a": {}}, "agents": {"b": {}}}'
    )
    with pytest.raises(InvalidHive) as caught:
        load_hive(written(tmp_path, text, "hive.json"))
    # What stands in the first "agents" is lost, and that it is lost is what is reported.
    assert [found.place for found in caught.value.problems] == ["agents", "hive.name"]
    assert {found.message for found in caught.value.problems} == {"declared twice"}


def test_half_a_character_in_json(tmp_path: Path) -> None:
    text = '{"hive": {"name": "lab"}, "agents": {"a": {"description": "\\ud83d"}}}'
    found = refused(written(tmp_path, text, "hive.json"))
    assert (found.place, found.message) == (
        "agents.a.description",
        "holds half a character, U+D83D",
    )
    assert found.what.isascii()


def test_a_missing_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.toml").message == "no such file"


def test_a_directory(tmp_path: Path) -> None:
    assert refused(tmp_path).message == "a directory"


def test_an_impossible_path() -> None:
    assert "cannot be read" in refused(Path("a\0b")).message


def test_a_file_that_cannot_be_read() -> None:
    # Nothing is mapped at address 0, where the reading begins; this holds for root too.
    assert "cannot be read: input/output error" in refused(Path("/proc/self/mem")).message


def test_a_huge_file(tmp_path: Path) -> None:
    path = tmp_path / "hive.toml"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    assert "larger than 16 MiB" in refused(path).message


def test_an_endless_file() -> None:
    assert "larger than 16 MiB" in refused(Path("/dev/zero")).message


@pytest.mark.parametrize(
    "text",
    [json.dumps(GOOD), f"\n  {json.dumps(GOOD)}", '[hive]\nname = "lab"\n[agents.alice]'],
)
def test_standard_input(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    checked = check_hive(Path("-"))
    assert checked.source == "standard input"
    assert list(checked.hive.agents) == ["alice"]


def test_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = written(tmp_path, b'\xef\xbb\xbf[hive]\r\nname = "lab"\r\n[agents.alice]\r\n')
    assert load_hive(path).hive.name == "lab"


def test_both_notations_mean_the_same(tmp_path: Path) -> None:
    toml = '[hive]\nname = "lab"\n[agents.alice]\nbash.allow = ["git status"]'
    in_json = {"hive": {"name": "lab"}, "agents": {"alice": {"bash": {"allow": ["git status"]}}}}
    one = load_hive(written(tmp_path, toml))
    other = load_hive(written(tmp_path, json.dumps(in_json), "hive.json"))
    assert one == other


def test_a_hive_survives_being_written_as_json(tmp_path: Path) -> None:
    hive = load_hive(written(tmp_path, '[hive]\nname = "lab"\n[agents.alice]\nrole = "manager"'))
    again = load_hive(written(tmp_path, hive.model_dump_json(), "hive.json"))
    assert again == hive


def assert_only_invalid_hive(load: Callable[[], object]) -> None:
    """Loading ends well or in InvalidHive, whose every text is one line."""
    found: Sequence[Problem] = ()
    try:
        load()
    except InvalidHive as error:
        found = error.problems
    for each in found:
        assert each.message
        assert each.what.isprintable()
        assert each.todo.isprintable()


# What hives are made of, so that random data gets beyond the first unknown field.
words = st.sampled_from(
    [
        "hive",
        "agents",
        "name",
        "lab",
        "alice",
        "bob",
        "manager",
        "role",
        "bash",
        "tools",
        "allow",
        "deny",
        "git *",
        "Edit(./**)",
        "Bash(x)",
        "recipients",
        "operator",
        "uid_base",
        "limits",
        "memory",
        "4G",
        "mcp",
        "environment",
        "API_KEY",
        "credentials",
        "/run/x",
        "binds",
        "source",
        "target",
    ]
)
texts = words | st.text(max_size=8) | st.text(st.characters(), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.dates()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
agents = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["agent", "manager"]) | scalars,
        "description": texts,
        "icon": texts,
        "model": texts,
        "bash": st.fixed_dictionaries({}, optional={"allow": st.lists(texts, max_size=3)}) | values,
        "tools": st.fixed_dictionaries({}, optional={"deny": st.lists(texts, max_size=3)}) | values,
        "packages": st.lists(texts, max_size=3) | values,
        "mcp": st.dictionaries(texts, values, max_size=2) | values,
        "environment": st.dictionaries(texts, texts, max_size=3) | values,
        "credentials": st.dictionaries(texts, texts, max_size=3) | values,
        "recipients": st.lists(texts, max_size=3) | values,
        "limits": values,
        "binds": st.lists(
            st.fixed_dictionaries({"source": texts, "target": texts}) | values, max_size=2
        ),
        "uid_base": st.sampled_from([524288, 589824, 1]) | st.integers(),
        "system_prompt": texts,
    },
)


@given(values)
def test_random_data(data: Any) -> None:
    assert_only_invalid_hive(lambda: parse_hive(data, "x"))


@given(st.dictionaries(texts, agents | values, max_size=4))
def test_random_agents(declared: dict[str, Any]) -> None:
    data = {"hive": {"name": "lab"}, "agents": declared}
    assert_only_invalid_hive(lambda: parse_hive(data, "x"))


@given(st.text() | words.map(lambda word: f"[{word}]\n{word} = '{word}'"), st.booleans())
def test_random_text(text: str, json_file: bool) -> None:
    assert_only_invalid_hive(lambda: decode(text.encode(), "x", json_file=json_file))


@given(st.binary())
def test_random_bytes(content: bytes) -> None:
    try:
        data, _ = decode(content, "x", json_file=False)
    except InvalidHive:
        return
    assert data == tomllib.loads(content.decode("utf-8-sig"))
