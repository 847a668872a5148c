"""The service manager, asked over the bus (org.freedesktop.systemd1(5))."""

import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from hyperhive.harness.dbus_wire import Variant
from hyperhive.harness.system_bus import BusError, Face, SystemBus

JOB_SECONDS: Final = 30.0
"""How long a unit may take to start or to stop."""

_NAME: Final = "org.freedesktop.systemd1"
_MANAGER: Final = Face(_NAME, "/org/freedesktop/systemd1", f"{_NAME}.Manager")


class Systemd:
    """A connection to it; a context manager.

    Every method raises BusError when systemd refuses or cannot be asked.
    """

    def __init__(self) -> None:
        self._bus = SystemBus()
        self._bus.tell(_MANAGER, "Subscribe")

    def __enter__(self) -> "Systemd":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; a unit that `start` kept for this connection is forgotten once it has ended."""
        self._bus.close()

    def fileno(self) -> int:
        """The descriptor that is ready when `changed` may be true."""
        return self._bus.fileno()

    def start(
        self, unit: str, properties: Mapping[str, Variant], descriptors: Sequence[int]
    ) -> None:
        """Start a unit that did not exist, and hear of its changes; returns once it runs.

        Its properties can be read until the connection is closed.

        Args:
            descriptors: files that properties of type `h` mean by their index.
        """
        self._bus.watch(f"type='signal',sender='{_NAME}',path='{_path(unit)}'")
        kept = {
            **properties,
            "AddRef": Variant("b", True),
            "CollectMode": Variant("s", "inactive-or-failed"),
        }
        values: tuple[Any, ...] = (unit, "fail", [*kept.items()], [])
        signature = "ssa(sv)a(sa(sv))"
        result = self._job(unit, "StartTransientUnit", signature, *values, files=descriptors)
        if result != "done":
            why, status = self.get(unit, "Service", "Result", "ExecMainStatus")
            raise BusError(
                f"{unit} was not started: {result}: {why}, status {status}",
                f"see `journalctl -u {unit}` and systemd.exec(5)",
            )

    def stop(self, unit: str) -> None:
        """Kill every process of a unit that exists; returns once it is gone."""
        self.kill(unit, "all", signal.SIGKILL)
        self._job(unit, "StopUnit", "ss", unit, "replace")

    def kill(self, unit: str, whom: Literal["main", "all"], sent: signal.Signals) -> None:
        """Send a signal to a unit's main process, or to all; that it has ended is no error."""
        self._bus.tell(_MANAGER, "KillUnit", "ssi", unit, whom, sent)

    def get(self, unit: str, kind: str, *properties: str) -> list[Any]:
        """Properties of a unit.

        Args:
            kind: whose they are: `Unit`, or `Service`.
        """
        face = Face(_NAME, _path(unit), "org.freedesktop.DBus.Properties")
        owner = f"{_NAME}.{kind}"
        return [self._bus.ask(face, "Get", "ss", owner, name)[0].value for name in properties]

    def names(self, pattern: str) -> list[str]:
        """The units whose names fit a shell pattern."""
        (units,) = self._bus.ask(_MANAGER, "ListUnitsByPatterns", "asas", [], [pattern])
        return [unit[0] for unit in units]

    def changed(self) -> bool:
        """Whether anything was heard of the units that were started here since the last time."""
        return bool(self._bus.signals())

    def _job(
        self, unit: str, method: str, signature: str, *values: Any, files: Sequence[int] = ()
    ) -> str:
        """Call what gives a job, and wait for its result: `done`, `failed`, `canceled`, …"""
        self._bus.watch(
            f"type='signal',sender='{_NAME}',interface='{_MANAGER.interface}',"
            f"member='JobRemoved',arg2='{unit}'"
        )
        (job,) = self._bus.ask(_MANAGER, method, signature, *values, descriptors=files)
        deadline = time.monotonic() + JOB_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            for heard in self._bus.signals(left):
                if heard.member == "JobRemoved" and heard.body[1] == job:
                    return str(heard.body[3])
        raise BusError(
            f"{method} of {unit} took over {JOB_SECONDS:g} s", "see `systemctl list-jobs`"
        )


def _path(unit: str) -> str:
    """The object of a unit: every other character than a letter or a digit is written in hex."""
    escaped = "".join(
        character if character.isascii() and character.isalnum() else f"_{ord(character):02x}"
        for character in unit
    )
    return f"/org/freedesktop/systemd1/unit/{escaped}"
