"""A D-Bus daemon of a test's own, and on it what speaks as systemd does."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

from tests.tools import need, program

NAME: Final = "org.freedesktop.systemd1"
ROOT: Final = "/org/freedesktop/systemd1"
MANAGER: Final = f"{NAME}.Manager"
UNIT: Final = "turn-1.service"
OBJECT: Final = f"{ROOT}/unit/turn_2d1_2eservice"
"""Of `UNIT`."""
JOB: Final = f"{ROOT}/job/7"
DEADLINE: Final = 20.0

_CONFIGURATION: Final = """\
<busconfig>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


@contextmanager
def bus_daemon(directory: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A daemon that lets its own user do everything: its socket, and its process."""
    daemon = program("dbus-daemon", "apt-get install dbus")
    need("jeepney", find_spec("jeepney"), "make setup EXTRAS=systemd")
    path, configuration = directory / "bus", directory / "bus.conf"
    configuration.write_text(_CONFIGURATION.format(path=path))
    command = [str(daemon), f"--config-file={configuration}", "--nofork", "--nopidfile"]
    with subprocess.Popen([*command, "--print-address"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith(b"unix:path="), "it listens"
            yield str(path), process
        finally:
            process.kill()


class FakeSystemd(threading.Thread):
    """Answers one connection's calls as systemd would, until the bus is gone.

    Attributes:
        calls: what was called, with which values; without the calls that want no answer.
        told: those.
        result: how its jobs end.
        endless: that they do not.
        silent: methods that are not answered.
        refused: methods that are, with an error.
        properties: of every unit.
        written: to the file that is a unit's standard output.
    """

    def __init__(self, address: str) -> None:
        from jeepney import message_bus
        from jeepney.io.blocking import DBusConnection, prep_socket

        super().__init__()
        self.calls: list[tuple[Any, ...]] = []
        self.told: list[tuple[Any, ...]] = []
        self.result = "done"
        self.endless = False
        self.silent: set[str] = set()
        self.refused: set[str] = set()
        self.properties: dict[str, tuple[str, Any]] = {}
        self.written = b"claude says\n"
        self._bus: Any = DBusConnection(prep_socket(address, enable_fds=True), enable_fds=True)
        owned = self._bus.send_and_get_reply(message_bus.RequestName(NAME), timeout=DEADLINE)
        assert owned.body == (1,)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join(DEADLINE)
        assert not self.is_alive()
        self._bus.close()

    def run(self) -> None:
        """Answer until the bus is gone."""
        from jeepney import HeaderFields, MessageFlag, MessageType

        while True:
            try:
                call = self._bus.receive(timeout=DEADLINE)
            except ConnectionError:
                return
            if call.header.message_type is not MessageType.method_call:
                continue
            said = (call.header.fields[HeaderFields.member], *call.body)
            quiet = call.header.flags & MessageFlag.no_reply_expected
            (self.told if quiet else self.calls).append(said)
            if not quiet and said[0] not in self.silent:
                self._answer(call, *said)

    def changed(self, path: str = OBJECT) -> None:
        """Tell of a change of a unit's properties."""
        body: tuple[Any, ...] = (f"{NAME}.Unit", {"ActiveState": ("s", "inactive")}, [])
        interface = "org.freedesktop.DBus.Properties"
        self._signal(path, interface, "PropertiesChanged", "sa{sv}as", body)

    def _answer(self, call: Any, member: str, *values: Any) -> None:
        from jeepney import new_error, new_method_return

        if member in self.refused:
            error = f"{NAME}.NoSuchUnit"
            self._bus.send(new_error(call, error, "s", ("there is no such unit",)))
            return
        match member:
            case "StartTransientUnit":
                for name, (signature, value) in values[2]:
                    if name == "StandardOutputFileDescriptor":
                        assert signature == "h"
                        os.write(value.fileno(), self.written)
                    if signature == "h":
                        value.close()
                self._job(call, values[0])
            case "StopUnit":
                self._job(call, values[0])
            case "Get":
                answer = (self.properties[values[1]],)
                self._bus.send(new_method_return(call, "v", answer))
            case "ListUnitsByPatterns":
                unit = (UNIT, "", "loaded", "active", "running", "", OBJECT, 0, "", "/")
                self._bus.send(new_method_return(call, "a(ssssssouso)", ([unit],)))

    def _job(self, call: Any, unit: str) -> None:
        """Give a job that has ended before its end can be waited for, after others' jobs."""
        from jeepney import new_method_return

        # Not of the form of systemd's, as another program of the bus may send it.
        self._signal(ROOT, MANAGER, "JobRemoved", "uos", (7, JOB, unit))
        ended = [
            (3, f"{ROOT}/job/3", "other.service", "failed"),
            (4, f"{ROOT}/job/4", unit, "failed"),
            (7, JOB, unit, self.result),
        ]
        for body in ended[: 2 if self.endless else 3]:
            self._signal(ROOT, MANAGER, "JobRemoved", "uoss", body)
        self._bus.send(new_method_return(call, "o", (JOB,)))

    def _signal(self, path: str, interface: str, member: str, signature: str, body: Any) -> None:
        from jeepney import DBusAddress, new_signal

        emitter = DBusAddress(path, interface=interface)
        self._bus.send(new_signal(emitter, member, signature, body))
