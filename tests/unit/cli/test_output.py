"""What commands print: nothing acts on the terminal, nothing is wider than it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.cli.output import cut, display_width, one_line, print_table, printable


@given(st.text(), st.integers(1, 40))
def test_what_is_cut_fits(text: str, width: int) -> None:
    assert display_width(cut(text, width)) <= width


@given(st.text())
def test_somebodys_text_cannot_act_on_the_terminal(text: str) -> None:
    shown = one_line(text)
    assert shown == shown.replace("\n", " ")
    for char in ("\x1b", "\x07", "\r", "\x9b", "\u202e", "\x00"):
        assert char not in shown
        assert char not in printable(text + char)


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("🐝", 2)])
def test_width_is_in_columns(text: str, width: int) -> None:
    assert display_width(text) == width


def test_a_table_is_at_most_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["A", "B"], [["日本", "x" * 200], ["b", "short"]])
    lines = capsys.readouterr().out.splitlines()
    assert [display_width(line) for line in lines] == [7, 80, 11]
    assert lines[1].endswith("…")
