"""systemd, asked over a real bus of a test's own, and a bus that is not what it should be."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from hyperhive.harness import systemd as module
from hyperhive.harness.systemd import BusError, Systemd, Variant
from tests.tools import need
from tests.unit.harness.private_bus import (
    DEADLINE,
    OBJECT,
    ROOT,
    UNIT,
    FakeSystemd,
    bus_daemon,
)


class Started(NamedTuple):
    """A bus with somebody who speaks as systemd on it."""

    address: str
    daemon: "subprocess.Popen[bytes]"
    fake: FakeSystemd


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Started]:
    with bus_daemon(tmp_path) as (address, daemon):
        fake = FakeSystemd(address)
        with fake:
            try:
                yield Started(address, daemon, fake)
            finally:
                daemon.kill()


def ready(systemd: Systemd) -> bool:
    """Wait until its descriptor is."""
    return bool(select.select([systemd], [], [], DEADLINE)[0])


PROPERTIES = {
    "Description": Variant("s", "Turn 1"),
    "EnvironmentFiles": Variant("a(sb)", [("/run/x", False)]),
    "LogExtraFields": Variant("aay", [b"A=1"]),
    "RuntimeMaxUSec": Variant("t", 1_000_000),
    "StandardOutputFileDescriptor": Variant("h", 1),
    "StandardInputFileDescriptor": Variant("h", 0),
}


def start(systemd: Systemd) -> bytes:
    """Start the unit; what it wrote to its standard output."""
    read, write = os.pipe()
    try:
        systemd.start(UNIT, PROPERTIES, [read, write])
    finally:
        os.close(write)
    with open(read, "rb") as output:  # noqa: PTH123 - a descriptor
        return output.read()


def test_a_unit_is_started_with_its_files(bus: Started) -> None:
    with Systemd(bus.address) as systemd:
        assert start(systemd) == bus.fake.written
    ((member, unit, mode, properties, others),) = bus.fake.calls
    assert (member, unit, mode, others) == ("StartTransientUnit", UNIT, "fail", [])
    said = {name: value for name, value in properties if value[0] != "h"}
    assert said == {
        **{name: value for name, value in PROPERTIES.items() if value.signature != "h"},
        "AddRef": ("b", True),
        "CollectMode": ("s", "inactive-or-failed"),
    }
    assert bus.fake.told[0] == ("Subscribe",)


def test_its_changes_are_heard_and_no_others(bus: Started) -> None:
    with Systemd(bus.address) as systemd:
        start(systemd)
        assert not systemd.changed()
        bus.fake.changed(f"{ROOT}/unit/other_2eservice")
        bus.fake.changed()
        assert ready(systemd)
        assert systemd.changed()
        assert not systemd.changed()
        # One that comes before the answer to something else is not lost.
        bus.fake.properties = {"ActiveState": ("s", "active")}
        bus.fake.changed()
        assert systemd.get(UNIT, "Unit", "ActiveState") == ["active"]
        assert systemd.changed()


def test_a_unit_that_does_not_start(bus: Started) -> None:
    bus.fake.result = "failed"
    bus.fake.properties = {"Result": ("s", "exit-code"), "ExecMainStatus": ("i", 203)}
    with Systemd(bus.address) as systemd, pytest.raises(BusError) as caught:
        start(systemd)
    assert caught.value.what == f"{UNIT} was not started: failed: exit-code, status 203"
    assert UNIT in caught.value.todo


def test_units_are_found_stopped_and_killed(bus: Started) -> None:
    with Systemd(bus.address) as systemd:
        (unit,) = systemd.names("turn-*.service")
        systemd.stop(unit)
        systemd.kill(unit, "main", signal.SIGINT)
        systemd.names("*")  # answered after what came before it
    assert bus.fake.calls[:2] == [
        ("ListUnitsByPatterns", [], ["turn-*.service"]),
        ("StopUnit", UNIT, "replace"),
    ]
    assert bus.fake.told == [
        ("Subscribe",),
        ("KillUnit", UNIT, "all", signal.SIGKILL),
        ("KillUnit", UNIT, "main", signal.SIGINT),
    ]


def test_an_error_is_told_in_its_words(bus: Started) -> None:
    bus.fake.refused = {"StopUnit"}
    with Systemd(bus.address) as systemd, pytest.raises(BusError) as caught:
        systemd.stop("none.service")
    assert caught.value.what == "StopUnit: there is no such unit"


def test_a_value_that_fits_no_type(bus: Started) -> None:
    with Systemd(bus.address) as systemd, pytest.raises(BusError, match="surrogates"):
        systemd.start(UNIT, {"Description": Variant("s", "\udc00")}, [])


def test_no_answer(bus: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALL_SECONDS", 0.2)
    bus.fake.silent = {"ListUnitsByPatterns"}
    with Systemd(bus.address) as systemd:
        with pytest.raises(BusError, match=r"ListUnitsByPatterns: no answer in 0\.2 s"):
            systemd.names("*")
        assert not systemd.changed()


def test_a_job_without_an_end(bus: Started, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "JOB_SECONDS", 0.2)
    bus.fake.endless = True
    late = r"StopUnit of turn-1\.service took over 0\.2 s"
    with Systemd(bus.address) as systemd, pytest.raises(BusError, match=late):
        systemd.stop(UNIT)


def test_a_bus_that_ends(bus: Started) -> None:
    with Systemd(bus.address) as systemd:
        bus.daemon.kill()
        bus.daemon.wait(DEADLINE)
        assert ready(systemd)
        with pytest.raises(BusError, match=f"the bus at {bus.address}: "):
            systemd.changed()
        with pytest.raises(BusError, match="the bus at"):
            systemd.get(UNIT, "Unit", "ActiveState")
        with pytest.raises(BusError, match="the bus at"):
            systemd.kill(UNIT, "all", signal.SIGKILL)


def test_a_bus_without_systemd(tmp_path: Path) -> None:
    nobody = r"ListUnitsByPatterns: .*org\.freedesktop\.systemd1"
    with (
        bus_daemon(tmp_path) as (address, _),
        Systemd(address) as systemd,
        pytest.raises(BusError, match=nobody),
    ):
        systemd.names("*")


def test_no_bus(tmp_path: Path) -> None:
    need("jeepney", find_spec("jeepney"), "make setup EXTRAS=systemd")
    with pytest.raises(BusError, match="No such file") as caught:
        Systemd(str(tmp_path / "none"))
    assert "systemctl status dbus.service" in caught.value.todo


def test_no_jeepney(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jeepney", None)
    with pytest.raises(BusError, match="jeepney is missing") as caught:
        Systemd("/nowhere")
    assert "hyperhive[systemd]" in caught.value.todo


Serve = Callable[[socket.socket], None]


@contextmanager
def served(directory: Path, serve: Serve) -> Iterator[str]:
    """A socket, where one connection is served."""
    need("jeepney", find_spec("jeepney"), "make setup EXTRAS=systemd")
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
            thread.join(DEADLINE)
            assert not thread.is_alive()


def hear(peer: socket.socket, end: bytes) -> None:
    """Read as far as this, and no further."""
    heard = b""
    while not heard.endswith(end):
        byte = peer.recv(1)
        assert byte, f"{heard!r} ended before {end!r}"
        heard += byte


def let_in(peer: socket.socket) -> None:
    """Agree to everything until somebody says Hello."""
    hear(peer, b"\r\n")
    peer.sendall(b"OK 0123\r\n")
    hear(peer, b"\r\n")
    peer.sendall(b"AGREE_UNIX_FD\r\n")
    hear(peer, b"Hello")


def close(peer: socket.socket) -> None:
    hear(peer, b"\r\n")


def refuse(peer: socket.socket) -> None:
    hear(peer, b"\r\n")
    peer.sendall(b"REJECTED EXTERNAL\r\n")


def keep_descriptors_out(peer: socket.socket) -> None:
    hear(peer, b"\r\n")
    peer.sendall(b"OK 0123\r\n")
    hear(peer, b"\r\n")
    peer.sendall(b"ERROR\r\n")


def say_nothing(peer: socket.socket) -> None:
    with suppress(ConnectionError):
        while peer.recv(4096):
            pass


def do_not_greet(peer: socket.socket) -> None:
    let_in(peer)
    say_nothing(peer)


def hang_up(peer: socket.socket) -> None:
    let_in(peer)


def talk_nonsense(peer: socket.socket) -> None:
    let_in(peer)
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    say_nothing(peer)


@pytest.mark.parametrize(
    "serve",
    [close, refuse, keep_descriptors_out, say_nothing, do_not_greet, hang_up, talk_nonsense],
)
def test_who_is_no_bus(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    if serve in (say_nothing, do_not_greet):
        monkeypatch.setattr(module, "CALL_SECONDS", 0.2)
    with served(tmp_path, serve) as path, pytest.raises(BusError, match="the bus at") as caught:
        Systemd(path)
    assert "systemctl status dbus.service" in caught.value.todo


def test_the_object_of_a_unit() -> None:
    assert module._path(UNIT) == OBJECT
