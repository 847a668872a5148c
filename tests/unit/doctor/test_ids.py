"""Files that say whose an id is."""

import re

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.doctor.facts import Taken
from hyperhive.doctor.ids import parse_id_map, parse_subordinate, taken_ids


def test_subordinate_ids() -> None:
    text = "bob:100000:65536\n1001:200000:1\n# none\nhalf:1\n:5:5\neve:-1:3\n"
    assert parse_subordinate(text, "uid", "/etc/subuid") == (
        Taken("uid", 100000, 65536, "/etc/subuid: bob"),
        Taken("uid", 200000, 1, "/etc/subuid: 1001"),
        Taken("uid", 5, 5, "/etc/subuid: "),
    )


def test_a_containers_ids() -> None:
    own = "         0    2097152      65536\n"
    assert parse_id_map(own, "gid", "h-alice") == (
        Taken("gid", 2097152, 65536, "container h-alice", "h-alice"),
    )


def test_a_container_without_ids_of_its_own_has_taken_none() -> None:
    assert parse_id_map("         0          0 4294967295\n", "uid", "web") == ()


def test_this_machines_users_are_among_the_ids() -> None:
    users = taken_ids()["users"]
    assert isinstance(users, tuple)
    assert Taken("uid", 0, 1, "user root") in users


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    found = parse_subordinate(text, "uid", "f") + parse_id_map(text, "uid", "m")
    assert all(re.fullmatch(r"f: .*|container m", one.who, re.DOTALL) for one in found)
