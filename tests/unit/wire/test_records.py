"""Records: the agent plane's dataclasses to JSON and back."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhive.wire import harness
from hyperhive.wire import settings as harness_settings
from hyperhive.wire.harness import (
    Denial,
    Hello,
    Outcome,
    OutcomeKind,
    TurnEvent,
    TurnEvents,
    TurnStarted,
)
from hyperhive.wire.records import RecordError, from_json, to_json
from hyperhive.wire.settings import HarnessSettings

data = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=3)
finite = st.floats(allow_nan=False, allow_infinity=False)
st.register_type_strategy(Denial, st.builds(Denial, input=data))
st.register_type_strategy(TurnEvent, st.builds(TurnEvent, at=finite, data=data))
st.register_type_strategy(TurnStarted, st.builds(TurnStarted, at=finite))
st.register_type_strategy(
    Outcome,
    st.builds(Outcome, retry_at=st.none() | finite, session_cost_usd=st.none() | finite),
)

RECORDS = [
    value
    for module in (harness, harness_settings)
    for value in vars(module).values()
    if dataclasses.is_dataclass(value) and isinstance(value, type)
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_record_survives_the_way_through_json(record: type[Any]) -> None:
    @settings(max_examples=25)
    @given(st.from_type(record))
    def check(value: Any) -> None:
        assert from_json(record, to_json(value)) == value

    check()


@pytest.mark.parametrize(
    ("record", "data", "message"),
    [
        (Hello, [], "Hello is not an object"),
        (Hello, {}, "protocol is missing"),
        (Hello, {"protocol": True}, "protocol is bool, not int"),
        (Hello, {"protocol": 1, "agent": 2}, "agent is int, not str"),
        (Outcome, {"kind": "ok", "retry_at": float("inf")}, "retry_at is inf, not float"),
        (Outcome, {"kind": "fine"}, "kind: 'fine' is not one of its values"),
        (Outcome, {"kind": "ok", "usage": {"input": "1"}}, "usage: input is str, not int"),
        (Outcome, {"kind": "ok", "mcp_failed": ["a", 1]}, "mcp_failed[1] is int, not str"),
        (TurnEvents, {"turn": 1, "events": [{"seq": 1}]}, "events[0]: at is missing"),
        (
            HarnessSettings,
            {
                "name": "a",
                "hive": "h",
                "sockets": "s",
                "state": "s",
                "config": "c",
                "environment": {"A": 1},
            },
            "environment.A is int, not str",
        ),
    ],
)
def test_a_wrong_member_is_named(record: type[Any], data: object, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        from_json(record, data)
    assert str(caught.value) == message


def test_unknown_members_are_ignored_and_integers_are_floats() -> None:
    outcome = from_json(Outcome, {"kind": "ok", "retry_at": 5, "from_the_future": {}})
    assert outcome == Outcome(OutcomeKind.OK, retry_at=5.0)
