"""Where daemons log: the journal, with fields to search by, or standard error."""

import importlib
import logging
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from hyperhive.log_events import LogEvent

PATIENCE_SECONDS: Final = 1.0
"""How long a daemon waits for a journal that takes nothing, before it goes on without it."""
MOST_CHARACTERS: Final = 32_000
"""Of a message; the rest is left out. A traceback has fewer."""
MOST_IN_FIELD: Final = 1000
"""Characters of any other field."""

_LINE_CHARACTERS: Final = 8000
"""Longest line on a stream to the journal, which ends lines at 48 KiB (LineMax= of journald.conf):
what follows such an end could begin with a priority of somebody else's choice."""
_JOURNAL_SOCKET: Final = Path("/run/systemd/journal/socket")
_PRIORITIES: Final = {
    logging.CRITICAL: 2,
    logging.ERROR: 3,
    logging.WARNING: 4,
    logging.INFO: 6,
    logging.DEBUG: 7,
}
_CONTROLS: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"
}

Send = Callable[..., None]
"""`systemd.journal.sendv`: an entry from `NAME=value` bytes."""


def fields(
    event: LogEvent | None = None,
    *,
    agent: str | None = None,
    turn: int | None = None,
    approval: int | None = None,
    **more: str | int,
) -> dict[str, dict[str, str]]:
    """The `extra` of a log call: fields of the entry in the journal.

    Args:
        event: its kind, as MESSAGE_ID.
        agent, turn, approval: HYPERHIVE_AGENT, HYPERHIVE_TURN, HYPERHIVE_APPROVAL.
        more: further fields, named in capitals.
    """
    named = {
        "MESSAGE_ID": event,
        "HYPERHIVE_AGENT": agent,
        "HYPERHIVE_TURN": turn,
        "HYPERHIVE_APPROVAL": approval,
        **more,
    }
    return {"journal": {name: str(value) for name, value in named.items() if value is not None}}


def visible(text: str) -> str:
    """The text with control characters as escapes (`\\x1b`); line ends and tabs stay.

    So nothing of it acts on a terminal, and no program takes it for binary data.
    """
    return text.translate(_CONTROLS)


def start_logging(program: str, agent: str | None = None) -> None:
    """Logs from INFO on.

    To the journal itself where standard error is the journal and systemd's Python module is there.
    Else to standard error: for a service manager each line begins with its priority in angle
    brackets (sd-daemon(3)), for people with the time and who speaks.

    Args:
        program: what logs: `broker`, `harness`, …
        agent: the agent whose program it is; every entry gets it as HYPERHIVE_AGENT.
    """
    in_journal = is_journal(os.environ, 2)
    send = _find_send() if in_journal else None
    handler: logging.Handler
    if send is not None:
        handler = JournalHandler(send, JournalSocket(_JOURNAL_SOCKET), program, agent)
    else:
        handler = logging.StreamHandler(sys.stderr)
        managed = os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()) and not os.isatty(2)
        if in_journal or managed:
            handler.setFormatter(PriorityFormatter())
        else:
            handler.setFormatter(TerminalFormatter(agent or program))
    # The format is for a handler that has none of its own: level and name are fields of an entry.
    logging.basicConfig(level=logging.INFO, handlers=[handler], format="%(message)s")
    # It would log each request.
    logging.getLogger("httpx").setLevel(logging.WARNING)


def is_journal(environment: Mapping[str, str], descriptor: int) -> bool:
    """Whether the descriptor is a stream to the journal.

    JOURNAL_STREAM alone does not say so: programs inherit it with another standard error
    (systemd.exec(5)).
    """
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _find_send() -> Send | None:
    try:
        # `systemd.journal` is this function and a reader of journals, which takes another 0.7 MB
        # in every idle harness.
        send: Send = importlib.import_module("systemd._journal").sendv
    except (ImportError, AttributeError):
        return None
    return send


