"""Steps of a script: how they are read, and what their placeholders become."""

from typing import Any

import pytest

from hyperhive.testing.scripted_claude.steps import (
    ApiFailure,
    Compact,
    Grow,
    IgnoreSignals,
    Recv,
    Say,
    SetWindow,
    Step,
    Tool,
    fill,
    fill_command,
    read_steps,
)


@pytest.mark.parametrize(
    ("data", "step"),
    [
        ({"bash": "uname"}, Tool("Bash", {"command": "uname"})),
        ({"tool": "Write", "as": "it"}, Tool("Write", {}, "it")),
        ({"recv": {"max": 2}, "each": [{"say": "x"}]}, Recv({"max": 2}, [Say("x")])),
        ({"context": 40_000}, Grow(40_000)),
        ({"window": 1_000_000}, SetWindow(1_000_000)),
        ({"compact": {}}, None),
        ({"compact": {"tokens": 900}}, Compact(900)),
        ({"compact": {"summary": "x"}}, Compact(summary="x")),
        ({"compact": {"tokens": 900, "summary": "x"}}, Compact(900, "x")),
        ({"compact": {"error": "x"}}, Compact(error="x")),
        ({"api_error": "not_logged_in"}, ApiFailure("not_logged_in")),
        ({"api_error": 429, "resets_in": 1.5}, ApiFailure(429, 1.5)),
        ({"api_error": 529, "retry_after": 30}, ApiFailure(529, retry_after=30)),
        ({"api_error": "not_logged_in", "retry_after": 30}, None),
        ({"ignore_signals": True}, IgnoreSignals()),
        ({"ignore_signals": False}, None),
    ],
)
def test_read(data: dict[str, Any], step: Step | None) -> None:
    if step is None:
        with pytest.raises(ValueError, match=r"^not "):
            read_steps([data])
    else:
        assert read_steps([data]) == [step]


def test_placeholders_are_filled_in_once() -> None:
    values = {"from": "bob", "id": "7", "body": "{agent}", "agent": "alice"}
    template = {"to": "{from}", "in_reply_to": "{id}", "body": "{id}: {body} {other}", "n": [1]}
    assert fill(template, values) == {
        "to": "bob",
        "in_reply_to": 7,
        "body": "7: {agent} {other}",
        "n": [1],
    }


def test_commands_take_placeholders_as_words() -> None:
    values = {"body": "x; rm -rf ~"}
    assert fill_command("grep {body} ${HOME}", values) == "grep 'x; rm -rf ~' ${HOME}"
