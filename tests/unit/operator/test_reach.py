"""A client beside a broker that restarts: what is asked again, and what is not."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hyperhive.errors import HyperhiveError, NoBrokerError
from hyperhive.operator import reach
from hyperhive.operator.client import connect
from hyperhive.operator.models import NewMessage

Serve = Callable[[socket.socket], None]

refused = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"
)
"""httpcore leaves a socket whose connection is refused to the garbage collector."""


def request(connection: socket.socket) -> dict[str, Any]:
    """Reads one request; its body."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += connection.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65536)
    return dict(json.loads(body)) if body else {}


def answer(connection: socket.socket, body: object) -> None:
    """Answers with 200."""
    text = json.dumps(body).encode()
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))


@contextmanager
def serving(path: Path, *connections: Serve) -> Iterator[None]:
    """A broker that treats one connection after the other so, and then listens no more."""

    def serve() -> None:
        for treat in connections:
            connection, _ = listener.accept()
            with connection:
                treat(connection)
        listener.close()

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join(10)
        assert not thread.is_alive(), "fewer connections came than the test waits for"


def hang_up(connection: socket.socket) -> None:
    """Ends the connection with its request unread, as a broker does that is killed."""
    connection.recv(1)


def hear_and_hang_up(connection: socket.socket) -> None:
    """Ends the connection instead of answering."""
    request(connection)


def no_agents(connection: socket.socket) -> None:
    """Answers that there are no agents."""
    request(connection)
    answer(connection, [])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a client wait for a broker only shortly."""
    monkeypatch.setattr(reach, "RETRY_SECONDS", 0.2)


@pytest.mark.parametrize("trouble", [hang_up, hear_and_hang_up])
def test_a_question_is_asked_again(tmp_path: Path, trouble: Serve) -> None:
    path = tmp_path / "s"
    with serving(path, trouble, trouble, no_agents), connect(path) as client:
        assert client.agents() == []


@pytest.mark.parametrize("trouble", [hang_up, hear_and_hang_up])
def test_a_message_is_sent_again_under_the_same_key(tmp_path: Path, trouble: Serve) -> None:
    path, heard = tmp_path / "s", list[dict[str, Any]]()

    def note(connection: socket.socket) -> None:
        heard.append(request(connection))

    def sent(connection: socket.socket) -> None:
        note(connection)
        answer(connection, {"id": 7})

    with serving(path, note, trouble, sent), connect(path) as client:
        assert client.send(NewMessage(to="alice", body="hello")).id == 7
    assert heard[0] == heard[1]
    assert len(heard[0]["idempotency_key"]) >= 32


def test_the_senders_own_key_is_kept(tmp_path: Path) -> None:
    path, heard = tmp_path / "s", list[dict[str, Any]]()

    def sent(connection: socket.socket) -> None:
        heard.append(request(connection))
        answer(connection, {"id": 7})

    with serving(path, sent), connect(path) as client:
        client.send(NewMessage(to="alice", body="hello", idempotency_key="monday"))
    assert heard[0]["idempotency_key"] == "monday"


def test_what_a_broker_may_have_done_is_not_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with serving(path, hear_and_hang_up), connect(path) as client:
        with pytest.raises(HyperhiveError, match="went away") as caught:
            client.act("alice", "start")
        assert not isinstance(caught.value, NoBrokerError)


@refused
def test_what_no_broker_can_have_heard_is_asked_until_one_is_there(tmp_path: Path) -> None:
    path, heard = tmp_path / "s", list[dict[str, Any]]()
    with serving(path, no_agents), connect(path) as client:
        client.agents()

        def stopped(connection: socket.socket) -> None:
            heard.append(request(connection))
            answer(connection, {"removed": {}, "dry_run": False})

        def restart() -> None:
            path.unlink()
            restarted.enter_context(serving(path, stopped))

        with ExitStack() as restarted:
            timer = threading.Timer(0.3, restart)
            timer.start()
            assert client.vacuum(dry_run=False).removed == {}
            timer.join()
    assert heard == [{"dry_run": False}]


@refused
@pytest.mark.usefixtures("impatient")
def test_after_a_while_there_is_no_broker(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with serving(path, no_agents), connect(path) as client:
        client.agents()
        with pytest.raises(NoBrokerError, match="no broker answers"):
            client.agents()


def test_a_socket_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(NoBrokerError, match="it is not there"), connect(tmp_path / "s"):
        pass


def test_a_user_who_may_not_ask_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", closed)
    with pytest.raises(HyperhiveError, match="not permitted") as caught, connect(tmp_path / "s"):
        pass
    assert "group hyperhive" in caught.value.todo
