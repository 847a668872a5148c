"""Join standard input and output to a unix socket: claude's end of the broker's MCP server.

    python -I -S bridge.py /run/hyperhive/mcp.sock [PROPOSED RECORD HIVE]

Copies bytes and nothing else; MCP's framing on stdio is that of the socket. Half-closes the socket
when claude closes standard input, and ends when the broker's side ends.

With the directory where the manager PROPOSES changes it also adds to a call of request_apply_commit
the commit that the call names (`commit_calls`), and has what is missing in that directory made,
from the hive's RECORD of what is deployed.

claude waits for it at the start of every turn, so that it imports only modules that are built into
the interpreter or load in a millisecond; `_socket` is the C half of `socket`, whose Python half
would double the start-up time. What a call needs is imported with the first one.
"""

import _socket
import _thread
import os
import sys
import time

CONNECT_SECONDS = 10.0
"""How long to wait for the socket: the broker may be restarting."""
MARK = b"request_apply_commit"
"""What the line of a call holds that a commit is to be added to."""
_RETRY_SECONDS = 0.05
_CHUNK = 1 << 16
_MAX_ADDRESS = 107
_MAX_LINE = 1 << 20
"""`jsonrpc.MAX_LINE`: the broker refuses longer ones."""


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


class Lines:
    """Splits what claude says: whole lines with `MARK` from everything else.

    What it is given comes out again byte for byte; only the beginning of a line waits for its end,
    unless the line is longer than the broker takes.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._passing = False
        """Whether the line that goes on was too long to be held."""

    def split(self, chunk: bytes) -> list[tuple[bytes, bool]]:
        """What is complete now, in order: bytes, and whether they are a line with `MARK`."""
        ready: list[tuple[bytes, bool]] = []
        ends = chunk.rfind(b"\n") + 1
        if ends and self._passing:
            first = chunk.find(b"\n") + 1
            ready.append((chunk[:first], False))
            chunk, ends, self._passing = chunk[first:], ends - first, False
        if ends:
            whole = self.rest() + chunk[:ends]
            chunk = chunk[ends:]
            if MARK in whole:
                ready += [(line + b"\n", MARK in line) for line in whole.split(b"\n")[:-1]]
            else:
                ready.append((whole, False))
        if self._passing:
            ready.append((chunk, False))
        else:
            self._held.append(chunk)
            self._size += len(chunk)
            if self._size >= _MAX_LINE:
                ready.append((self.rest(), False))
                self._passing = True
        return ready

    def rest(self) -> bytes:
        """The beginning of a line that has not been passed on."""
        held = b"".join(self._held)
        self._held, self._size = [], 0
        return held


def _copy(source: int, target: int) -> None:
    """Copy to the end of `source`, or until nobody reads `target`."""
    try:
        while chunk := os.read(source, _CHUNK):
            _write(target, chunk)
    except (BrokenPipeError, ConnectionResetError):
        return


def _copy_calls(source: int, target: int, proposed: str) -> None:
    """As `_copy`, with what is proposed in the calls that propose it."""
    lines = Lines()
    try:
        while chunk := os.read(source, _CHUNK):
            for part, marked in lines.split(chunk):
                _write(target, _with_commit(part, proposed) if marked else part)
        _write(target, lines.rest())
    except (BrokenPipeError, ConnectionResetError):
        return


def _write(target: int, data: bytes) -> None:
    while data:
        data = data[os.write(target, data) :]


def _with_commit(line: bytes, proposed: str) -> bytes:
    from hyperhive.wire.commit_calls import with_commit

    return with_commit(line, proposed)


def _send_input(connection: _socket.socket, proposed: str | None) -> None:
    try:
        if proposed is None:
            _copy(0, connection.fileno())
        else:
            _copy_calls(0, connection.fileno(), proposed)
    finally:
        _end(connection)


def _end(connection: _socket.socket) -> None:
    try:
        connection.shutdown(_socket.SHUT_WR)
    except OSError:
        return  # the broker's side has ended already


def missing(proposed: str) -> list[str]:
    """Names in that directory without a repository."""
    try:
        with os.scandir(proposed) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError:
        return []
    return [name for name in names if not os.path.lexists(f"{proposed}/{name}/config/.git")]


def _make_repositories(proposed: str, record: str, hive: str) -> None:
    """Have those made that are missing, by a process of its own: nobody waits for it."""
    if not missing(proposed):
        return
    script = f"{_directory_of(__file__)}/proposed_repositories.py"
    command = [sys.executable, "-I", "-S", script, proposed, record, hive]
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1)]
    os.posix_spawn(sys.executable, command, os.environ, file_actions=nothing)


def _find_package() -> None:
    """Have imports find hyperhive's own modules, which an isolated script does not."""
    sys.path.append(_directory_of(_directory_of(_directory_of(__file__))))


def _directory_of(path: str) -> str:
    return os.path.split(path)[0]


def main() -> int:
    """Copy both ways; the exit status is 0 at the end of the broker's side, 1 without a broker."""
    if len(sys.argv) not in (2, 5):
        print("usage: bridge.py SOCKET [PROPOSED RECORD HIVE]", file=sys.stderr)
        return 2
    try:
        connection = connect(sys.argv[1])
    except OSError as error:
        print(f"hyperhive: {sys.argv[1]}: {error.strerror}: is the broker up?", file=sys.stderr)
        return 1
    proposed = None
    if len(sys.argv) == 5:
        proposed = sys.argv[2]
        _find_package()
    _thread.start_new_thread(_send_input, (connection, proposed))
    if proposed is not None:
        _make_repositories(proposed, *sys.argv[3:])
    _copy(connection.fileno(), 1)
    return 0


if __name__ == "__main__":
    # Not sys.exit: it would wait at shutdown for standard input, where the other thread reads.
    status = main()
    sys.stderr.flush()
    os._exit(status)
