"""Entries of a journal that may hold anything."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.names import AgentName
from hyperhive.systemd import journal_reader
from hyperhive.systemd.journal import Entry, Origin, entry_of, text_of, word_of
from hyperhive.systemd.journal_reader import (
    HIVE_UNITS,
    can_read_journal,
    of_agent,
    of_hive,
    of_unit,
)
from hyperhive.wire.records import from_json, to_json
from tests.tools import ROOT

FIELDS = (
    *("MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "_COMM", "_SYSTEMD_UNIT", "UNIT", "_PID"),
    *("HYPERHIVE_AGENT", "HYPERHIVE_TURN", "MESSAGE_ID"),
)
VALUES = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40),
    st.sampled_from(["0", "7", "1", "8", "٣", "-1", "container@h-alice.service"]),
    st.lists(st.binary(max_size=9), min_size=1, max_size=3),
    st.text(alphabet="\n\x1b<0>\ud800é", min_size=1, max_size=9).map(lambda text: text * 9000),
)
ENTRIES = st.dictionaries(st.sampled_from(FIELDS), VALUES)


def raw(**fields: Any) -> dict[str, Any]:
    """Make an entry's fields as a reader gives them."""
    return {"__REALTIME_TIMESTAMP": 1_700_000_000_000_000, **fields}


@given(fields=ENTRIES)
def test_any_fields_make_a_harmless_entry(fields: dict[str, Any]) -> None:
    entry = entry_of(raw(**fields), Origin.CONTAINER)
    assert 0 <= entry.priority <= 7
    assert entry.origin is Origin.CONTAINER
    for word in (entry.source, entry.unit, entry.agent, entry.turn, entry.message_id):
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", word)
        assert len(word) <= 4 * 200
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", entry.text)
    assert from_json(Entry, to_json(entry)) == entry


def test_an_entry_of_the_broker() -> None:
    fields = raw(
        MESSAGE="turn 7 begins",
        PRIORITY="4",
        SYSLOG_IDENTIFIER="hyperhive-broker",
        _SYSTEMD_UNIT="hyperhive.service",
        HYPERHIVE_AGENT="alice",
        HYPERHIVE_TURN="7",
        MESSAGE_ID="3af2014695c545d78ce6bd623ad5caa1",
    )
    assert entry_of(fields, Origin.HOST, console="container@h-alice.service") == Entry(
        at=1_700_000_000_000_000,
        origin=Origin.HOST,
        source="hyperhive-broker",
        unit="hyperhive.service",
        priority=4,
        text="turn 7 begins",
        agent="alice",
        turn="7",
        message_id="3af2014695c545d78ce6bd623ad5caa1",
    )


def test_the_console_is_the_containers_own_words() -> None:
    unit = "container@h-alice.service"
    fields = raw(MESSAGE="all is well", SYSLOG_IDENTIFIER="hyperhive-broker", _SYSTEMD_UNIT=unit)
    entry = entry_of(fields, Origin.HOST, console=unit)
    assert (entry.origin, entry.source) == (Origin.CONTAINER, "console")


def test_what_systemd_says_of_a_unit_is_the_hosts() -> None:
    unit = "container@h-alice.service"
    fields = raw(MESSAGE="Stopped.", SYSLOG_IDENTIFIER="systemd", _PID="1", UNIT=unit)
    entry = entry_of(fields | {"_SYSTEMD_UNIT": "init.scope"}, Origin.HOST, console=unit)
    assert (entry.origin, entry.source, entry.unit) == (Origin.HOST, "systemd", unit)


def test_who_wrote_it_is_named_as_well_as_can_be() -> None:
    assert entry_of(raw(_COMM="cat", _SYSTEMD_UNIT="a.service"), Origin.HOST).source == "cat"
    assert entry_of(raw(_SYSTEMD_UNIT="a.service"), Origin.HOST).source == "a.service"


def test_of_several_values_the_first_counts() -> None:
    assert word_of({"UNIT": [b"a", b"b"]}, "UNIT") == "a"


def test_a_long_text_says_what_is_left_out() -> None:
    assert text_of({"MESSAGE": "x" * 32_007}).endswith("x… (7 more characters)")


def test_the_hives_units_are_those_of_the_module() -> None:
    text = "".join(file.read_text() for file in (ROOT / "modules" / "host").glob("*.nix"))
    declared = {
        f"{name}.{kind.removesuffix('s')}"
        for kind, name in re.findall(r"systemd\.(\w+)\.(hyperhive[a-z-]*)", text)
    }
    assert declared | {"hyperhive.socket"} == set(HIVE_UNITS)


def test_an_agents_journal_has_what_runs_before_its_container() -> None:
    found = of_agent(AgentName("alice"), "container@h-alice.service", None)
    for unit in ("container@h-alice", "hyperhive-root@h-alice", "hyperhive-deploy@alice"):
        assert [f"_SYSTEMD_UNIT={unit}.service"] in found
        assert [f"UNIT={unit}.service", "_PID=1"] in found


def test_matches_trust_what_systemd_says_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_reader, "_hive_uids", lambda: [0, 900])
    unit = "container@h-alice.service"
    trusted = ("_UID=", "_SYSTEMD_UNIT=", "_PID=1", "_SYSTEMD_SLICE=")
    for matches in (
        of_agent(AgentName("alice"), unit, None),
        of_agent(AgentName("alice"), unit, 7),
        of_unit(unit),
        of_hive(),
    ):
        for group in matches:
            assert any(term.startswith(trusted) for term in group), group
    assert of_agent(AgentName("alice"), unit, 7) == [
        ["HYPERHIVE_AGENT=alice", "_UID=0", "_UID=900", "HYPERHIVE_TURN=7"]
    ]


def test_whether_the_systems_journal_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, elsewhere = tmp_path / "journal", tmp_path / "h-alice"
    monkeypatch.setattr(journal_reader, "_SYSTEM_JOURNALS", (str(top), str(tmp_path / "none")))
    assert can_read_journal(), "there is nothing"
    own, inner = top / "0123", elsewhere / "4567"
    for directory in (own, inner):
        directory.mkdir(parents=True)
    (top / "4567").symlink_to(inner)
    (inner / "system.journal").touch()
    assert can_read_journal(), "a container's is not the system's"
    (own / "system.journal").touch()
    assert can_read_journal()
    denied: set[Path] = {own / "system.journal"}
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) not in denied)
    assert not can_read_journal(), "a container's is not the system's"
    denied.add(own)
    monkeypatch.setattr("os.path.lexists", lambda path: False)
    assert not can_read_journal(), "what cannot be seen is no proof"
