"""A connection to the system bus: calls that wait for their answer, and signals to be read."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from hyperhive.errors import HyperhiveError
from hyperhive.systemd import main_loop

if TYPE_CHECKING:
    from dbus.bus import BusConnection

SECONDS: Final = 25.0
"""How long an answer may take; what libdbus takes for its default."""

_LOCAL: Final = "org.freedesktop.DBus.Local"
"""The interface of what libdbus itself tells its program: that the bus is gone."""


class BusError(HyperhiveError):
    """The bus, or a service on it, answered with an error.

    Attributes:
        name: the error's D-Bus name; "" if there was none.
    """

    def __init__(self, what: str, todo: str = "", *, name: str = "") -> None:
        super().__init__(what, todo)
        self.name = name


class BusLostError(BusError):
    """There is no connection to the bus, or none any more."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        sender: the unique name of who sent it.
        serial: its sender counts what it sends: what has a greater one was sent later.
    """

    values: list[Any]
    sender: str
    serial: int


class Signal:
    """A signal; its content is read when it is asked for, since most signals are not.

    Attributes:
        path, member: the object that sent it, and its name.
        sender, serial: as in a reply.
    """

    def __init__(self, message: Any) -> None:
        self._message = message
        self.path: str = message.get_path()
        self.member: str = message.get_member()
        self.sender: str = message.get_sender() or ""
        self.serial: int = message.get_serial()

    @property
    def values(self) -> list[Any]:
        """What it says."""
        values: list[Any] = self._message.get_args_list()
        return values


class Bus:
    """A private connection to the system bus.

    Belongs to one thread at a time, the one that runs the main loop while it waits. To be closed,
    or used as a context manager.

    Raises:
        BusLostError: the bus cannot be reached.
        HyperhiveError: dbus-python is not installed.
    """

    def __init__(self) -> None:
        try:
            from dbus import DBusException, SystemBus
        except ImportError:
            raise HyperhiveError(
                "systemd cannot be asked: the Python package dbus-python is missing",
                "install hyperhive with it: hyperhive[systemd]",
            ) from None
        self._signals: deque[Any] = deque()
        self._lost = False
        try:
            self._connection: BusConnection = SystemBus(
                private=True, mainloop=main_loop.dbus_main_loop()
            )
        except DBusException as error:
            raise _lost(error) from None
        # libdbus would end the whole process.
        self._connection.set_exit_on_disconnect(False)
        self._connection.add_message_filter(self._take)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def call(
        self,
        service: str,
        path: str,
        method: str,
        signature: str = "",
        *arguments: object,
        seconds: float = SECONDS,
    ) -> Reply:
        """Call a method and wait for its answer.

        Args:
            method: with its interface, joined by a dot.

        Raises:
            BusLostError: the connection is gone.
            BusError: the answer is an error, or there was none in `seconds`.
        """
        from dbus import DBusException
        from dbus.lowlevel import MethodCallMessage

        interface, _, member = method.rpartition(".")
        message = MethodCallMessage(service, path, interface, member)
        message.append(*arguments, signature=signature)
        try:
            answer = self._connection.send_message_with_reply_and_block(message, seconds)
        except DBusException as error:
            if not self._connection.get_is_connected():
                raise _lost(error) from None
            name = error.get_dbus_name() or ""
            raise BusError(error.get_dbus_message() or name, name=name) from None
        return Reply(answer.get_args_list(), answer.get_sender() or "", answer.get_serial())

    def match(self, rule: str) -> None:
        """Have the bus deliver signals that fit a match rule (D-Bus specification).

        Raises:
            BusError: as `call` does.
        """
        bus = "org.freedesktop.DBus"
        self.call(bus, "/org/freedesktop/DBus", f"{bus}.AddMatch", "s", rule)

    def wait(self, seconds: float | None) -> None:
        """Wait until something has happened, `main_loop.wake` is called, or `seconds` are over.

        Raises:
            BusLostError: the connection is gone.
        """
        if not self._signals and not self._lost:
            main_loop.iterate(seconds)
        if self._lost:
            raise _lost("the connection was closed")

    def signals(self) -> Iterator[Signal]:
        """The signals that have come, in order, each once."""
        while self._signals:
            yield Signal(self._signals.popleft())

    def _take(self, _: object, message: Any) -> int:
        from dbus.lowlevel import HANDLER_RESULT_NOT_YET_HANDLED, SignalMessage

        # Only kept here: an exception in a filter would be printed and forgotten.
        if isinstance(message, SignalMessage):
            if message.get_interface() == _LOCAL:
                self._lost = True
            else:
                self._signals.append(message)
        return int(HANDLER_RESULT_NOT_YET_HANDLED)


def _lost(why: object) -> BusLostError:
    words = " ".join(str(why).split())
    return BusLostError(f"the system bus is not there: {words}", "systemctl status dbus.service")
