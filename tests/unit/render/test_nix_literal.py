"""How values look as Nix. That they evaluate to themselves is shown in tests/nixos."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.render.nix_literal import NixValue, nix_literal, nix_name, nix_path


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "(-7)"),
        ("", '""'),
        ("plain", '"plain"'),
        ('say "hi"', '"say \\"hi\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("${x}", '"\\${x}"'),
        ("$x $", '"$x $"'),
        ("$${x}", '"$\\${x}"'),
        ("a\tb\r", '"a\\tb\\r"'),
        ([], "[ ]"),
        (["a", 1, [True]], '[ "a" 1 [ true ] ]'),
        ({}, "{ }"),
    ],
)
def test_values_on_one_line(value: NixValue, expected: str) -> None:
    assert nix_literal(value) == expected


def test_attributes_are_sorted_and_indented() -> None:
    value: NixValue = {"b": {"d": [], "c": 1}, "a": "x"}
    assert nix_literal(value, indent=2) == (
        '{\n    a = "x";\n    b = {\n      c = 1;\n      d = [ ];\n    };\n  }'
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain", "plain"),
        ("with-dash_and'", "with-dash_and'"),
        ("or", '"or"'),
        ("rec", '"rec"'),
        ("in", '"in"'),
        ("1st", '"1st"'),
        ("", '""'),
        ("a.b", '"a.b"'),
        ("a\n", '"a\\n"'),
        ("${x}", '"\\${x}"'),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert nix_name(name) == expected


def test_a_set_of_one_attribute_is_a_path() -> None:
    value: NixValue = {"a": {"b.c": {"d": 1, "e": 2}}, "f": {"g": {}}}
    assert nix_literal(value) == '{\n  a."b.c" = {\n    d = 1;\n    e = 2;\n  };\n  f.g = { };\n}'


def test_a_long_list_has_a_line_for_each_item() -> None:
    value = ["x" * 50, "y" * 50]
    assert nix_literal(value, indent=2) == f'[\n    "{"x" * 50}"\n    "{"y" * 50}"\n  ]'


def test_text_with_lines_is_an_indented_string() -> None:
    assert nix_literal("one\n\n  two ${x}\n", indent=2) == ("''\n    one\n\n      two ''${x}\n  ''")
    assert nix_literal("one\ntwo") == "''\n  one\n  two''"


@pytest.mark.parametrize(
    "text",
    [
        "two quotes ''\n",
        "a quote before a dollar '${x}\n",
        "a quote at the end\n'",
        " every line\n is indented",
        "\n",
        "blanks last\n  ",
        "a\rreturn\n",
        "a tab\t\n",
    ],
)
def test_text_that_an_indented_string_would_change_is_quoted(text: str) -> None:
    assert nix_literal(text).startswith('"')


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_what_nix_cannot_hold_is_refused_with_its_place(character: str) -> None:
    with pytest.raises(InputError, match=r"^mcp\.x\.args\[1\]: "):
        nix_literal({"mcp": {"x": {"args": ["good", f"bad{character}"]}}})
    with pytest.raises(InputError, match=r"^a name in mcp\.x: "):
        nix_literal({"mcp": {"x": {f"bad{character}": 1}}})


@pytest.mark.parametrize("number", [2**63, -(2**63)])
def test_a_number_beyond_64_bits_is_refused(number: int) -> None:
    with pytest.raises(InputError, match="64-bit"):
        nix_literal({"number": number})


def test_a_value_of_another_kind_is_a_bug() -> None:
    with pytest.raises(TypeError, match="bytes"):
        nix_literal(b"bytes")
    with pytest.raises(TypeError, match="float"):
        nix_literal(1.5)  # type: ignore[arg-type]


def test_paths() -> None:
    assert nix_path("agents/alice/agent.nix") == "./agents/alice/agent.nix"


@pytest.mark.parametrize("path", ["", "/etc", "a b", "a/${x}", "a;b", "a//b", "a/"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="Nix path"):
        nix_path(path)


@given(st.text(alphabet=st.sampled_from("$\\{}'\"\n a"), max_size=40))
def test_no_literal_interpolates(text: str) -> None:
    literal = nix_literal(text)
    if literal.startswith("''"):
        # In front of a ${ stand two quotes that are not themselves the end of an escape.
        rest = literal[2:-2].replace("''${", "_")
        assert "''" not in rest
        assert "${" not in rest
    else:
        body = literal[1:-1].replace("\\\\", "_").replace('\\"', "_").replace("\\$", "_")
        assert '"' not in body
        assert "${" not in body
