"""D-Bus messages: as the specification has them."""

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.harness.dbus_wire import (
    Kind,
    Message,
    Variant,
    WireError,
    complete_types,
    decode,
    encode,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
BASIC: dict[str, st.SearchStrategy[Any]] = {
    "y": st.integers(0, 255),
    "b": st.booleans(),
    "n": st.integers(-(1 << 15), (1 << 15) - 1),
    "q": st.integers(0, (1 << 16) - 1),
    "i": st.integers(-(1 << 31), (1 << 31) - 1),
    "u": st.integers(0, (1 << 32) - 1),
    "x": st.integers(-(1 << 63), (1 << 63) - 1),
    "t": st.integers(0, (1 << 64) - 1),
    "d": st.floats(allow_nan=False),
    "s": TEXT,
    "o": st.just("/org/freedesktop/systemd1"),
    "g": st.just("a{sv}"),
}


@st.composite
def typed(draw: st.DrawFn, depth: int = 3) -> tuple[str, Any]:
    """A complete type and a value of it."""
    form = draw(st.sampled_from(["basic", "array", "struct", "dict", "variant"]))
    if depth == 0 or form == "basic":
        code = draw(st.sampled_from(sorted(BASIC)))
        return code, draw(BASIC[code])
    if form == "struct":
        members = draw(st.lists(typed(depth - 1), min_size=1, max_size=3))
        return f"({''.join(type for type, _ in members)})", tuple(value for _, value in members)
    if form == "variant":
        return "v", Variant(*draw(typed(depth - 1)))
    type, value = draw(typed(depth - 1))
    if form == "array":
        return f"a{type}", [value] * draw(st.integers(0, 3))
    keys = draw(st.lists(TEXT, unique=True, max_size=3))
    return f"a{{s{type}}}", dict.fromkeys(keys, value)


@given(st.lists(typed(), max_size=4), st.binary(max_size=3))
def test_what_is_written_is_read(values: list[tuple[str, Any]], rest: bytes) -> None:
    message = Message(
        Kind.CALL,
        7,
        path="/a",
        interface="a.b",
        member="C",
        destination="d.e",
        signature="".join(type for type, _ in values),
        body=tuple(value for _, value in values),
    )
    data = encode(message)
    assert decode(data + rest) == (message, len(data))
    assert all(decode(data[:cut]) is None for cut in range(len(data)))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except WireError:
        return


@given(st.data())
def test_a_damaged_message_is_read_or_refused(data: st.DataObject) -> None:
    body = ([("n", Variant("as", ["x", "y"]))],)
    whole = bytearray(encode(Message(Kind.SIGNAL, 1, signature="a(sv)", body=body)))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(whole))
    except WireError:
        return


def test_a_call_as_the_specification_lays_it_out() -> None:
    """Little-endian, every value aligned to its size, the header padded to eight bytes."""
    order = "<" if encode(Message(Kind.CALL, 1))[:1] == b"l" else ">"
    message = Message(Kind.CALL, 5, member="Hi", signature="yu", body=(3, 4), quiet=True)
    fields = b"\x03\x01s\0" + struct.pack(order + "I", 2) + b"Hi\0" + bytes(5)
    fields += b"\x08\x01g\0\x02yu\0"
    head = struct.pack(order + "BBBBII", ord("l" if order == "<" else "B"), 1, 1, 1, 8, 5)
    body = b"\x03\0\0\0" + struct.pack(order + "I", 4)
    assert encode(message) == head + struct.pack(order + "I", len(fields)) + fields + body


def test_the_other_byte_order_is_read() -> None:
    data = struct.pack(">cBBBIIIBB1sxI", b"B", 2, 0, 1, 4, 9, 8, 5, 1, b"u", 7)
    assert decode(data.ljust(24, b"\0") + b"....") == (Message(Kind.RETURN, 9, answers=7), 28)


@pytest.mark.parametrize("signature", ["(", "a", "a{sv", "z", "()"])
def test_what_is_no_signature(signature: str) -> None:
    with pytest.raises(WireError):
        list(complete_types(signature))


@pytest.mark.parametrize(
    ("signature", "body"),
    [("s", ()), ("y", (256,)), ("u", (-1,)), ("s", ("a\0b",)), ("u", ("x",))],
)
def test_what_fits_no_signature(signature: str, body: tuple[Any, ...]) -> None:
    with pytest.raises(WireError):
        encode(Message(Kind.CALL, 1, signature=signature, body=body))