class JournalSocket:
    """Journald's socket, looked at before something is sent: a send would wait for ever for a
    journald that hangs, and with it a daemon that has better things to do.

    Args:
        patience: seconds that it is waited for.
    """

    def __init__(self, path: Path, patience: float = PATIENCE_SECONDS) -> None:
        self._path = path
        self._patience = patience
        self._hangs = False
        self._connected: socket.socket | None = None

    def has_room(self) -> bool:
        """Whether journald takes an entry; waits for it at most once until it does again."""
        poll = select.poll()
        try:
            poll.register(self._socket(), select.POLLOUT)
        except OSError:
            return False
        # Only a connected socket is told whether its receiver's queue is full.
        room = bool(poll.poll(0 if self._hangs else self._patience * 1000))
        self._hangs = not room
        return room

    def close(self) -> None:
        """Forget the socket."""
        if self._connected is not None:
            self._connected.close()
            self._connected = None

    def _socket(self) -> socket.socket:
        if self._connected is None:
            connecting = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                connecting.connect(str(self._path))
            except OSError:
                connecting.close()
                raise
            self._connected = connecting
        return self._connected


class JournalHandler(logging.Handler):
    """Sends each record as one entry with its fields.

    A value cannot become another field or entry, whatever it holds: each is sent with its length.
    Entries that journald does not take are counted, and the next one that it takes says so.

    Args:
        receiver: where `send` sends to.
        program, agent: see `start_logging`.
    """

    def __init__(
        self, send: Send, receiver: JournalSocket, program: str, agent: str | None
    ) -> None:
        super().__init__()
        self._send = send
        self._receiver = receiver
        self._always = {"SYSLOG_IDENTIFIER": f"hyperhive-{program}"}
        if agent is not None:
            self._always["HYPERHIVE_AGENT"] = agent
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        try:
            self._deliver(self._of_record(record))
        except Exception:  # noqa: BLE001 - as every handler: no log call may end what it is in
            self.handleError(record)

    def close(self) -> None:
        """See `logging.Handler`."""
        self._receiver.close()
        super().close()

    def _deliver(self, entry: Mapping[str, str]) -> None:
        if not self._receiver.has_room():
            self._lost += 1
            return
        try:
            if self._lost:
                note = f"{self._lost} entries before this are lost: the journal took none"
                self._send(*self._encoded({"MESSAGE": note, "PRIORITY": "4"}))
                self._lost = 0
            self._send(*self._encoded(entry))
        except OSError:
            self._lost += 1

    def _of_record(self, record: logging.LogRecord) -> dict[str, str]:
        return {
            "MESSAGE": self.format(record),
            "PRIORITY": str(_priority(record)),
            "CODE_FILE": record.pathname,
            "CODE_LINE": str(record.lineno),
            "CODE_FUNC": record.funcName,
            "LOGGER": record.name,
            **getattr(record, "journal", {}),
        }

    def _encoded(self, entry: Mapping[str, str]) -> Iterator[bytes]:
        for name, value in {**self._always, **entry}.items():
            most = MOST_CHARACTERS if name == "MESSAGE" else MOST_IN_FIELD
            yield f"{name}={visible(shortened(value, most))}".encode(errors="backslashreplace")


class PriorityFormatter(logging.Formatter):
    """Lines that begin with their priority, for a service manager that reads standard error."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        prefix = f"<{_priority(record)}>"
        return "\n".join(
            prefix + line[start : start + _LINE_CHARACTERS]
            for line in _lines(super().format(record))
            for start in range(0, max(len(line), 1), _LINE_CHARACTERS)
        )


class TerminalFormatter(logging.Formatter):
    """Lines for people: the time, who speaks, the level. What follows the first is indented."""

    def __init__(self, source: str) -> None:
        form = f"%(asctime)s.%(msecs)03d {source} %(levelname).1s %(message)s"
        super().__init__(form, datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        return "\n    ".join(_lines(super().format(record)))


def shortened(text: str, most: int) -> str:
    """The text with at most `most` characters of its own; then what is left out."""
    over = len(text) - most
    return text if over <= 0 else f"{text[:most]}… ({over} more characters)"


def _lines(text: str) -> Sequence[str]:
    return visible(shortened(text, MOST_CHARACTERS)).split("\n")


def _priority(record: logging.LogRecord) -> int:
    return _PRIORITIES.get(record.levelno, 6)
