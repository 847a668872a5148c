"""What commands print: nothing acts on the terminal, nothing is wider than it."""

from contextlib import redirect_stdout
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.cli.output import (
    count,
    cut,
    display_width,
    one_line,
    print_table,
    printable,
    time_left,
)


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


@given(
    st.lists(st.lists(st.text(max_size=60), min_size=4, max_size=4), max_size=4),
    st.integers(4, 7),
)
def test_a_table_fits_whatever_is_in_it(rows: list[list[str]], columns: int) -> None:
    shown = StringIO()
    with redirect_stdout(shown):
        print_table(["A"] * columns, [(row * 2)[:columns] for row in rows])
    lines = shown.getvalue().split("\n")
    assert len(lines) == len(rows) + 2
    assert all(display_width(line) <= 80 for line in lines)


def test_the_widest_column_gives_way(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["A", "B", "C"], [["a" * 50, "b" * 30, "c" * 30]])
    assert capsys.readouterr().out.splitlines()[1] == "  ".join(
        ["a" * 35 + "…", "b" * 30, "c" * 9 + "…"]
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0:00"),
        (0, "0:00"),
        (0.2, "0:01"),
        (65, "1:05"),
        (3599, "59:59"),
        (3600, "1 h 0 min"),
        (172799, "47 h 59 min"),
        (172800, "2 d 0 h"),
        (2592000, "30 d 0 h"),
    ],
)
def test_what_remains_is_said_in_two_units(seconds: float, text: str) -> None:
    assert time_left(seconds) == text


def test_one_is_no_plural() -> None:
    assert (count(0, "row"), count(1, "row"), count(2, "row")) == ("0 rows", "1 row", "2 rows")
