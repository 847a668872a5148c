"""What a daemon's log entries look like, whoever's words are in them."""

import logging
import os
import re
import select
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.log_events import LogEvent
from hyperhive.logs import (
    MOST_CHARACTERS,
    JournalHandler,
    JournalSocket,
    PriorityFormatter,
    TerminalFormatter,
    fields,
    is_journal,
    visible,
)

HOSTILE = st.one_of(
    st.text(),
    st.text(alphabet="\n\r\0\x1b\x85\u2028<0>=A\ud800é", max_size=40),
    st.text(alphabet="\n<0>x", min_size=1, max_size=20).map(lambda text: text * 3000),
)
"""Texts as an agent might send them to look like something else."""


def record(
    text: str, level: int = logging.INFO, extra: Mapping[str, Any] | None = None
) -> logging.LogRecord:
    """Make a record whose one argument is somebody's text."""
    made = logging.makeLogRecord(
        {"name": "hyperhive.broker.mail", "levelno": level, "msg": "%s", "args": (text,)}
    )
    made.levelname = logging.getLevelName(level)
    made.pathname, made.lineno, made.funcName = "/src/mail.py", 12, "send"
    made.__dict__.update(extra or {})
    return made


class Journal(JournalSocket):
    """Stands for journald: takes entries while it has room."""

    def __init__(self, program: str = "broker", agent: str | None = None) -> None:
        super().__init__(Path("/nonexistent"))
        self.room = True
        self.entries: list[dict[str, str]] = []
        self.handler = JournalHandler(self.send, self, program, agent)

    def has_room(self) -> bool:
        """See `JournalSocket`."""
        return self.room

    def send(self, *entry: bytes) -> None:
        """Take an entry as `systemd.journal.sendv` does."""
        pairs = [one.decode().split("=", 1) for one in entry]
        taken = dict(pairs)
        assert len(taken) == len(pairs), "a field is there twice"
        self.entries.append(taken)


def test_an_entry_has_its_fields() -> None:
    journal = Journal()
    extra = fields(LogEvent.TURN_STARTED, agent="alice", turn=7, HYPERHIVE_CHANGES="a, b")
    journal.handler.emit(record("begins", logging.WARNING, extra))
    assert journal.entries == [
        {
            "MESSAGE": "begins",
            "MESSAGE_ID": LogEvent.TURN_STARTED.value,
            "PRIORITY": "4",
            "SYSLOG_IDENTIFIER": "hyperhive-broker",
            "HYPERHIVE_AGENT": "alice",
            "HYPERHIVE_TURN": "7",
            "HYPERHIVE_CHANGES": "a, b",
            "LOGGER": "hyperhive.broker.mail",
            "CODE_FILE": "/src/mail.py",
            "CODE_LINE": "12",
            "CODE_FUNC": "send",
        }
    ]


def test_every_entry_of_an_agents_program_names_the_agent() -> None:
    journal = Journal("harness", "alice")
    journal.handler.emit(record("connected"))
    assert journal.entries[0]["HYPERHIVE_AGENT"] == "alice"
    assert journal.entries[0]["SYSLOG_IDENTIFIER"] == "hyperhive-harness"


def test_what_is_not_known_is_no_field() -> None:
    assert fields(agent=None, turn=3) == {"journal": {"HYPERHIVE_TURN": "3"}}


def test_a_traceback_is_one_entry() -> None:
    journal = Journal()
    try:
        raise OSError("disk\0full")
    except OSError:
        journal.handler.emit(record("failed", extra={"exc_info": sys.exc_info()}))
    message = journal.entries[0]["MESSAGE"]
    assert message.startswith("failed\nTraceback (most recent call last):\n")
    assert message.endswith("OSError: disk\\x00full")


