"""What a proposal may say, and how it is told what it may not."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.hive.agent_toml import MOST_RULES, settable
from hyperhive.hive.models import AgentConfig, HiveConfig, HiveSettings
from hyperhive.hive.override import Override
from hyperhive.hive.proposal import (
    MAY_SET,
    MOST_BYTES,
    InvalidProposal,
    parse_agent_toml,
    parse_proposal,
)
from tests.unit.hive.declared import TOKEN
from tests.unit.hive.proposals import overrides, toml_of

TOML = {"agent.toml": b""}
OPERATORS = sorted(AgentConfig.model_fields.keys() - Override.model_fields.keys())
"""Fields of an agent that no proposal may name, those that are added later among them."""
TOGETHER = sorted(HiveSettings.model_fields.keys() - Override.model_fields.keys())


def refused(text: str) -> InvalidProposal:
    with pytest.raises(InvalidProposal) as caught:
        parse_agent_toml(text)
    assert "\n" not in caught.value.what
    return caught.value


@given(overrides())
def test_what_is_written_is_read(override: Override) -> None:
    found = parse_agent_toml(toml_of(override))
    assert found == override
    assert found.bash.model_fields_set == override.bash.model_fields_set
    assert toml_of(found) == toml_of(override)


def test_all_that_a_proposal_may_name() -> None:
    assert settable() == [
        "model",
        "system_prompt",
        "packages",
        "bash.allow",
        "bash.deny",
        "conversation.notes_kib",
        "environment.NAME",
        "mcp.NAME",
    ]
    assert all(name in MAY_SET for name in settable())


def test_isolation_is_among_what_it_may_not() -> None:
    isolation = {"network", "limits", "binds", "uid_base", "nix_daemon", "credentials"}
    authority = {"recipients", "role", "extra_nix", "tools", "autostart"}
    assert isolation | authority <= set(OPERATORS)


@pytest.mark.parametrize("field", OPERATORS)
@pytest.mark.parametrize("value", ["1", '"host"', "true", "[]", '{ x = "y" }'])
def test_what_belongs_to_the_operator_is_refused(field: str, value: str) -> None:
    error = refused(f"{field} = {value}")
    assert f"{field}: belongs to the operator's declaration" in error.what
    assert error.todo == MAY_SET


@pytest.mark.parametrize("field", TOGETHER)
def test_what_holds_for_the_whole_hive_is_refused(field: str) -> None:
    assert f"{field}: belongs to the operator's declaration" in refused(f"{field} = 1").what


def test_a_part_of_a_table_may_belong_to_the_operator() -> None:
    error = refused("conversation.compact_percent = 50")
    assert "conversation.compact_percent: belongs to the operator's declaration" in error.what


@pytest.mark.parametrize("table", sorted(HiveConfig.model_fields))
def test_a_proposal_is_about_one_agent(table: str) -> None:
    error = refused(f'[{table}.bob]\nmodel = "opus"')
    assert f"{table}: a proposal is about one agent alone" in error.what


def test_every_problem_is_named_at_once() -> None:
    error = refused(
        'mdel = "opus"\nnetwork = "host"\n[bash]\nallow = ["git status", "Bash(ls)"]\nalow = []\n'
        f'[environment]\nPATH = "/x"\nKEY = "{TOKEN}"\n[mcp.web]\nargs = []\n'
    )
    for part in (
        'mdel: unknown field (did you mean "model"?)',
        "network: belongs to",
        'bash.allow[1] = "Bash(ls)": written as a full rule',
        'bash.alow: unknown field (did you mean "allow"?)',
        "environment.PATH: PATH is set by the harness",
        "environment.KEY: holds a GitHub token in the clear",
        "mcp.web.command: missing",
    ):
        assert part in error.what
    assert len(error.problems) == 7
    assert TOKEN not in error.what


def test_an_error_is_no_longer_than_who_reads_it_can_use() -> None:
    error = refused("\n".join(f"x{number} = 1" for number in range(1000)))
    assert len(error.problems) == 1000
    assert error.what.endswith("; and 980 more")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("model = opus", "line 1, column 9"),
        ("model =", "end of document"),
        ('model = "opus"\n[bash\n', "line 2"),
        ('system_prompt = """', "end of document"),
        ('{"model": "opus"}', "line 1"),
    ],
)
def test_what_is_no_toml_says_where(text: str, where: str) -> None:
    error = refused(text)
    assert "not TOML" in error.what
    assert where in error.what


