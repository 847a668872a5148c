"""`hyperhive agent show`: everything known of an agent, in lines that a terminal survives."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.cli.agent_details import details, model_words
from hyperhive.cli.output import COLUMNS, clock_time
from hyperhive.operator.models import Agent

NOW = 1_800_000_000.0

NEW: dict[str, Any] = {
    "name": "alice",
    "role": "agent",
    "description": "",
    "icon": "",
    "model": "haiku",
    "model_layer": "hive",
    "model_active": None,
    "model_queued": None,
    "model_override": None,
    "model_switched_at": None,
    "model_switched_by": None,
    "state": "offline",
    "reason": "",
    "since": NOW,
    "until": None,
    "paused": False,
    "status": "",
    "status_at": None,
    "unread": 0,
    "questions": 0,
    "turn": None,
    "last_turn_at": None,
    "failures": 0,
    "session": None,
    "context_tokens": None,
    "context_window": None,
    "compaction": None,
    "compaction_reason": "",
    "notes_bytes": None,
    "notes_due": None,
    "harness": None,
    "claude": None,
    "settings": None,
    "approval": None,
    "spawned": False,
    "problem": "",
    "network": "private",
    "uid_base": 1048576,
}
"""An agent that never ran."""


def shown(**known: Any) -> list[str]:
    """The details with single spaces."""
    lines = details(Agent.model_validate(NEW | known), NOW)
    return [" ".join(line.split()) for line in lines]


def test_an_agent_that_never_ran() -> None:
    assert shown() == [
        "alice, agent",
        "state offline",
        f"since {clock_time(NOW)}",
        "mail 0 unread",
        "model haiku (no turn has run yet)",
        "from the layer: hive",
        "settings as declared",
        "conversation none: the next turn begins one",
        "notes none",
        "last turn none",
        "harness never connected",
        "network private",
        "host uids from 1048576",
    ]


@pytest.mark.parametrize(
    ("known", "line"),
    [
        ({"description": "writes the parser"}, "alice, agent: writes the parser"),
        ({"state": "napping", "until": NOW + 90, "reason": "tea"}, "state napping, 1:30 left: tea"),
        ({"state": "thinking", "paused": True}, "paused: no further turn begins"),
        ({"container": "running"}, "container running"),
        ({"container": "stopped", "wanted": "stopped"}, "wanted: stopped"),
        ({"network": "host"}, "network host: what listens on the host is open to it"),
        ({"turn": 7}, "last turn turn 7 is running"),
        ({"failures": 2}, "2 failures in a row"),
        ({"session": "6c1f"}, "conversation session 6c1f"),
        ({"context_tokens": 9000}, "context 9000 tokens"),
        (
            {"context_tokens": 126, "context_window": 200},
            "context 63 % (126 of 200 tokens)",
        ),
        (
            {"compaction": "checkpoint", "compaction_reason": "full"},
            "compaction is due: checkpoint (full)",
        ),
        ({"notes_bytes": 66000}, "notes 64.5 KiB"),
        ({"notes_due": "by the operator"}, "to be made shorter: by the operator"),
        ({"questions": 2}, "2 questions of its own open"),
        ({"model_active": "haiku"}, "model haiku (active)"),
        (
            {"model_active": "opus", "model_queued": "haiku"},
            "haiku (queued: from the next turn on)",
        ),
        ({"model_override": "haiku"}, "set by the operator (override)"),
        (
            {"model_switched_at": NOW, "model_switched_by": "operator"},
            f"switched {clock_time(NOW)} by operator",
        ),
        ({"harness": "0.1.0", "claude": "2.1.330"}, "claude 2.1.330"),
        ({"approval": 7}, "settings approved: hyperhive show 7"),
        ({"spawned": True, "approval": 7}, "settings spawned: no declaration has it"),
        ({"problem": "no extra.nix; remove it"}, "left out: no extra.nix; remove it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_each_thing_has_its_line(known: dict[str, Any], line: str) -> None:
    assert line in shown(**known)
    assert line not in shown()


def test_a_queued_model_stands_behind_the_one_in_use() -> None:
    agent = Agent.model_validate(NEW | {"model_active": "opus", "model_queued": "haiku"})
    assert model_words(agent) == "opus → haiku"
    assert model_words(Agent.model_validate(NEW)) == "haiku"


@given(st.text(), st.text(), st.text())
def test_what_an_agent_says_neither_acts_on_a_terminal_nor_makes_lines(
    status: str, reason: str, claude: str
) -> None:
    agent = Agent.model_validate(
        NEW | {"status": f"x{status}", "reason": reason, "claude": claude, "harness": "1"}
    )
    lines = details(agent, NOW)
    labels = ["state", "doing", "mail", "model", "settings", "conversation", "notes", "last turn"]
    assert [line[:14].rstrip() for line in lines if not line.startswith(" ")] == [
        "alice, agent",
        *labels,
        "harness",
        "network",
        "host uids",
    ]
    assert all(unicodedata.category(char)[0] != "C" for line in lines for char in line)
    assert all(len(line) <= COLUMNS for line in lines)
