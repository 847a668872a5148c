"""`hyperhive events`: one line that a person understands."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.cli.event_words import said
from hyperhive.cli.output import clock_time
from hyperhive.operator.models import Event
from hyperhive.wire.harness import TurnEventKind

MEMBERS = [
    "id",
    "tool",
    "input",
    "content",
    "text",
    "status",
    "pre_tokens",
    "bytes_after",
    "reason",
]

AT = 1_800_000_000.0
SAID = clock_time(AT)
"""The same time as a person of this machine's zone reads it."""

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
        (
            "turn_started",
            {"message": 4, "from": "bob", "kind": "message", "model": "opus"},
            "message 4 from bob, model opus",
        ),
        (
            "turn_started",
            {"kind": "compact", "model": "opus", "reason": "the context is 80 % full"},
            "compact, model opus: the context is 80 % full",
        ),
        ("nap", {"until": AT, "reason": "tea"}, f"until {SAID}: tea"),
        ("nap", {"until": AT, "reason": ""}, f"until {SAID}"),
        ("nap_ended", {"reason": "its time is over"}, "its time is over"),
        (
            "question",
            {"id": 3, "from": "alice", "to": "operator", "until": AT},
            f"3: alice asks operator, open until {SAID}",
        ),
        ("question_closed", {"id": 3, "state": "expired", "by": "system"}, "3: expired by system"),
        ("reminder", {"id": 5, "until": AT}, f"5: due {SAID}"),
        ("reminder_sent", {"id": 5}, "5"),
        ("reminder_parked", {"id": 5, "reason": "gone"}, "5: gone"),
        ("reminder_dropped", {"id": 5}, "5"),
        (
            "model",
            {"model": "opus", "layer": "override", "was": "haiku", "by": "operator"},
            "haiku → opus (override), by operator",
        ),
        (
            "cancel",
            {"ended": ["turn 4", "its nap"], "messages": "back", "reason": "lunch"},
            "turn 4, its nap; messages: back: lunch",
        ),
        ("compaction_due", {"step": "checkpoint", "reason": "asked"}, "checkpoint: asked"),
        ("notes_due", {"reason": "notes.md has 70 KiB"}, "notes.md has 70 KiB"),
        ("new_session", {"reason": "by the operator"}, "by the operator"),
        ("requeued", {"id": 4, "reason": "timeout"}, "message 4: timeout"),
        ("dropped", {"id": 4, "reason": "by the operator"}, "message 4: by the operator"),
        (
            "container",
            {"was": None, "state": "running", "reason": ""},
            "unknown → running",
        ),
        (
            "container",
            {"was": "running", "state": "stopped", "reason": "lunch"},
            "running → stopped: lunch",
        ),
        (
            "container_crash",
            {"result": "signal", "status": "SIGKILL", "turn": 4, "lines": ["first", "last"]},
            "signal SIGKILL, turn 4 lost; last",
        ),
        (
            "container_crash",
            {"result": "exit-code", "status": "1", "turn": None, "lines": []},
            "exit-code 1",
        ),
        ("harness_crash", {"turn": 4}, "its harness died, turn 4 lost"),
        ("harness_crash", {"turn": None}, "its harness died"),
        (
            "wanted",
            {"was": None, "wanted": "stopped", "reason": "lunch"},
            "as declared → stopped: lunch",
        ),
        ("deployment", {"changes": ["conf", "started"]}, "conf, started"),
        (
            "deployment",
            {"changes": ["conf"], "error": "nix exited with status 1"},
            "conf; failed: nix exited with status 1",
        ),
        ("turn.compaction", {"status": "compacting"}, "compacting"),
        (
            "turn.compaction",
            {"status": "success", "pre_tokens": 160000, "post_tokens": 9000},
            "success, 160000 → 9000 tokens",
        ),
        ("turn.compaction", {"status": "failed", "error": "no"}, "failed: no"),
        (
            "turn.notes",
            {"status": "kept", "bytes_before": 9, "reason": "the result is empty"},
            "kept, 9 bytes: the result is empty",
        ),
        ("turn_finished", {"outcome": "ok", "detail": "", "denials": 0}, "outcome=ok denials=0"),
    ],
)
def test_each_kind_is_told_in_its_own_words(kind: str, data: dict[str, Any], text: str) -> None:
    assert said(event(kind, data)) == text


@given(
    st.sampled_from(["turn.other", "read", "unheard.of", *map("turn.{}".format, TurnEventKind)]),
    st.dictionaries(st.sampled_from(MEMBERS), values),
)
def test_whatever_a_harness_said_can_be_shown(kind: str, data: dict[str, Any]) -> None:
    assert isinstance(said(event(kind, data)), str)
