"""Units' names, paths and properties on the bus."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.systemd.properties import job_of, unit_name, unit_path, unit_status
from hyperhive.systemd.unit_status import UnitStatus


def test_the_path_of_a_container() -> None:
    path = "/org/freedesktop/systemd1/unit/container_40h_2dalice_2eservice"
    assert unit_path("container@h-alice.service") == path
    assert unit_name(path) == "container@h-alice.service"


@given(st.text(min_size=1))
def test_a_path_says_its_name(name: str) -> None:
    path = unit_path(name)
    assert re.fullmatch(r"/org/freedesktop/systemd1/unit/[A-Za-z0-9_]+", path)
    assert unit_name(path) == name


@given(st.text(min_size=1), st.text())
def test_paths_begin_as_their_names_do(beginning: str, end: str) -> None:
    assert unit_path(beginning + end).startswith(unit_path(beginning))


def test_what_is_no_unit_has_no_name() -> None:
    with pytest.raises(ValueError, match="not a unit's path"):
        unit_name("/org/freedesktop/systemd1/job/7")


def test_a_unit_that_was_killed() -> None:
    properties = {
        "LoadState": "loaded",
        "ActiveState": "failed",
        "SubState": "failed",
        "Result": "signal",
        "ExecMainCode": 2,
        "ExecMainStatus": 9,
        "InvocationID": [0x98, 0xCB],
        "MainPID": 0,
        "NRestarts": 3,
        "Job": (7, "/org/freedesktop/systemd1/job/7"),
        "Description": "not looked at",
    }
    assert unit_status("a.service", properties) == UnitStatus(
        name="a.service",
        load="loaded",
        active="failed",
        sub="failed",
        result="signal",
        exit_code=2,
        exit_status=9,
        invocation="98cb",
        restarts=3,
        job=True,
    )
    assert job_of(properties) == 7


def test_a_unit_of_which_nothing_is_known_does_not_run() -> None:
    assert unit_status("a.service", {}) == UnitStatus("a.service", "loaded", "inactive", "dead")
    assert job_of({}) == 0
