"""Texts and times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.broker.texts import TooLongError, check_text, one_line, utc
from hyperhive.errors import InputError


@given(st.text(st.characters(exclude_categories=[])), st.integers(1, 9))
def test_a_text_that_passes_can_be_stored(text: str, most: int) -> None:
    try:
        check_text("it", text, most, todo="shorten it")
    except TooLongError:
        assert len(text.encode()) > most
    except InputError:
        assert not text.strip() or any("\ud800" <= char <= "\udfff" for char in text)
    else:
        assert text.strip()
        assert len(text.encode()) <= most


@given(st.text(), st.integers(1, 20))
def test_one_line_is_one_line(text: str, most: int) -> None:
    line = one_line(text, most)
    assert len(line.splitlines()) <= 1
    assert len(line) <= most
    assert one_line(line, most) == line.strip() or line.endswith("…")


def test_a_time_is_utc() -> None:
    assert utc(1790000000.9) == "2026-09-21T14:13:20Z"


@pytest.mark.parametrize("text", ["\ud800", "a\udfff"])
def test_lone_surrogates_are_no_text(text: str) -> None:
    with pytest.raises(InputError, match="not valid Unicode"):
        check_text("it", text, 99, todo="")
