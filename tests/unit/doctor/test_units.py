"""Units, as `systemctl show` writes them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.doctor.units import HOST_UNITS, NOTIFY, Unit, in_order, parse_units, units_of
from hyperhive.hive.load import parse_hive
from hyperhive.systemd.journal_reader import HIVE_UNITS

SHOWN = """\
Type=notify
Result=watchdog
MainPID=4711
Id=hyperhive.service
LoadState=loaded
ActiveState=failed
SubState=failed
StateChangeTimestamp=@1800000000

Id=hyperhive.socket
LoadState=not-found
ActiveState=inactive
SubState=dead
StateChangeTimestamp=
"""


def test_each_block_is_a_unit() -> None:
    assert parse_units(SHOWN) == {
        "hyperhive.service": Unit(
            "hyperhive.service", "loaded", "failed", "failed", "watchdog", 4711, 1_800_000_000.0
        ),
        "hyperhive.socket": Unit("hyperhive.socket", "not-found", "inactive", "dead", "", 0, None),
    }


def test_a_unit_without_a_file_does_not_exist() -> None:
    found = parse_units(SHOWN)
    assert [unit.exists for unit in found.values()] == [True, False]


def test_every_unit_of_the_hive_is_looked_at() -> None:
    assert {*HOST_UNITS, NOTIFY} == set(HIVE_UNITS)


def test_some_units_are_there_where_they_are_declared() -> None:
    hive: dict[str, Any] = {"name": "lab"}
    agents: dict[str, Any] = {"alice": {}}
    assert units_of(parse_hive({"hive": hive, "agents": agents}, "test")) == HOST_UNITS
    hive["notify"] = {"command": ["/opt/tell-me"]}
    hive["dashboard"] = {"bind": "fd00::1", "port": 8710, "token_file": "/run/token"}
    more = units_of(parse_hive({"hive": hive, "agents": agents}, "test"))
    assert set(more) - set(HOST_UNITS) == {NOTIFY, "hyperhive-dashboard-fd00--1-8710.socket"}


def test_what_others_systemd_knows_comes_last() -> None:
    def unit(name: str, load: str = "loaded", active: str = "inactive") -> Unit:
        return Unit(name, load, active, "", "success", 0, None)

    known = [
        unit("hyperhive.socket", load="not-found"),
        unit("container@h-alice.service", active="failed"),
        unit("hyperhive-notify.service"),
        unit("hyperhive-deploy@alice.service"),
        unit("hyperhive-deploy@bob.service", active="failed"),
        unit("hyperhive-gone.service", load="not-found"),
        unit("hyperhive-gone.timer", load="not-found", active="failed"),
        unit("hyperhive.service"),
    ]
    shown = in_order({one.name: one for one in known}, HOST_UNITS)
    assert [one.name for one in shown] == [
        "hyperhive.socket",
        "hyperhive.service",
        "hyperhive-deploy@bob.service",
        "hyperhive-gone.timer",
        "hyperhive-notify.service",
    ]


@given(
    st.text() | st.lists(st.sampled_from(["Id", "=", "MainPID", "\n", "\n\n", "x"])).map("".join)
)
def test_any_text_is_survived(text: str) -> None:
    for name, unit in parse_units(text).items():
        assert unit.name == name
