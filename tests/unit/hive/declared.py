"""Hives in TOML for tests, and what is wrong with them."""

import tomllib
from typing import Final

import pytest

from hyperhive.hive.load import parse_hive
from hyperhive.hive.problems import InvalidHive, Level, Problem

HIVE: Final = '[hive]\nname = "lab"\n'
TOKEN: Final = "ghp" + "_" + "a1B2" * 9
"""Looks like a GitHub token; put together here, so that no scanner takes it for one."""


def alice(fields: str) -> str:
    """A hive whose one agent declares `fields`."""
    return f"{HIVE}[agents.alice]\n{fields}\n"


def problems_of(text: str) -> list[Problem]:
    """All problems of a hive in TOML, which must not be good."""
    with pytest.raises(InvalidHive) as caught:
        parse_hive(tomllib.loads(text), "hive.toml")
    return list(caught.value.problems)


def the_error(text: str) -> Problem:
    """The one error of a hive in TOML."""
    found = [each for each in problems_of(text) if each.level is Level.ERROR]
    assert len(found) == 1, found
    return found[0]
