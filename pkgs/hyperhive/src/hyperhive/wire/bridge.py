"""Join standard input and output to a unix socket: claude's end of the broker's MCP server.

    python -I -S bridge.py /run/hyperhive/mcp.sock

Copies bytes and nothing else; MCP's framing on stdio is that of the socket. Half-closes the socket
when claude closes standard input, and ends when the broker's side ends.

claude waits for it at the start of every turn, so that it imports only modules that are built into
the interpreter or load in a millisecond; `_socket` is the C half of `socket`, whose Python half
would double the start-up time.
"""

import _socket
import _thread
import os
import sys
import time

CONNECT_SECONDS = 10.0
"""How long to wait for the socket: the broker may be restarting."""
_RETRY_SECONDS = 0.05
_CHUNK = 1 << 16
_MAX_ADDRESS = 107


def connect(path: str) -> _socket.socket:
    """A connection to the socket at `path`, which may be longer than an address can be.

    Raises:
        OSError: nobody accepted within `CONNECT_SECONDS`.
    """
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            _connect(connection, path)
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            connection.close()
            if time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return connection


def _connect(connection: _socket.socket, path: str) -> None:
    if len(os.fsencode(path)) <= _MAX_ADDRESS:
        connection.connect(path)
        return
    directory, name = os.path.split(path)
    opened = os.open(directory or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{opened}/{name}")
    finally:
        os.close(opened)


def _copy(source: int, target: int) -> None:
    """Copy to the end of `source`, or until nobody reads `target`."""
    try:
        while chunk := os.read(source, _CHUNK):
            while chunk:
                chunk = chunk[os.write(target, chunk) :]
    except (BrokenPipeError, ConnectionResetError):
        return


def _send_input(connection: _socket.socket) -> None:
    _copy(0, connection.fileno())
    try:
        connection.shutdown(_socket.SHUT_WR)
    except OSError:
        return  # the broker's side has ended already


def main() -> int:
    """Copy both ways; the exit status is 0 at the end of the broker's side, 1 without a broker."""
    if len(sys.argv) != 2:
        print("usage: bridge.py SOCKET", file=sys.stderr)
        return 2
    try:
        connection = connect(sys.argv[1])
    except OSError as error:
        print(f"hyperhive: {sys.argv[1]}: {error.strerror}: is the broker up?", file=sys.stderr)
        return 1
    _thread.start_new_thread(_send_input, (connection,))
    _copy(connection.fileno(), 1)
    return 0


if __name__ == "__main__":
    # Not sys.exit: it would wait at shutdown for standard input, where the other thread reads.
    status = main()
    sys.stderr.flush()
    os._exit(status)
