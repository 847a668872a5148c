"""A connection to the bus, and what becomes of it when the other side is not what it should be."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hyperhive.harness.dbus_wire import Kind, Message, decode, encode
from hyperhive.harness.system_bus import BusError, Face, SystemBus

FACE = Face("a.b", "/a", "a.b.C")
LET_IN = b"OK 0123\r\nAGREE_UNIX_FD\r\n"

Serve = Callable[[socket.socket], None]


@contextmanager
def daemon(directory: Path, serve: Serve) -> Iterator[str]:
    """A daemon's socket, where one connection is served."""
    path = str(directory / "bus")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()

        def accept() -> None:
            peer, _ = listener.accept()
            with peer:
                serve(peer)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield path
        finally:
            thread.join(20)
            assert not thread.is_alive()


def calls(peer: socket.socket) -> Iterator[Message]:
    """Let somebody in, and hear what they call."""
    greeting = b""
    while b"BEGIN\r\n" not in greeting:
        greeting += peer.recv(1)
    user = str(os.getuid()).encode().hex().encode()
    assert greeting == b"\0AUTH EXTERNAL " + user + b"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"
    peer.sendall(LET_IN)
    received = b""
    while chunk := peer.recv(4096):
        received += chunk
        while (found := decode(received)) is not None:
            message, length = found
            received = received[length:]
            yield message


def test_calls_answers_and_signals(tmp_path: Path) -> None:
    heard: list[str] = []
    read, write = os.pipe()

    def serve(peer: socket.socket) -> None:
        for call in calls(peer):
            heard.append(call.member)
            if call.quiet:
                continue
            signal = encode(Message(Kind.SIGNAL, 7, path="/a", interface="a.b", member="Moved"))
            body = (*call.body, "back")
            answer = Message(Kind.RETURN, 8, answers=call.serial, signature="ss", body=body)
            # In pieces, and the signal first: it must not be lost.
            for byte in signal + encode(answer):
                peer.send(bytes([byte]))

    with daemon(tmp_path, serve) as path, SystemBus(path) as bus:
        bus.watch("type='signal'")
        bus.tell(FACE, "Quietly")
        assert bus.ask(FACE, "Answer", "s", "there and", descriptors=[write]) == (
            "there and",
            "back",
        )
        assert [signal.member for signal in bus.signals()] == ["Moved"]
        assert bus.signals() == []
    assert heard == ["Hello", "AddMatch", "Quietly", "Answer"]
    for descriptor in (read, write):
        os.close(descriptor)


def test_an_error_is_told_in_its_words(tmp_path: Path) -> None:
    def serve(peer: socket.socket) -> None:
        for call in calls(peer):
            if not call.quiet:
                words = ("no such unit",)
                error = Message(
                    Kind.ERROR, 1, answers=call.serial, error="a.No", signature="s", body=words
                )
                peer.sendall(encode(error))

    with daemon(tmp_path, serve) as path, SystemBus(path) as bus:
        with pytest.raises(BusError) as caught:
            bus.ask(FACE, "GetUnit", "s", "x.service")
        assert caught.value.what == "GetUnit: no such unit"


def close(peer: socket.socket) -> None:
    peer.recv(4096)


def refuse(peer: socket.socket) -> None:
    peer.recv(4096)
    peer.sendall(b"REJECTED EXTERNAL\r\nERROR\r\n")


def keep_descriptors_out(peer: socket.socket) -> None:
    peer.recv(4096)
    peer.sendall(b"OK 0123\r\nERROR\r\n")


@pytest.mark.parametrize("serve", [close, refuse, keep_descriptors_out])
def test_who_is_not_let_in(tmp_path: Path, serve: Serve) -> None:
    with daemon(tmp_path, serve) as path, pytest.raises(BusError, match="the bus at") as caught:
        SystemBus(path)
    assert "systemctl status dbus.service" in caught.value.todo


def test_no_bus(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="No such file"):
        SystemBus(str(tmp_path / "none"))


def hang_up(peer: socket.socket) -> None:
    for call in calls(peer):
        if call.member == "Last":
            return


def talk_nonsense(peer: socket.socket) -> None:
    for call in calls(peer):
        if call.member == "Last":
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return


@pytest.mark.parametrize("serve", [hang_up, talk_nonsense])
def test_a_bus_that_goes_away(tmp_path: Path, serve: Serve) -> None:
    with daemon(tmp_path, serve) as path, SystemBus(path) as bus:
        with pytest.raises(BusError, match="the bus at"):
            bus.ask(FACE, "Last")
        with pytest.raises(BusError, match="the bus at"):
            bus.signals(wait=20)
