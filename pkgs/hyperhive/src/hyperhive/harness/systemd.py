"""The service manager, asked over the bus (org.freedesktop.systemd1(5)).

jeepney speaks D-Bus. It is an extra of the package, imported only where systemd is asked.
"""

import signal
import struct
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple

from hyperhive.errors import HyperhiveError

ADDRESS: Final = "/run/dbus/system_bus_socket"
CALL_SECONDS: Final = 20.0
"""How long an answer may take."""
JOB_SECONDS: Final = 30.0
"""How long a unit may take to start or to stop."""

_NAME: Final = "org.freedesktop.systemd1"
_ROOT: Final = "/org/freedesktop/systemd1"
_MANAGER: Final = f"{_NAME}.Manager"
_MEND: Final = "see `systemctl status dbus.service`"


class BusError(HyperhiveError):
    """The bus is gone, or what was asked of it was refused."""


class Variant(NamedTuple):
    """A value that says its type, as a D-Bus signature."""

    signature: str
    value: Any


class Systemd:
    """A connection to it; a context manager.

    Every method raises BusError when systemd refuses or cannot be asked.

    Args:
        address: the socket of the bus.
    """

    def __init__(self, address: str = ADDRESS) -> None:
        self._address = address
        with self._bus_errors():
            self._bus = _connect(address)
        self._changes: deque[Any] = deque()
        try:
            self._tell("Subscribe")
        except BusError:
            self.close()
            raise

    def __enter__(self) -> "Systemd":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; a unit that `start` kept for this connection is forgotten once it has ended."""
        self._bus.close()

    def fileno(self) -> int:
        """The descriptor that is ready when `changed` may be true."""
        descriptor: int = self._bus.sock.fileno()
        return descriptor

    def start(
        self, unit: str, properties: Mapping[str, Variant], descriptors: Sequence[int]
    ) -> None:
        """Start a unit that did not exist, and hear of its changes; returns once it runs.

        Its properties can be read until the connection is closed.

        Args:
            descriptors: files that properties of type `h` mean by their index.
        """
        from jeepney import MatchRule

        self._hear(MatchRule(type="signal", path=_path(unit)), self._changes)
        kept = {
            name: Variant("h", descriptors[said.value]) if said.signature == "h" else said
            for name, said in properties.items()
        }
        kept["AddRef"] = Variant("b", True)
        kept["CollectMode"] = Variant("s", "inactive-or-failed")
        signature = "ssa(sv)a(sa(sv))"
        result = self._job("StartTransientUnit", signature, unit, "fail", [*kept.items()], [])
        if result != "done":
            why, status = self.get(unit, "Service", "Result", "ExecMainStatus")
            raise BusError(
                f"{unit} was not started: {result}: {why}, status {status}",
                f"see `journalctl -u {unit}` and systemd.exec(5)",
            )

    def stop(self, unit: str) -> None:
        """Kill every process of a unit that exists; returns once it is gone."""
        self.kill(unit, "all", signal.SIGKILL)
        self._job("StopUnit", "ss", unit, "replace")

    def kill(self, unit: str, whom: Literal["main", "all"], sent: signal.Signals) -> None:
        """Send a signal to a unit's main process, or to all; that it has ended is no error."""
        self._tell("KillUnit", "ssi", unit, whom, sent)

    def get(self, unit: str, kind: str, *properties: str) -> list[Any]:
        """Properties of a unit.

        Args:
            kind: whose they are: `Unit`, or `Service`.
        """
        answers = [
            self._ask(
                "Get",
                "ss",
                f"{_NAME}.{kind}",
                name,
                path=_path(unit),
                interface="org.freedesktop.DBus.Properties",
            )
            for name in properties
        ]
        return [value for (((_, value)),) in answers]

    def names(self, pattern: str) -> list[str]:
        """The units whose names fit a shell pattern."""
        (units,) = self._ask("ListUnitsByPatterns", "asas", [], [pattern])
        return [unit[0] for unit in units]

    def changed(self) -> bool:
        """Whether anything was heard of the units that were started here since the last time."""
        with self._bus_errors():
            try:
                while True:
                    self._bus.recv_messages(timeout=0)
            except TimeoutError:
                pass  # nothing more is there
        heard = bool(self._changes)
        self._changes.clear()
        return heard

    def _job(self, method: str, signature: str, unit: str, *values: Any) -> str:
        """Call what gives a unit a job, and wait for its result: `done`, `failed`, `canceled`, …"""
        from jeepney import MatchRule

        rule = MatchRule(type="signal", interface=_MANAGER, member="JobRemoved")
        rule.add_arg_condition(2, unit)
        with self._hear(rule, deque()) as removed:
            (job,) = self._ask(method, signature, unit, *values)
            deadline = time.monotonic() + JOB_SECONDS
            while (left := deadline - time.monotonic()) > 0:
                with self._bus_errors():
                    try:
                        heard = self._bus.recv_until_filtered(removed, timeout=left)
                    except TimeoutError:
                        break
                match heard.body:
                    case (_, path, _, result) if path == job:
                        return str(result)
        raise BusError(
            f"{method} of {unit} took over {JOB_SECONDS:g} s", "see `systemctl list-jobs`"
        )

    def _hear(self, rule: Any, kept: deque[Any]) -> Any:
        """Have the signals of systemd's sent here that fit a rule, and kept; a context manager
        that ends the keeping."""
        from jeepney import message_bus

        # Not in the rule itself: a message bears another name of its sender's.
        self._send(message_bus.AddMatch(f"{rule.serialise()},sender='{_NAME}'"))
        return self._bus.filter(rule, queue=kept)

    def _tell(self, member: str, signature: str | None = None, *values: Any) -> None:
        """Call a method of systemd's, and wait for no answer."""
        self._send(_call(_ROOT, _MANAGER, member, signature, values))

    def _send(self, call: Any) -> None:
        from jeepney import MessageFlag

        call.header.flags |= MessageFlag.no_reply_expected
        with self._bus_errors():
            self._bus.send(call)

    def _ask(
        self,
        member: str,
        signature: str,
        *values: Any,
        path: str = _ROOT,
        interface: str = _MANAGER,
    ) -> tuple[Any, ...]:
        """Call a method of systemd's; its answer."""
        from jeepney import MessageType

        call = _call(path, interface, member, signature, values)
        with self._bus_errors():
            try:
                answer = self._bus.send_and_get_reply(call, timeout=CALL_SECONDS)
            except TimeoutError:
                raise BusError(f"{member}: no answer in {CALL_SECONDS:g} s", _MEND) from None
        body: tuple[Any, ...] = answer.body
        if answer.header.message_type is MessageType.error:
            words = body[0] if body else "refused"
            raise BusError(f"{member}: {words}", "see `journalctl -b`")
        return body

    @contextmanager
    def _bus_errors(self) -> Iterator[None]:
        """Say of errors whose they are."""
        try:
            yield
        except OSError as error:
            why = error.strerror or str(error)
            raise BusError(f"the bus at {self._address}: {why}", _MEND) from None
        # It is not let in, or reads what is no message: jeepney has no word of its own for that.
        except (ValueError, LookupError, AssertionError, RuntimeError, struct.error) as error:
            raise BusError(f"the bus at {self._address}: {error}", _MEND) from None