@pytest.mark.parametrize(
    "text",
    [
        "a." * 32000 + "a = 1",
        '"a" . ' * 10000 + "a = 1",
        "[" + "a." * 32000 + "a]",
        "a = " + "[" * 60000,
        "a = " + "[" * 30000 + "]" * 30000,
        "a = " + "{ a = " * 10000,
        "a = " + "{ a = " * 7000 + "1" + " }" * 7000,
        "[a]\n" * 16000,
        "[[a]]\n" * 10000,
        "conversation.notes_kib = 0x" + "f" * 60000,
        "conversation.notes_kib = " + "9" * 60000,
        "conversation.notes_kib = 1e999",
        'model = "' + "-eyJ" * 16000 + '"',
        'system_prompt = """' + '"\\' * 20000,
        "bash.allow = ['" + "env " * 16000 + "*']",
        "bash.allow = ['" + "A(" * 30000 + "']",
    ],
    ids=lambda text: f"{text[:24]!r}…",
)
def test_what_is_meant_to_break_the_reader_is_refused_soon(text: str) -> None:
    assert len(text) <= MOST_BYTES
    begun = time.process_time()
    refused(text)
    assert time.process_time() - begun < 3


@given(st.text(st.sampled_from(list("abx.\"'\\#= \n[]{}01é\ud800")), max_size=60) | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(InputError):
        parse_agent_toml(text)


def test_a_mark_of_the_byte_order_is_passed_over() -> None:
    assert parse_agent_toml('\ufeffmodel = "opus"').model == "opus"


def test_the_files_of_a_proposal() -> None:
    files = {"agent.toml": b'model = "opus"', "README.md": "é".encode(), "extra.nix": b"{ }"}
    found = parse_proposal(files, extra_nix=True)
    assert found.override == Override(model="opus")
    assert found.extra_nix == "{ }"
    assert found.files == {name: content.decode() for name, content in files.items()}
    assert parse_proposal({"agent.toml": b""}, extra_nix=True).extra_nix is None


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "there is no agent.toml"),
        ({"README.md": b""}, "there is no agent.toml"),
        (TOML | {"extra.nix": b"{ }"}, "does not declare extra_nix"),
        (TOML | {"Agent.toml": b""}, "'Agent.toml' is no file of a proposal"),
        (TOML | {"../agent.toml": b""}, "'../agent.toml' is no file"),
        (TOML | {"a\x1b[2J": b""}, r"'a\x1b[2J' is no file"),
        (TOML | {"README.md": b"a\n\xff"}, "README.md: line 2 is not UTF-8"),
        (TOML | {"README.md": b"a\n\0"}, "README.md: line 2 holds a NUL"),
        (TOML | {"README.md": b"x" * (MOST_BYTES + 1)}, "README.md is 65537 bytes long"),
        ({"agent.toml": b"\xff"}, "agent.toml: line 1 is not UTF-8"),
        ({"agent.toml": b"#" * (MOST_BYTES + 1)}, "agent.toml is 65537 bytes long"),
    ],
)
def test_other_files_are_refused(files: dict[str, bytes], words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_proposal(files, extra_nix=False)
    assert words in caught.value.what
    assert caught.value.todo


@pytest.mark.parametrize("make", [lambda n: b"#" * n, lambda n: "é".encode() * (n // 2)])
def test_a_file_of_just_the_most_bytes_may_be(make: Callable[[int], bytes]) -> None:
    content = make(MOST_BYTES)
    found = parse_proposal({"agent.toml": b"", "README.md": content}, extra_nix=False)
    assert found.files["README.md"].encode() == content


@pytest.mark.parametrize("name", ["allow", "deny"])
def test_a_list_has_no_more_rules_than_can_be_looked_at(name: str) -> None:
    rules = [f"make test{number}" for number in range(MOST_RULES + 1)]
    parse_agent_toml(f"bash.{name} = {rules[1:]}")
    error = refused(f"bash.{name} = {rules}")
    assert f"bash.{name}: {MOST_RULES + 1} rules, more than the {MOST_RULES}" in error.what
