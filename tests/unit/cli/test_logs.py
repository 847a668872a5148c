"""What `hyperhive logs` takes and prints."""

import sys
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.cli.log_times import parse_since
from hyperhive.cli.logs import _line, logs
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.names import AgentName
from hyperhive.systemd.journal import Entry, Origin

NOW = datetime(2030, 5, 6, 14, 30, 10, 123)
ALICE = AgentName("alice")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("30s", NOW - timedelta(seconds=30)),
        ("5m", NOW - timedelta(minutes=5)),
        ("5min", NOW - timedelta(minutes=5)),
        ("-2h", NOW - timedelta(hours=2)),
        ("3 d ago", NOW - timedelta(days=3)),
        ("1w", NOW - timedelta(weeks=1)),
        ("today", datetime(2030, 5, 6)),
        ("Yesterday", datetime(2030, 5, 5)),
        ("9:05", datetime(2030, 5, 6, 9, 5)),
        ("09:05:07", datetime(2030, 5, 6, 9, 5, 7)),
        ("2030-01-31", datetime(2030, 1, 31)),
        ("2030-01-31 14:30", datetime(2030, 1, 31, 14, 30)),
    ],
)
def test_since_is_a_time(text: str, time: datetime) -> None:
    assert parse_since(text, NOW) == time


def test_since_may_name_a_zone() -> None:
    expected = datetime.fromisoformat("2030-01-31T14:30+05:00").timestamp()
    assert parse_since("2030-01-31T14:30+05:00", NOW).timestamp() == expected


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2030-02-30", "5 parsecs", "999999999w"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no time"):
        parse_since(text, NOW)


@given(text=st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with suppress(InputError):
        assert parse_since(text, NOW).tzinfo is None


def entry(text: str, origin: Origin = Origin.HOST, source: str = "hyperhive-broker") -> Entry:
    """Make an entry of today."""
    at = int(datetime.now().timestamp() * 1_000_000)
    return Entry(at, origin, source, "hyperhive.service", 6, text, turn="7")


def test_a_line_says_whose_words_it_is() -> None:
    host = _line(entry("begins"), ALICE)
    inside = _line(entry("runs", Origin.CONTAINER, "claude"), ALICE)
    assert host[9:] == "host    hyperhive-broker [7]: begins"
    assert inside[9:] == "h-alice claude [7]: runs"
    assert _line(entry("begins"), None)[9:] == "hyperhive-broker [7]: begins"


@given(text=st.text(), source=st.text(max_size=20))
def test_the_containers_words_never_look_like_the_hosts(text: str, source: str) -> None:
    lines = _line(entry(text, Origin.CONTAINER, source), ALICE).split("\n")
    assert lines[0][9:].startswith("h-alice ")
    assert all(line.startswith("    ") for line in lines[1:])
    assert "\x1b" not in "".join(lines)


def test_colour_says_the_priority() -> None:
    error = Entry(0, Origin.HOST, "nspawn", "", 3, "failed")
    assert _line(error, ALICE).endswith("\x1b[31mnspawn: failed\x1b[0m")


def test_a_turn_needs_its_agent() -> None:
    refused = CliRunner().invoke(logs, ["--turn", "7"])
    assert isinstance(refused.exception, InputError)
    assert refused.exception.todo == "name it: hyperhive logs AGENT --turn 7"


def test_without_systemds_module_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "systemd.journal", None)
    refused = CliRunner().invoke(logs, ["alice"])
    assert isinstance(refused.exception, HyperhiveError)
    assert refused.exception.todo == "install hyperhive with it: hyperhive[systemd]"


def test_a_name_that_is_a_path_is_refused() -> None:
    refused = CliRunner().invoke(logs, ["../../etc"])
    assert isinstance(refused.exception, InputError)
