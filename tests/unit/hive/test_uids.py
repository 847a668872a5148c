import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.hive.names import AGENT_NAME_PATTERN, AgentName
from hyperhive.hive.uids import FIRST_BASE, LAST_BASE, SIZE, SLOTS, slot_range, uid_range

names = st.from_regex(AGENT_NAME_PATTERN, fullmatch=True).map(AgentName)


@given(names)
def test_every_name_has_an_aligned_range_inside_the_containers_range(name: AgentName) -> None:
    found = uid_range(name)
    assert found.base % SIZE == 0
    assert FIRST_BASE <= found.base <= LAST_BASE
    assert found == uid_range(name)


@given(names, st.integers())
def test_an_explicit_base_is_taken_or_refused(name: AgentName, base: int) -> None:
    try:
        found = uid_range(name, base)
    except InputError:
        assert base % SIZE or not FIRST_BASE <= base <= LAST_BASE
    else:
        assert found.base == base
        assert FIRST_BASE <= found.base <= LAST_BASE
        assert found.base % SIZE == 0


def test_the_range_of_a_name_never_changes() -> None:
    # The owners of every agent's files hang on this; these values are part of the format.
    assert uid_range(AgentName("alice")).base == 404226048
    assert uid_range(AgentName("a")).base == 1355481088


def test_the_users_of_a_range() -> None:
    found = uid_range(AgentName("alice"), 1048576)
    assert (found.root, found.agent, found.last) == (1048576, 1049576, 1114111)
    assert found.contains(found.root)
    assert found.contains(found.last)
    assert not found.contains(found.root - 1)
    assert not found.contains(found.last + 1)


def test_the_first_and_the_last_range() -> None:
    assert slot_range(0).base == FIRST_BASE
    assert slot_range(SLOTS - 1).base == LAST_BASE


@pytest.mark.parametrize(
    ("base", "message"),
    [(0, "outside"), (FIRST_BASE - SIZE, "outside"), (LAST_BASE + SIZE, "outside")],
)
def test_bases_outside_of_the_range(base: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        uid_range(AgentName("a"), base)


def test_a_base_between_two_ranges_names_the_one_below() -> None:
    with pytest.raises(InputError, match="not a multiple") as caught:
        uid_range(AgentName("a"), FIRST_BASE + 7)
    assert str(FIRST_BASE) in caught.value.todo
