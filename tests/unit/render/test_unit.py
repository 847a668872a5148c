"""Values of unit files. systemd itself reads whole drop-ins in test_tree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.render.unit import unit_resource, unit_text, unit_word


def test_specifiers_stay_text() -> None:
    assert unit_text("100% of %h", "description") == "100%% of %%h"
    assert unit_word("/srv/%h", "path") == '"/srv/%%h"'


def test_a_word_is_quoted() -> None:
    assert unit_word('a "b" \\ c', "path") == '"a \\"b\\" \\\\ c"'


@pytest.mark.parametrize("text", ["a\nExecStart=/bin/sh", "a\rb", "a\0b", "a\u2028b", "\ud800"])
def test_what_would_begin_a_line_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^field: "):
        unit_text(text, "field")
    with pytest.raises(InputError, match=r"^field: "):
        unit_word(text, "field")


def test_a_continuation_is_refused() -> None:
    with pytest.raises(InputError, match="continues"):
        unit_text("a\\", "field")


@pytest.mark.parametrize("value", ["4G", "1.5G", "50%", "200%", "infinity", 512, "1048576"])
def test_resources(value: str | int) -> None:
    assert unit_resource(value, "limits.memory") == str(value)


@pytest.mark.parametrize("value", ["", "4 G", "4G\nExecStart=/x", "-1", "%h", "4g", "4G "])
def test_what_is_no_resource_is_refused(value: str) -> None:
    with pytest.raises(InputError, match=r"^limits\.memory: "):
        unit_resource(value, "limits.memory")


@given(st.text())
def test_a_line_stays_one_line_without_specifiers_or_is_refused(text: str) -> None:
    try:
        line, word = unit_text(text, "f"), unit_word(text, "f")
    except InputError:
        return
    for written in (line, word):
        assert len(written.splitlines()) <= 1
        assert "%" not in written.replace("%%", "")
    assert '"' not in word[1:-1].replace("\\\\", "_").replace('\\"', "_")
