"""D-Bus messages as bytes: the marshalling of the D-Bus specification. Pure.

Values are Python's own: a struct is a tuple, an array a list (of bytes too), a dictionary a dict, a
variant a `Variant`, a file descriptor the number of its place among those sent along.
"""

import struct
import sys
from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final, NamedTuple

MAX_MESSAGE: Final = 1 << 27
"""Bytes of the longest message that the specification allows."""

_NUMBERS: Final = {
    "y": "B",
    "b": "I",
    "n": "h",
    "q": "H",
    "i": "i",
    "u": "I",
    "x": "q",
    "t": "Q",
    "d": "d",
    "h": "I",
}
_ALIGNMENT: Final = {"s": 4, "o": 4, "a": 4, "g": 1, "v": 1, "(": 8, "{": 8} | {
    code: struct.calcsize("=" + number) for code, number in _NUMBERS.items()
}
_CLOSING: Final = {"(": ")", "{": "}"}
_FIXED_HEADER: Final = 16
_NATIVE: Final = b"l" if sys.byteorder == "little" else b"B"
_ORDERS: Final = {ord("l"): "<", ord("B"): ">"}


class WireError(ValueError):
    """Bytes that are no D-Bus message, or values that fit no signature."""


class Variant(NamedTuple):
    """A value that says its type."""

    signature: str
    value: Any


class Kind(IntEnum):
    """What a message is."""

    CALL = 1
    RETURN = 2
    ERROR = 3
    SIGNAL = 4


class Message(NamedTuple):
    """One message.

    Attributes:
        answers: serial of the call that a return or an error answers.
        quiet: the sender of a call wants no answer.
        descriptors: how many file descriptors go along.
    """

    kind: Kind
    serial: int
    path: str = ""
    interface: str = ""
    member: str = ""
    error: str = ""
    answers: int = 0
    destination: str = ""
    sender: str = ""
    signature: str = ""
    descriptors: int = 0
    body: tuple[Any, ...] = ()
    quiet: bool = False


_FIELDS: Final = (
    (1, "path", "o"),
    (2, "interface", "s"),
    (3, "member", "s"),
    (4, "error", "s"),
    (5, "answers", "u"),
    (6, "destination", "s"),
    (7, "sender", "s"),
    (8, "signature", "g"),
    (9, "descriptors", "u"),
)
_NO_REPLY_EXPECTED: Final = 1


def encode(message: Message) -> bytes:
    """A message as bytes.

    Raises:
        WireError: its body does not fit its signature.
    """
    order = _ORDERS[_NATIVE[0]]
    body = _Writer(order)
    types = list(complete_types(message.signature))
    if len(types) != len(message.body):
        raise WireError(f"{len(message.body)} values for {message.signature!r}")
    for type, value in zip(types, message.body, strict=True):
        body.put(type, value)
    header = _Writer(order)
    for code in (*_NATIVE, message.kind, _NO_REPLY_EXPECTED if message.quiet else 0, 1):
        header.put("y", code)
    header.put("u", len(body.data))
    header.put("u", message.serial)
    fields = [
        (number, Variant(type, value))
        for number, name, type in _FIELDS
        if (value := getattr(message, name))
    ]
    header.put("a(yv)", fields)
    header.align(8)
    return bytes(header.data + body.data)


def decode(data: bytes) -> tuple[Message, int] | None:
    """The message at the beginning of `data` and its length; None: it is not all there.

    Raises:
        WireError: this is no message.
    """
    if len(data) < _FIXED_HEADER:
        return None
    order = _ORDERS.get(data[0])
    if order is None:
        raise WireError(f"a message that begins with {data[:4]!r}")
    body_length, serial, fields_length = struct.unpack_from(f"{order}III", data, 4)
    begin = _FIXED_HEADER + fields_length + -fields_length % 8
    if begin + body_length > MAX_MESSAGE:
        raise WireError("a message that is too long")
    if len(data) < begin + body_length:
        return None
    try:
        kind = Kind(data[1])
        header = _Reader(data[:begin], order, 12)
        given = {(n, v.signature): v.value for n, v in header.get("a(yv)")}
        fields = {
            name: given[number, type] for number, name, type in _FIELDS if (number, type) in given
        }
        reader = _Reader(data[begin : begin + body_length], order, 0)
        body = tuple(reader.get(type) for type in complete_types(fields.get("signature", "")))
    except (struct.error, LookupError, TypeError, ValueError, RecursionError) as error:
        raise WireError(f"a message that cannot be read: {error}") from None
    quiet = bool(data[2] & _NO_REPLY_EXPECTED)
    return Message(kind, serial, body=body, quiet=quiet, **fields), begin + body_length


