"""The demo's screen: who says what, what runs and what is denied, in 80 columns."""

import io
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.testing.demo_screen import WIDTH, Screen


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"id": 1, "at": 1.0, "agent": "alice", "turn": 3, "kind": kind, "data": data}


def test_messages_commands_and_denials() -> None:
    out = io.StringIO()
    screen = Screen(out, colour=False)
    screen.message("operator", "manager", "Count\nthem.")
    screen.event(event("turn.tool_use", id="t", tool="Bash", input={"command": "ls | wc -l"}))
    screen.event(event("turn.denied", tool="Bash", input={"command": "ls | wc -l"}, reason="mode"))
    screen.event(event("turn.tool_use", id="u", tool="Write", input={"file_path": "a"}))
    screen.event(event("agent.state", state="idle"))
    assert out.getvalue().splitlines() == [
        "operator → manager",
        "    Count",
        "    them.",
        "  alice $ ls | wc -l",
        "        ✗ Bash denied by its rules",
    ]


def test_proposals_and_what_becomes_of_them() -> None:
    out = io.StringIO()
    screen = Screen(out, colour=False)
    effects = [
        {"words": "model: haiku (hive) → opus (approved)", "warnings": []},
        {"words": "Bash + `curl *`", "warnings": ["it reaches the network"]},
    ]
    proposal = {"id": 7, "agent": "alice", "submitted_by": "boss", "description": "Why. " * 30}
    screen.proposal({**proposal, "effects": effects})
    assert screen.question() == "Approve it? [Y/n] "
    screen.decided(approve=False, asked=True, in_time=True)
    screen.decided(approve=True, asked=True, in_time=False)
    screen.event(event("approval", id=7, state="deployed", changes=["one", "two"]))
    screen.event(event("approval", id=8, state="failed", error="no hello"))
    screen.event(event("model", was="haiku", model="opus"))
    lines = out.getvalue().splitlines()
    assert lines[1] == "boss proposes to change alice (approval 7)"
    assert "    Bash + `curl *`" in lines
    assert "    ! it reaches the network" in lines
    assert "It is denied." in lines
    assert "It was decided elsewhere." in lines
    assert lines[-3:] == [
        "  alice: one, two",
        "    approval 8 failed: no hello",
        "  alice: model haiku → opus",
    ]
    assert max(map(len, lines)) <= WIDTH


def test_says_what_it_is_and_how_to_go_on() -> None:
    out = io.StringIO()
    screen = Screen(out, colour=False)
    screen.opening()
    screen.closing(1.25, Path("examples/hive.toml"))
    text = out.getvalue()
    assert "The model is scripted: no API key, no network." in text
    assert "agents run as your user, not isolated" in text
    assert "1.2 s" in text
    assert "hyperhive up examples/hive.toml --claude scripted" in text
    assert max(map(len, text.splitlines())) <= WIDTH


@given(body=st.text(), command=st.text())
def test_whatever_is_said_keeps_to_the_screen(body: str, command: str) -> None:
    out = io.StringIO()
    screen = Screen(out, colour=False)
    screen.message("alice", "operator", body)
    screen.event(event("turn.tool_use", id="t", tool="Bash", input={"command": command}))
    lines = out.getvalue().split("\n")
    assert max(map(len, lines)) <= WIDTH
    assert all(line.isprintable() for line in lines)


def test_colour_only_where_asked_for() -> None:
    plain, painted = io.StringIO(), io.StringIO()
    for out in (plain, painted):
        screen = Screen(out, colour=out is painted)
        screen.opening()
        screen.failed("it broke", ["\x1b[2Jlog"])
    assert "\x1b" not in plain.getvalue()
    assert painted.getvalue().count("\x1b[") == 4
