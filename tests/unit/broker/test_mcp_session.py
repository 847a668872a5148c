"""Lines of MCP before the SDK reads them."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.broker.mcp_session import whole

HALVES = "[\ud800-\udfff]"


@given(st.text(st.characters(exclude_categories=[])), st.text(st.sampled_from('\\ud83dcf"\ud83d')))
def test_halves_of_surrogate_pairs_are_replaced_and_nothing_else(text: str, tail: str) -> None:
    line = json.dumps(text + tail)
    said = json.loads(line)
    assert json.loads(whole(line)) == re.sub(HALVES, "\ufffd", said)
    if not re.search(HALVES, said):
        assert whole(line) == line


def test_an_escape_that_was_cut_off_stays_for_the_parser() -> None:
    for line in ('"\\ud8', '"\\ud83d\\u"', '"\\', '"\\uD83D'):
        assert whole(line).startswith('"\\')
