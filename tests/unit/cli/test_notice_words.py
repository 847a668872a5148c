"""Notices, which are JSON, for a person."""

import json

import pytest

from hyperhive.cli.notice_words import in_words

CRASH = {"agent": "alice", "result": "signal", "status": "SIGKILL", "turn": 7, "lines": ["a", "b"]}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            {"event": "container_crash", **CRASH},
            "alice: its container crashed: signal SIGKILL, turn 7 is lost\n    a\n    b",
        ),
        ({"event": "harness_crash", "agent": "bob", "turn": None}, "bob: its harness crashed"),
        (
            {"event": "failed", "id": 7, "agent": "alice", "error": "no jq", "log": ["x"]},
            "alice: approval 7 failed: no jq\nall that was said: hyperhive show 7\n    x",
        ),
        ({"event": "deployed", "id": 7, "agent": "alice"}, "alice: approval 7 is deployed"),
        ({"event": "spawned", "id": 7, "agent": "al"}, "al is in the hive now: approval 7"),
        (
            {
                "event": "approval_resolved",
                "id": 7,
                "agent": "alice",
                "state": "denied",
                "by": "operator",
                "reason": "no",
            },
            "alice: approval 7 was denied by operator: no",
        ),
        ({"event": "destroyed", "agent": "bob", "reason": "old"}, "bob was destroyed: old"),
        ({"event": "needs_login", "agent": "bob"}, "bob needs a login"),
    ],
    ids=lambda one: one.get("event") if isinstance(one, dict) else "",
)
def test_each_kind_has_words(told: dict[str, object], words: str) -> None:
    assert in_words(json.dumps({"at": 1.5, **told})) == words


@pytest.mark.parametrize("body", ["plain text", "[1]", "3", '{"event": "other"}', "{", "\udcff"])
def test_all_else_is_said_as_it_is(body: str) -> None:
    assert in_words(body) == body


def test_what_is_not_as_it_should_be_is_no_bug() -> None:
    assert in_words('{"event": "failed", "log": 3}').startswith("None: approval None failed")
