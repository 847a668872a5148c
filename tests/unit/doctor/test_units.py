"""Units, as `systemctl show` writes them."""

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.doctor.units import Unit, parse_units

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


@given(
    st.text() | st.lists(st.sampled_from(["Id", "=", "MainPID", "\n", "\n\n", "x"])).map("".join)
)
def test_any_text_is_survived(text: str) -> None:
    for name, unit in parse_units(text).items():
        assert unit.name == name
