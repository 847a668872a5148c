"""`hyperhive events`: one line that a person understands."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.cli.event_words import said
from hyperhive.operator.models import Event

values = st.none() | st.text(max_size=9) | st.integers() | st.lists(st.text(max_size=3), max_size=2)


def event(kind: str, data: dict[str, Any]) -> Event:
    return Event(id=1, at=0.0, agent="alice", turn=1, kind=kind, data=data)


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        ("message", {"id": 4, "from": "alice", "to": "operator"}, "4: alice → operator"),
        ("state", {"was": "idle", "state": "paused", "reason": "lunch"}, "idle → paused: lunch"),
        ("turn.tool_use", {"id": "t", "tool": "Bash", "input": {"command": "ls"}}, "Bash ls"),
        ("turn.tool_use", {"id": "t", "tool": "recv", "input": {"max": 3}}, 'recv {"max": 3}'),
        ("turn.denied", {"tool": "Bash", "input": {"command": "curl x"}}, "Bash curl x"),
        ("turn.tool_result", {"id": "t", "content": "no", "error": True}, "error: no"),
        ("turn.text", {"text": "Done."}, "Done."),
        ("turn_finished", {"outcome": "ok", "detail": "", "denials": 0}, "outcome=ok denials=0"),
    ],
)
def test_each_kind_is_told_in_its_own_words(kind: str, data: dict[str, Any], text: str) -> None:
    assert said(event(kind, data)) == text


@given(
    st.sampled_from(["turn.tool_use", "turn.tool_result", "turn.text", "read", "unheard.of"]),
    st.dictionaries(st.sampled_from(["id", "tool", "input", "content", "text", "x"]), values),
)
def test_whatever_a_harness_said_can_be_shown(kind: str, data: dict[str, Any]) -> None:
    assert isinstance(said(event(kind, data)), str)
