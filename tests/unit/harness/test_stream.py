"""The stream reader against output that no claude of today prints."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.harness.stream import MAX_LINE, TurnStream
from hyperhive.harness.verdict import Ending
from hyperhive.wire import jsonrpc
from hyperhive.wire.harness import OutcomeKind, TurnEvent, TurnEventKind, TurnEvents, TurnFinished
from hyperhive.wire.records import to_json
from tests.unit.harness import recordings

RECORDED_LINES = [
    json.loads(line)
    for name in recordings.names()
    for line in recordings.output(name).splitlines()
    if line.startswith(b"{")
]

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["success", "error", "tool_result", "text", "init", 429, "1", 1e300, 2**70]),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4)
    ),
    max_leaves=12,
)


def line(event: object) -> bytes:
    return json.dumps(event).encode() + b"\n"


def read(data: bytes, exit_code: int = 0) -> tuple[list[TurnEvent], OutcomeKind]:
    """Read everything; what comes out must fit the wire."""
    stream = TurnStream(started=1.0)
    events = stream.feed(data, now=2.0)
    last, outcome = stream.finish(Ending(exit_code=exit_code), now=3.0)
    for event in events + last:
        encoded = jsonrpc.encode(jsonrpc.Request(1, "x", to_json(TurnEvents(1, [event]))))
        assert len(encoded) < 400_000
        json.loads(encoded, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    encoded = jsonrpc.encode(jsonrpc.Request(1, "x", to_json(TurnFinished(1, outcome))))
    json.loads(encoded, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    return events + last, outcome.kind


@given(st.lists(st.binary(max_size=200) | ANY_JSON.map(line), max_size=8))
def test_random_lines_never_fail(lines: list[bytes]) -> None:
    read(b"\n".join(lines))


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A recorded event in which one value anywhere has become something else, or is gone."""
    event = json.loads(json.dumps(draw(st.sampled_from(RECORDED_LINES))))
    place: Any = event
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and place[key] and draw(st.booleans()):
            place = place[key]
            continue
        if draw(st.booleans()):
            place[key] = draw(ANY_JSON)
        else:
            del place[key]
        return event


@given(st.lists(mutated(), min_size=1, max_size=5))
def test_mutated_events_never_fail(events: list[Any]) -> None:
    read(b"".join(line(event) for event in events))


@given(st.sampled_from(recordings.names()), st.lists(st.integers(100, 9000), min_size=1))
def test_pieces_of_any_size_give_the_same(name: str, sizes: list[int]) -> None:
    data, whole, pieces = recordings.output(name), TurnStream(0.0), TurnStream(0.0)
    expected = whole.feed(data, now=1.0)
    events: list[TurnEvent] = []
    start = index = 0
    while start < len(data):
        size = sizes[index % len(sizes)]
        events += pieces.feed(data[start : start + size], now=1.0)
        start, index = start + size, index + 1
    assert events == expected
    ending = recordings.ending(name)
    assert pieces.finish(ending, now=2.0) == whole.finish(ending, now=2.0)


def test_unknown_events_and_blocks_are_passed_over() -> None:
    data = (
        line({"type": "novelty", "subtype": "new"})
        + line({"type": "system", "subtype": "never_seen"})
        + line({"type": "assistant", "message": {"content": [{"type": "hologram"}]}})
        + recordings.output("plain")
    )
    events, kind = read(data)
    assert kind is OutcomeKind.OK
    assert [event.kind for event in events] == [TurnEventKind.INIT, TurnEventKind.TEXT]


def test_huge_tool_result_is_trimmed_with_a_mark() -> None:
    block = {"type": "tool_result", "tool_use_id": "t", "content": "x" * 20_000_000}
    events, _ = read(line({"type": "user", "message": {"content": [block]}}))
    content = events[0].data["content"]
    assert content.startswith("xxx")
    assert content.endswith("… [19983616 more characters]")
    assert len(content) < 17_000


def test_huge_tool_input_of_many_members_is_trimmed() -> None:
    arguments = {f"key{i}": ["\x01" * 5000] * 50 for i in range(100)}
    block = {"type": "tool_use", "id": "t", "name": "Write", "input": arguments}
    events, _ = read(line({"type": "assistant", "message": {"content": [block]}}))
    assert events[0].data["tool"] == "Write"
    assert events[0].data["input"]["…"].endswith("more]")


def test_line_too_long_to_keep_is_left_out_and_the_rest_is_read() -> None:
    stream = TurnStream(0.0)
    piece = b"x" * (1 << 20)
    for _ in range(MAX_LINE // len(piece) + 2):
        assert stream.feed(piece, now=1.0) == []
    (told,) = stream.feed(b"\n", now=1.0)
    assert "left out" in told.data["text"]
    assert str(MAX_LINE + 2 * len(piece)) in told.data["text"]
    stream.feed(recordings.output("plain"), now=1.0)
    assert stream.finish(Ending(exit_code=0), now=2.0)[1].kind is OutcomeKind.OK


def test_last_line_without_newline_counts() -> None:
    stream = TurnStream(0.0)
    stream.feed(recordings.output("plain").rstrip(b"\n"), now=1.0)
    assert stream.finish(Ending(exit_code=0), now=2.0)[1].kind is OutcomeKind.OK


def test_tool_result_of_blocks_is_text() -> None:
    content = [{"type": "text", "text": "one"}, {"type": "image", "source": {}}]
    block = {"type": "tool_result", "tool_use_id": "t", "content": content}
    events, _ = read(line({"type": "user", "message": {"content": [block]}}))
    assert events[0].data["content"] == "one\n[image]"


def test_many_lines_that_are_not_json_are_told_of_a_hundred_times() -> None:
    events, kind = read(b"noise\n" * 1000, exit_code=1)
    assert len(events) == 100
    assert kind is OutcomeKind.FAILED


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ("billing_error", 400, OutcomeKind.RATE_LIMITED),
        ("rate_limit", None, OutcomeKind.RATE_LIMITED),
        ("invalid_request", 413, OutcomeKind.PROMPT_TOO_LONG),
        ("invalid_request", 400, OutcomeKind.FAILED),
        ("model_not_found", 404, OutcomeKind.UNKNOWN_MODEL),
        ("", 404, OutcomeKind.UNKNOWN_MODEL),
        ("server_error", None, OutcomeKind.OVERLOADED),
        ("", 503, OutcomeKind.OVERLOADED),
        ("", 408, OutcomeKind.OVERLOADED),
        ("", 401, OutcomeKind.NEEDS_LOGIN),
        ("authentication_failed", 403, OutcomeKind.NEEDS_LOGIN),
        ("", 403, OutcomeKind.FAILED),
    ],
)
def test_api_errors(error: str, status: int | None, kind: OutcomeKind) -> None:
    fault: dict[str, Any] = {
        "type": "assistant",
        "error": error,
        "api_error_status": status,
        "message": {},
    }
    result = {"type": "result", "subtype": "success", "is_error": True, "result": "no"}
    assert read(line(fault) + line(result), exit_code=1)[1] is kind


def test_an_answer_after_an_error_clears_it() -> None:
    retry = {"type": "system", "subtype": "api_retry", "error_status": 429, "error": "rate_limit"}
    answer = {"type": "assistant", "message": {"id": "m", "model": "x", "content": []}}
    assert read(line(retry) + line(answer), exit_code=-9)[1] is OutcomeKind.FAILED
    assert read(line(answer) + line(retry), exit_code=-9)[1] is OutcomeKind.RATE_LIMITED
