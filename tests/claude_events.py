"""Comparing claude's events: of the stand-in, of the real CLI, and as recorded."""

import json
from typing import Any, Final

from tests.claude_runs import Event
from tests.tools import ROOT

RECORDINGS: Final = ROOT / "tests/data/claude"

# The real CLI's own lists in `init` (its commands, skills, …) have members of their own.
_INIT_LISTS: Final = ("plugins[]",)

# Names of members that hold what a script, a tool or a model chose: their inside is no shape.
_FREE: Final = {
    "_meta",
    "input",
    "modelUsage",
    "model_usage_since_last_result",
    "structuredContent",
    "tool_input",
}


def recording(case: str) -> list[Event]:
    """The events of a recording of 2.1.330."""
    lines = (RECORDINGS / f"{case}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def recorded(case: str, type: str, subtype: str | None = None) -> Event:
    """The last event of a type in a recording."""
    return [e for e in recording(case) if (e["type"], e.get("subtype")) == (type, subtype)][-1]


def kind(event: Event) -> str:
    """What an event is about, in a word or two."""
    message = event.get("message")
    content = message["content"] if isinstance(message, dict) else []
    inside = ["words"] if isinstance(content, str) else [block["type"] for block in content]
    return " ".join([event["type"], event.get("subtype", ""), *inside])


def members(event: Event) -> set[str]:
    """The shape of an event, without what only the real CLI has something to say about."""
    return {path for path in shape(event) if not path.startswith(_INIT_LISTS)}


def shape(value: object, inside: str = "") -> set[str]:
    """The members of a JSON value as paths, `message.content[].type`."""
    match value:
        case dict(parts):
            paths = set()
            for name, part in parts.items():
                path = f"{inside}.{name}".lstrip(".")
                paths |= {path} if name in _FREE else {path} | shape(part, path)
            return paths
        case list(items):
            return {path for item in items for path in shape(item, f"{inside}[]")}
        case _:
            return set()


def assert_alike(ours: list[Event], real: list[Event]) -> None:
    """Fail where events are not of the same kinds, in the same order, with the same members."""
    assert [*map(kind, ours)] == [*map(kind, real)]
    for event, true in zip(ours, real, strict=True):
        assert members(event) == members(true), kind(true)


def words(event: Event) -> Any:
    """The text of a message of one block."""
    content = event["message"]["content"]
    return content if isinstance(content, str) else content[0]["text"]