@given(text=HOSTILE, value=HOSTILE)
def test_no_text_makes_fields_or_entries_of_its_own(text: str, value: str) -> None:
    journal = Journal()
    extra = fields(agent="alice", HYPERHIVE_CHANGES=value)
    journal.handler.emit(record(text, extra=extra))
    (entry,) = journal.entries
    assert entry["HYPERHIVE_AGENT"] == "alice"
    assert entry["PRIORITY"] == "6"
    assert set(entry) == {
        *("MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "LOGGER", "CODE_FILE", "CODE_LINE"),
        *("CODE_FUNC", "HYPERHIVE_AGENT", "HYPERHIVE_CHANGES"),
    }
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", entry["MESSAGE"])
    assert len(entry["MESSAGE"]) <= 6 * MOST_CHARACTERS + 100  # each as an escape at worst


@given(text=HOSTILE)
def test_every_line_for_a_manager_begins_with_our_priority(text: str) -> None:
    said = PriorityFormatter().format(record(text, logging.ERROR))
    # A stream to the journal is cut at line ends, at NUL, and after 48 KiB.
    for line in re.split(r"[\n\0]", said):
        assert line.startswith("<3>")
        assert len(line.encode(errors="backslashreplace")) < 48 << 10


@given(text=HOSTILE)
def test_no_text_looks_like_another_line_on_a_terminal(text: str) -> None:
    head, *more = TerminalFormatter("broker").format(record(text)).split("\n")
    assert re.match(r"\d\d:\d\d:\d\d\.\d{3} broker I ", head)
    assert all(line.startswith("    ") for line in more)
    assert "\x1b" not in head


@given(text=st.text())
def test_visible_text_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert (shown == text) == (not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text))


def test_entries_that_the_journal_does_not_take_are_counted() -> None:
    journal = Journal()
    journal.room = False
    for text in ("one", "two"):
        journal.handler.emit(record(text))
    journal.room = True
    journal.handler.emit(record("three"))
    journal.handler.emit(record("four"))
    assert [entry["MESSAGE"] for entry in journal.entries] == [
        "2 entries before this are lost: the journal took none",
        "three",
        "four",
    ]


def test_a_journal_that_is_gone_is_no_error() -> None:
    def refuse(*_: bytes) -> None:
        raise OSError("no journal")

    JournalHandler(refuse, Journal(), "broker", None).emit(record("one"))


def test_a_log_call_that_is_wrong_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal()
    wrong = record("one")
    wrong.msg = "%d"
    journal.handler.emit(wrong)
    assert journal.entries == []
    assert "TypeError" in capsys.readouterr().err


@contextmanager
def full_socket(path: Path) -> Iterator[socket.socket]:
    """Yield a socket at `path` that has no room for another datagram."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as taker,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as giver,
    ):
        taker.bind(str(path))
        giver.connect(str(path))
        giver.setblocking(False)
        while select.select([], [giver], [], 0)[1]:
            giver.send(b"entry")
        yield taker


def test_a_journal_that_hangs_is_waited_for_once(tmp_path: Path) -> None:
    looked_at = JournalSocket(tmp_path / "journal", patience=0.2)
    with full_socket(tmp_path / "journal") as taker, closing(looked_at):
        begun = time.monotonic()
        assert not looked_at.has_room()
        assert time.monotonic() - begun >= 0.2
        begun = time.monotonic()
        assert not any(looked_at.has_room() for _ in range(100))
        assert time.monotonic() - begun < 0.2
        while select.select([taker], [], [], 0)[0]:
            taker.recv(100)
        assert looked_at.has_room()


def test_without_its_socket_the_journal_has_no_room(tmp_path: Path) -> None:
    assert not JournalSocket(tmp_path / "journal").has_room()


def test_the_stream_must_be_the_one_that_is_named(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream, (tmp_path / "other").open("w") as other:
        status = os.fstat(stream.fileno())
        named = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert is_journal(named, stream.fileno())
        assert not is_journal(named, other.fileno())
        assert not is_journal({}, stream.fileno())
        closed = other.fileno()
    assert not is_journal(named, closed)
