"""How long the longest key of a TOML text is, against what the parser finds."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.syntax import walk
from hyperhive.hive.toml_depth import longest_key

KEYS = st.lists(
    st.sampled_from(["a", "b-1", '"x.y"', "'z'", '"q\\"."', "1"]), min_size=1, max_size=9
)
SEPARATORS = st.sampled_from([".", " . ", "\t.", ". "])
VALUES = st.sampled_from(
    ["1", "1.5", '"a.b.c.d.e.f.g.h.i.j"', "'''\na.b.c.d.e.f.g.h.i.j = 1\n'''", '"""""a.b"""""']
)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 0),
        ("a = 1", 1),
        ("a.b.c = 1", 3),
        ("[a . 'b'.\"c\"]", 3),
        ("x = { a.b.c.d = 1 }", 4),
        ("# a.b.c.d.e\nx = 1 # a.b.c.d", 1),
        ('x = "a.b.c.d"', 1),
        ('x = """\na.b.c.d = "\\"""" """', 1),
        ("x = '''a.b\nc.d.e.f'''", 1),
        ("a\n.b\n.c", 1),
        (". . .", 0),
        ("x = 'a.b\ny.y.y.y = 1", 1),
    ],
)
def test_the_parts_are_counted(text: str, parts: int) -> None:
    assert longest_key(text, 100) == parts


def test_no_more_is_counted_than_is_enough() -> None:
    assert longest_key("a." * 1000 + "a = 1", 32) == 32


@given(KEYS, SEPARATORS, VALUES, st.booleans())
def test_no_key_is_missed(parts: list[str], separator: str, value: str, head: bool) -> None:
    key = separator.join(parts)
    text = f"before = {value}\n[{key}]\n" if head else f"before = {value}\n{key} = {value}\n"
    depth = max(len(location) for location, _ in walk(tomllib.loads(text)))
    assert depth == len(parts)
    assert longest_key(text, 100) == max(depth, 2 if value == "1.5" else 1)