def _connect(address: str) -> Any:
    """A connection to the bus, which waits for nothing without a limit."""
    try:
        from jeepney import DBusErrorResponse
        from jeepney.io.blocking import DBusConnection, prep_socket
    except ImportError:
        raise BusError(
            "systemd cannot be asked: the Python package jeepney is missing",
            "install hyperhive with it: hyperhive[systemd]",
        ) from None

    class Connection(DBusConnection):  # type: ignore[misc] # it has no types
        def receive(self, *, timeout: float | None = None) -> Any:
            # None: the answer to its greeting.
            return super().receive(timeout=CALL_SECONDS if timeout is None else timeout)

    bus = prep_socket(address, enable_fds=True, timeout=CALL_SECONDS)
    bus.settimeout(CALL_SECONDS)  # of what is sent
    try:
        return Connection(bus, enable_fds=True)
    except DBusErrorResponse as error:
        bus.close()
        raise BusError(f"the bus at {address}: {error}", _MEND) from None
    except BaseException:
        bus.close()
        raise


def _call(
    path: str, interface: str, member: str, signature: str | None, values: tuple[Any, ...]
) -> Any:
    from jeepney import DBusAddress, new_method_call

    return new_method_call(DBusAddress(path, _NAME, interface), member, signature, values)


def _path(unit: str) -> str:
    """The object of a unit: every other character than a letter or a digit is written in hex."""
    escaped = "".join(
        character if character.isascii() and character.isalnum() else f"_{ord(character):02x}"
        for character in unit
    )
    return f"{_ROOT}/unit/{escaped}"
