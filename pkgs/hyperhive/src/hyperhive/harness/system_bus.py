"""A connection to the system's D-Bus daemon, for asking systemd: calls that wait for their answer,
calls that do not, and signals.
"""

import os
import socket
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

from hyperhive.errors import HyperhiveError
from hyperhive.harness.dbus_wire import Kind, Message, WireError, decode, encode

CALL_SECONDS: Final = 20.0
"""How long an answer may take."""
ADDRESS: Final = "/run/dbus/system_bus_socket"

_TODO: Final = "see `systemctl status dbus.service`"
_DAEMON: Final = "org.freedesktop.DBus"
_CHUNK: Final = 1 << 16


class Face(NamedTuple):
    """An interface of an object of somebody on the bus."""

    destination: str
    path: str
    interface: str


_BUS: Final = Face(_DAEMON, "/org/freedesktop/DBus", _DAEMON)


class BusError(HyperhiveError):
    """The bus is gone, or what was asked of it was refused."""


class SystemBus:
    """One connection; a context manager.

    Raises:
        BusError: there is no bus.
    """

    def __init__(self, address: str = ADDRESS) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._received = b""
        self._signals: list[Message] = []
        self._serial = 0
        try:
            self._socket.settimeout(CALL_SECONDS)
            self._socket.connect(address)
            self._authenticate()
            self.tell(_BUS, "Hello")
        except OSError as error:
            self._socket.close()
            raise self._gone(error.strerror or str(error)) from None
        except BusError:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def fileno(self) -> int:
        """The descriptor that is ready when something came."""
        return self._socket.fileno()

    def watch(self, rule: str) -> None:
        """Have the signals sent here that fit a match rule."""
        self.tell(_BUS, "AddMatch", "s", rule)

    def tell(self, face: Face, member: str, signature: str = "", *values: Any) -> None:
        """Call a method, and wait for no answer.

        Raises:
            BusError: the bus is gone.
        """
        self._send(face, member, signature, values, quiet=True)

    def ask(
        self,
        face: Face,
        member: str,
        signature: str = "",
        *values: Any,
        descriptors: Sequence[int] = (),
    ) -> tuple[Any, ...]:
        """Call a method; its answer.

        Args:
            descriptors: files that go along; a value of type `h` is an index into these.

        Raises:
            BusError: the answer is an error, did not come in `CALL_SECONDS`, or the bus is gone.
        """
        serial = self._send(face, member, signature, values, descriptors=descriptors)
        deadline = time.monotonic() + CALL_SECONDS
        while True:
            while (message := self._next()) is not None:
                if message.kind is Kind.SIGNAL:
                    self._signals.append(message)
                elif message.answers == serial:
                    return _answer(member, message)
            if not self._receive(deadline - time.monotonic()):
                raise BusError(f"{member}: no answer in {CALL_SECONDS:g} s", _TODO)

    def signals(self, wait: float = 0.0) -> list[Message]:
        """The signals since the last time.

        Args:
            wait: seconds to wait for one if there is none yet.

        Raises:
            BusError: the bus is gone.
        """
        deadline = time.monotonic() + wait
        while True:
            while (message := self._next()) is not None:
                if message.kind is Kind.SIGNAL:
                    self._signals.append(message)
            left = 0.0 if self._signals else deadline - time.monotonic()
            if not self._receive(left):
                found, self._signals = self._signals, []
                return found

    def _authenticate(self) -> None:
        user = str(os.getuid()).encode().hex().encode()
        self._socket.sendall(b"\0AUTH EXTERNAL " + user + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n")
        answer = b""
        while answer.count(b"\r\n") < 2:
            if not (chunk := self._socket.recv(_CHUNK)):
                raise self._gone("it does not let this user in")
            answer += chunk
        if not answer.startswith(b"OK ") or b"AGREE_UNIX_FD" not in answer:
            raise self._gone(f"it answers {answer!r}")

    def _send(
        self,
        face: Face,
        member: str,
        signature: str,
        values: Sequence[Any],
        *,
        descriptors: Sequence[int] = (),
        quiet: bool = False,
    ) -> int:
        self._serial += 1
        call = Message(
            Kind.CALL,
            self._serial,
            path=face.path,
            interface=face.interface,
            member=member,
            destination=face.destination,
            signature=signature,
            descriptors=len(descriptors),
            body=tuple(values),
            quiet=quiet,
        )
        data = encode(call)
        self._socket.settimeout(CALL_SECONDS)
        try:
            sent = socket.send_fds(self._socket, [data], descriptors) if descriptors else 0
            self._socket.sendall(data[sent:])
        except OSError as error:
            raise self._gone(error.strerror or str(error)) from None
        return self._serial

    def _receive(self, seconds: float) -> bool:
        """Read what is there; whether something came in time."""
        self._socket.settimeout(max(0.0, seconds))
        try:
            chunk = self._socket.recv(_CHUNK)
        except (BlockingIOError, TimeoutError):
            return False
        except OSError as error:
            raise self._gone(error.strerror or str(error)) from None
        if not chunk:
            raise self._gone("the connection was closed")
        self._received += chunk
        return True

    def _next(self) -> Message | None:
        """The next message of what was read."""
        try:
            decoded = decode(self._received)
        except WireError as error:
            raise self._gone(str(error)) from None
        if decoded is None:
            return None
        message, length = decoded
        self._received = self._received[length:]
        return message

    def _gone(self, why: str) -> BusError:
        return BusError(f"the bus at {self._address}: {why}", _TODO)


def _answer(member: str, message: Message) -> tuple[Any, ...]:
    if message.kind is Kind.RETURN:
        return message.body
    words = message.body[0] if message.signature.startswith("s") else message.error
    raise BusError(f"{member}: {words}", "see `journalctl -b`")
