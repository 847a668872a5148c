import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.hive.names import container_name, parse_agent_name, parse_hive_name


@pytest.mark.parametrize("name", ["a", "alice", "a1", "a-b", "manager", "abcdefghi", "x--y"])
def test_good_agent_names(name: str) -> None:
    assert parse_agent_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "A", "1a", "-a", "a-", "a_b", "abcdefghij", "a b", "a\n", "a/b", "..", "é", "a\0"],
)
def test_bad_agent_names(name: str) -> None:
    with pytest.raises(InputError, match="is not an agent's name"):
        parse_agent_name(name)


@pytest.mark.parametrize("name", ["operator", "system", "all"])
def test_reserved_agent_names(name: str) -> None:
    with pytest.raises(InputError, match="reserved"):
        parse_agent_name(name)


@pytest.mark.parametrize("name", ["", "Lab", "lab\n", "a" * 32, "9", "a_b"])
def test_bad_hive_names(name: str) -> None:
    with pytest.raises(InputError, match="is not a hive's name"):
        parse_hive_name(name)


def test_good_hive_names() -> None:
    assert parse_hive_name("a" * 31) == "a" * 31


@given(st.text())
def test_whatever_is_accepted_fits_an_interface_name(text: str) -> None:
    try:
        name = parse_agent_name(text)
    except InputError:
        return
    # The kernel's limit for the container's interface on the host.
    assert len(f"ve-{container_name(name)}") <= 15
    assert name.isascii()
