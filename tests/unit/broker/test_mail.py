"""Who may write what to whom."""

import pytest

from hyperhive.broker.mail import (
    MAX_BODY,
    UnknownRecipientError,
    compose,
    recipients_of,
)
from hyperhive.broker.texts import TooLongError
from hyperhive.errors import InputError
from hyperhive.hive.load import parse_hive

HIVE = parse_hive(
    {
        "hive": {"name": "lab"},
        "agents": {
            "boss": {"role": "manager"},
            "alice": {"recipients": ["manager", "operator"]},
            "bob": {"recipients": ["alice"]},
        },
    },
    "test",
)


@pytest.mark.parametrize(
    ("sender", "recipients"),
    [
        ("operator", ["alice", "bob", "boss"]),
        ("boss", ["alice", "bob", "operator"]),
        ("alice", ["boss", "operator"]),
        ("bob", ["alice"]),
    ],
)
def test_the_declaration_says_whom_an_agent_may_write_to(
    sender: str, recipients: list[str]
) -> None:
    assert recipients_of(HIVE, sender) == recipients
    for name in ("operator", "boss", "alice", "bob", "manager", "system", "all", "", "../x"):
        resolved = "boss" if name == "manager" else name
        if resolved in recipients:
            assert compose(HIVE, sender, name, "hi").recipient == resolved
        else:
            with pytest.raises(UnknownRecipientError):
                compose(HIVE, sender, name, "hi")


def test_a_body_has_a_size_in_bytes() -> None:
    assert compose(HIVE, "boss", "bob", "é" * (MAX_BODY // 2)).body
    with pytest.raises(TooLongError, match="65538 bytes"):
        compose(HIVE, "boss", "bob", "é" * (MAX_BODY // 2 + 1))


@pytest.mark.parametrize("body", ["", " \n", "\ud800"])
def test_a_body_says_something(body: str) -> None:
    with pytest.raises(InputError):
        compose(HIVE, "boss", "bob", body)


@pytest.mark.parametrize("key", ["", "x" * 201])
def test_an_idempotency_key_is_usable(key: str) -> None:
    with pytest.raises(InputError, match="idempotency key"):
        compose(HIVE, "boss", "bob", "hi", idempotency_key=key)