def complete_types(signature: str) -> Iterator[str]:
    """The single complete types that a signature is made of.

    Raises:
        WireError: it is no signature.
    """
    start = 0
    while start < len(signature):
        end = _end(signature, start)
        yield signature[start:end]
        start = end


def _end(signature: str, start: int) -> int:
    """Where the complete type ends that begins at `start`."""
    code = signature[start : start + 1]
    if code == "a":
        return _end(signature, start + 1)
    if code in _CLOSING:
        end = start + 1
        while signature[end : end + 1] != _CLOSING[code]:
            end = _end(signature, end)
        code = "" if end == start + 1 else code  # a struct of nothing is none
        start = end
    if code not in _ALIGNMENT:
        raise WireError(f"{signature!r} is no signature")
    return start + 1


class _Writer:
    def __init__(self, order: str) -> None:
        self.data = bytearray()
        self._order = order

    def align(self, to: int) -> None:
        self.data += bytes(-len(self.data) % to)

    def put(self, type: str, value: Any) -> None:
        code = type[0]
        self.align(_ALIGNMENT[code])
        match code:
            case "s" | "o":
                text = value.encode()
                if b"\0" in text:
                    raise WireError("a text with a NUL")
                self._number("I", len(text))
                self.data += text + b"\0"
            case "g":
                self._number("B", len(value))
                self.data += value.encode() + b"\0"
            case "v":
                self.put("g", value.signature)
                self.put(value.signature, value.value)
            case "a":
                self._array(type[1:], value)
            case "(" | "{":
                for inner, item in zip(complete_types(type[1:-1]), value, strict=True):
                    self.put(inner, item)
            case _:
                self._number(_NUMBERS[code], value)

    def _array(self, type: str, values: Any) -> None:
        at = len(self.data)
        self._number("I", 0)
        self.align(_ALIGNMENT[type[0]])  # its padding does not count as the array's
        begin = len(self.data)
        for value in values.items() if type[0] == "{" else values:
            self.put(type, value)
        struct.pack_into(f"{self._order}I", self.data, at, len(self.data) - begin)

    def _number(self, form: str, value: Any) -> None:
        try:
            self.data += struct.pack(self._order + form, value)
        except struct.error as error:
            raise WireError(f"{value!r}: {error}") from None


class _Reader:
    def __init__(self, data: bytes, order: str, at: int) -> None:
        self._data, self._order, self._at = data, order, at

    def get(self, type: str) -> Any:
        code = type[0]
        self._align(_ALIGNMENT[code])
        match code:
            case "s" | "o":
                return self._text(self._number("I"))
            case "g":
                return self._text(self._number("B"))
            case "v":
                signature = self.get("g")
                if [*complete_types(signature)] != [signature]:
                    raise WireError(f"a variant of type {signature!r}")
                return Variant(signature, self.get(signature))
            case "a":
                return self._array(type[1:])
            case "(" | "{":
                return tuple(self.get(inner) for inner in complete_types(type[1:-1]))
            case "b":
                return bool(self._number("I"))
            case _:
                return self._number(_NUMBERS[code])

    def _array(self, type: str) -> Any:
        length = self._number("I")
        self._align(_ALIGNMENT[type[0]])
        end = self._at + length
        values = []
        while self._at < end:
            values.append(self.get(type))
        return dict(values) if type[0] == "{" else values

    def _text(self, length: int) -> str:
        text = self._data[self._at : self._at + length]
        self._at += length + 1
        if self._at > len(self._data):
            raise WireError("a text that is cut off")
        return text.decode()

    def _number(self, form: str) -> Any:
        (value,) = struct.unpack_from(self._order + form, self._data, self._at)
        self._at += struct.calcsize("=" + form)
        return value

    def _align(self, to: int) -> None:
        self._at += -self._at % to
