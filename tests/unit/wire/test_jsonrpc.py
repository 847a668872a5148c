"""JSON-RPC framing: what is written is read back, and nothing that is read can break the reader."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.wire.jsonrpc import (
    MAX_LINE,
    ErrorCode,
    Failure,
    Message,
    Notification,
    Request,
    Result,
    RpcError,
    decode,
    encode,
)

ids = st.one_of(st.integers(-(2**53), 2**53), st.text(max_size=20))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=10,
)
params = st.dictionaries(texts, values, max_size=4)
messages = st.one_of(
    st.builds(Request, ids.filter(bool), texts, params),
    st.builds(Notification, texts, params),
    st.builds(Result, ids, values),
    st.builds(Failure, st.none() | ids, st.integers(-40000, 40000), texts),
)


@given(messages)
def test_what_is_encoded_is_one_line_that_decodes_to_the_same(message: Message) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line) == message


@given(st.binary(max_size=200))
def test_any_bytes_give_a_message_or_an_rpc_error(line: bytes) -> None:
    with_error(line)


@given(values)
def test_any_json_gives_a_message_or_an_rpc_error(value: object) -> None:
    with_error(json.dumps(value).encode())


def with_error(line: bytes) -> None:
    with suppress(RpcError):
        decode(line)


@pytest.mark.parametrize(
    ("line", "code", "id"),
    [
        (b"{", ErrorCode.PARSE_ERROR, None),
        (b"\xff", ErrorCode.PARSE_ERROR, None),
        (b"[" * 200_000, ErrorCode.PARSE_ERROR, None),
        (b"[]", ErrorCode.INVALID_REQUEST, None),
        (b'{"id":1,"method":"hello"}', ErrorCode.INVALID_REQUEST, 1),
        (b'{"jsonrpc":"1.0","id":1,"method":"hello"}', ErrorCode.INVALID_REQUEST, 1),
        (b'{"jsonrpc":"2.0","id":true,"method":"hello"}', ErrorCode.INVALID_REQUEST, None),
        (b'{"jsonrpc":"2.0","id":7,"method":3}', ErrorCode.INVALID_REQUEST, 7),
        (b'{"jsonrpc":"2.0","id":7,"method":"m","params":[1]}', ErrorCode.INVALID_PARAMS, 7),
        (b'{"jsonrpc":"2.0","id":7}', ErrorCode.INVALID_REQUEST, 7),
        (b'{"jsonrpc":"2.0","id":7,"error":{"code":"x"}}', ErrorCode.INVALID_REQUEST, 7),
    ],
)
def test_each_fault_has_its_code_and_the_id_it_answers(
    line: bytes, code: ErrorCode, id: int | None
) -> None:
    with pytest.raises(RpcError) as caught:
        decode(line)
    assert (caught.value.code, caught.value.id) == (code, id)


def test_a_line_over_the_limit_is_neither_written_nor_read() -> None:
    with pytest.raises(RpcError):
        encode(Notification("m", {"text": "x" * MAX_LINE}))
    with pytest.raises(RpcError):
        decode(b" " * (MAX_LINE + 1))


def test_lone_surrogates_become_storable_text() -> None:
    line = rb'{"jsonrpc":"2.0","id":1,"result":{"a":["\ud800x","\ud83d\ude00"]}}'
    message = decode(line)
    assert message == Result(1, {"a": ["?x", "😀"]})
