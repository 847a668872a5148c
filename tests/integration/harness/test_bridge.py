"""The bridge as claude starts it: a process between two pipes and a socket."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hyperhive.harness.command import bridge_command
from hyperhive.wire import bridge
from hyperhive.wire.sockets import MAX_ADDRESS, address

DEADLINE = 20


def listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with address(path) as name:
        listener.bind(name)
    listener.listen()
    listener.settimeout(DEADLINE)
    return listener


@contextmanager
def running(directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        bridge_command(str(directory)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def test_copies_both_ways_and_half_closes(tmp_path: Path) -> None:
    with listen(tmp_path / "mcp.sock") as listener, running(tmp_path) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        peer, _ = listener.accept()
        with peer:
            process.stdin.write(b"one\n")
            assert peer.recv(100) == b"one\n"
            peer.sendall(b"two\n")
            assert process.stdout.read(100) == b"two\n"
            process.stdin.close()
            assert peer.recv(100) == b""  # claude closed its side
            peer.sendall(b"still\n")  # and the answer still comes through
            assert process.stdout.read(100) == b"still\n"
        assert process.wait(DEADLINE) == 0


def test_megabytes_both_ways_at_once(tmp_path: Path) -> None:
    """Neither direction waits for the other: both are full before anything is read."""
    big = b"x" * (4 << 20)

    def write(process: "subprocess.Popen[bytes]") -> None:
        with process.stdin or pytest.fail("no pipe") as pipe:
            pipe.write(big)

    def send(peer: socket.socket) -> None:
        peer.sendall(big)
        peer.shutdown(socket.SHUT_WR)

    with listen(tmp_path / "mcp.sock") as listener, running(tmp_path) as process:
        peer, _ = listener.accept()
        writers = [
            threading.Thread(target=write, args=(process,)),
            threading.Thread(target=send, args=(peer,)),
        ]
        with peer, peer.makefile("rb") as incoming:
            for writer in writers:
                writer.start()
            assert incoming.read() == big
            output = process.stdout
            assert output is not None
            assert b"".join(iter(lambda: output.read(1 << 16), b"")) == big
            for writer in writers:
                writer.join(DEADLINE)


def test_ends_when_the_brokers_side_ends(tmp_path: Path) -> None:
    """Though claude keeps standard input open."""
    with listen(tmp_path / "mcp.sock") as listener, running(tmp_path) as process:
        peer, _ = listener.accept()
        peer.close()
        assert process.wait(DEADLINE) == 0


def test_ends_when_claude_is_killed(tmp_path: Path) -> None:
    """Nobody reads its output any more and its input has ended; the broker closes then."""
    with listen(tmp_path / "mcp.sock") as listener, running(tmp_path) as process:
        peer, _ = listener.accept()
        with peer:
            assert process.stdout is not None
            assert process.stdin is not None
            process.stdout.close()
            process.stdin.close()
            assert peer.recv(1) == b""
        assert process.wait(DEADLINE) == 0


def test_waits_for_a_broker_that_is_restarting(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        assert process.stdin is not None
        process.stdin.write(b"early\n")
        with listen(tmp_path / "mcp.sock") as listener:
            peer, _ = listener.accept()
            with peer:
                assert peer.recv(100) == b"early\n"


def test_socket_path_longer_than_an_address(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * MAX_ADDRESS)
    deep.mkdir()
    with listen(deep / "mcp.sock") as listener, running(deep):
        peer, _ = listener.accept()
        peer.close()


def test_no_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bridge, "CONNECT_SECONDS", 0.0)
    monkeypatch.setattr(sys, "argv", ["bridge.py", str(tmp_path / "mcp.sock")])
    assert bridge.main() == 1
    assert "is the broker up?" in capsys.readouterr().err


def test_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["bridge.py"])
    assert bridge.main() == 2
    assert "usage" in capsys.readouterr().err


def test_imports_stay_few(tmp_path: Path) -> None:
    """socket, pathlib or json would each double the time that claude waits for in every turn."""
    script = bridge_command("/nowhere")[3]
    look = (
        "import sys; before = set(sys.modules); exec(open(sys.argv[1]).read(), {'__name__': ''});"
        "print(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", look, script], capture_output=True, check=True
    )
    light = {"_collections_abc", "_socket", "genericpath", "os", "os.path", "posixpath"}
    assert set(ran.stdout.decode().split()) <= light | {"_stat", "stat"}
