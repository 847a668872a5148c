"""The harness's end of harness.sock: lines in, lines out, without ever blocking."""

import socket
from pathlib import Path
from typing import Final

from hyperhive.wire.jsonrpc import MAX_LINE, Message, RpcError, decode, encode
from hyperhive.wire.sockets import address

_CHUNK: Final = 1 << 16


class ConnectionLost(Exception):
    """The broker's side is gone; the text says how."""


class Connection:
    """One connection to the broker."""

    def __init__(self, peer: socket.socket) -> None:
        peer.setblocking(False)
        self._peer = peer
        self._incoming = bytearray()
        self._outgoing = bytearray()

    @classmethod
    def open(cls, path: Path) -> "Connection":
        """Connect to the broker.

        Raises:
            OSError: nobody listens there.
        """
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            # A broker that is too busy to accept makes a blocking connect wait.
            peer.setblocking(False)
            with address(path) as name:
                peer.connect(name)
        except OSError:
            peer.close()
            raise
        return cls(peer)

    def fileno(self) -> int:
        """The descriptor to wait on."""
        return self._peer.fileno()

    def close(self) -> None:
        """Close it."""
        self._peer.close()

    @property
    def unsent(self) -> bool:
        """Whether `flush` has something left to send."""
        return bool(self._outgoing)

    def send(self, message: Message) -> None:
        """Send a message, or as much of it as goes now; `flush` sends the rest.

        Raises:
            ConnectionLost: the other side is gone.
            RpcError: the message is too long for a line.
        """
        self._outgoing += encode(message)
        self.flush()

    def flush(self) -> None:
        """Send what can be sent now.

        Raises:
            ConnectionLost: the other side is gone.
        """
        try:
            while self._outgoing:
                del self._outgoing[: self._peer.send(self._outgoing)]
        except BlockingIOError:
            return
        except OSError as error:
            raise ConnectionLost(f"the broker cannot be written to: {error.strerror}") from None

    def receive(self) -> list[Message | RpcError]:
        """The messages that have arrived; a line that is none stands as the error it is.

        Raises:
            ConnectionLost: the other side is gone, or sends a line without end.
        """
        try:
            chunk = self._peer.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError as error:
            raise ConnectionLost(f"the broker cannot be read from: {error.strerror}") from None
        if not chunk:
            raise ConnectionLost("the broker closed the connection")
        *lines, rest = (self._incoming + chunk).split(b"\n")
        self._incoming = rest
        if len(rest) > MAX_LINE:
            raise ConnectionLost(f"the broker sent a line of over {MAX_LINE} bytes")
        return [_decoded(bytes(line)) for line in lines if line.strip()]


def _decoded(line: bytes) -> Message | RpcError:
    try:
        return decode(line)
    except RpcError as error:
        return error
