"""JSON-RPC 2.0, one message a line (https://www.jsonrpc.org/specification).

Newline-delimited UTF-8 JSON, at most `MAX_LINE` bytes a line. Batches are not part of this plane.
Pure: bytes in, messages out; sockets stand elsewhere.
"""

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

MAX_LINE: Final = 1 << 20
"""Longest line in bytes, newline included."""


class ErrorCode(IntEnum):
    """Error codes on the wire: the five of JSON-RPC 2.0 and hyperhive's own."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    NOT_THIS_AGENT = -32001
    """The peer claims to be another agent than the one its socket belongs to."""
    ALREADY_CONNECTED = -32002
    """Another harness of this agent is connected."""
    HELLO_FIRST = -32003
    """Anything but `hello` was sent before `hello`."""
    UNKNOWN_TURN = -32004
    """The turn named is not running here."""
    BUSY = -32005
    """A turn is running already."""
    STORE_UNAVAILABLE = -32006
    """Nothing could be written (disk full, read-only): keep it and try again."""
    UNSUPPORTED_PROTOCOL = -32007
    """The peer speaks another version of this protocol."""


class RpcError(Exception):
    """A JSON-RPC error, to send or received.

    Attributes:
        code: a member of `ErrorCode`, or another integer a peer chose.
        message: one line.
        id: the id of the request it answers, None where it could not be read.
    """

    def __init__(self, code: int, message: str, id: int | str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = id


@dataclass(frozen=True, slots=True)
class Request:
    """A call that wants an answer."""

    id: int | str
    method: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Notification:
    """A call without an answer."""

    method: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to the request `id`."""

    id: int | str
    value: Any


@dataclass(frozen=True, slots=True)
class Failure:
    """The error answer to the request `id` (None: the request could not be read)."""

    id: int | str | None
    code: int
    message: str


Message = Request | Notification | Result | Failure


def encode(message: Message) -> bytes:
    """The line for a message, newline included.

    Raises:
        RpcError: INTERNAL_ERROR, if the line would be longer than `MAX_LINE`.
    """
    body: dict[str, Any] = {"jsonrpc": "2.0"}
    match message:
        case Request(id, method, params):
            body |= {"id": id, "method": method, "params": params}
        case Notification(method, params):
            body |= {"method": method, "params": params}
        case Result(id, value):
            body |= {"id": id, "result": value}
        case Failure(failed, code, text):
            body |= {"id": failed, "error": {"code": code, "message": text}}
    line = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "backslashreplace"
    )
    if len(line) + 1 > MAX_LINE:
        raise RpcError(ErrorCode.INTERNAL_ERROR, f"message of {len(line)} bytes is over {MAX_LINE}")
    return line + b"\n"


def decode(line: bytes) -> Message:
    """The message in one line.

    Raises:
        RpcError: PARSE_ERROR if it is not JSON, INVALID_REQUEST if it is not JSON-RPC 2.0.
    """
    if len(line) > MAX_LINE:
        raise RpcError(ErrorCode.PARSE_ERROR, f"line of {len(line)} bytes is over {MAX_LINE}")
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RpcError(ErrorCode.PARSE_ERROR, f"not JSON: {error}") from None
    if b"\\ud" in line.lower():
        body = _storable(body)
    if not isinstance(body, dict):
        raise RpcError(ErrorCode.INVALID_REQUEST, "not a JSON object")
    id = body.get("id")
    if isinstance(id, bool) or not isinstance(id, int | str | None):
        raise RpcError(ErrorCode.INVALID_REQUEST, "id is not a string or an integer")
    if body.get("jsonrpc") != "2.0":
        raise RpcError(ErrorCode.INVALID_REQUEST, 'jsonrpc is not "2.0"', id)
    if "method" in body:
        return _decode_call(body, id)
    if "error" in body:
        fault = body["error"]
        if isinstance(fault, dict) and _is_int(fault.get("code")):
            return Failure(id, fault["code"], str(fault.get("message", "")))
    elif "result" in body and id is not None:
        return Result(id, body["result"])
    raise RpcError(ErrorCode.INVALID_REQUEST, "neither a call nor an answer", id)


def _decode_call(body: dict[str, Any], id: int | str | None) -> Request | Notification:
    method, params = body["method"], body.get("params", {})
    if not isinstance(method, str):
        raise RpcError(ErrorCode.INVALID_REQUEST, "method is not a string", id)
    if not isinstance(params, dict):
        raise RpcError(ErrorCode.INVALID_PARAMS, "params is not an object", id)
    return Notification(method, params) if id is None else Request(id, method, params)


def _storable(value: Any) -> Any:
    """The value with lone surrogates, which no UTF-8 text can hold, replaced by `?`."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case list():
            return [_storable(item) for item in value]
        case dict():
            return {_storable(key): _storable(item) for key, item in value.items()}
    return value


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
