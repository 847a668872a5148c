"""Reads a declared hive: every problem of the file is found in one pass."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from hyperhive.hive.checks import declaration_problems, hive_problems
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.problems import InvalidHive, Level, Problem
from hyperhive.hive.secret_checks import secret_problems
from hyperhive.hive.shape import Declaration, salvage, shape_problems
from hyperhive.hive.syntax import STANDARD_INPUT, decode, read_source


@dataclass(frozen=True, slots=True)
class CheckedHive:
    """A hive that can be used.

    Attributes:
        source: the file it came from.
        warnings: what its operator should know all the same.
    """

    source: str
    hive: HiveConfig
    warnings: tuple[Problem, ...]


def load_hive(path: Path) -> HiveConfig:
    """The hive that a file declares; see `check_hive`.

    Raises:
        InvalidHive: it cannot be used.
    """
    return check_hive(path).hive


def check_hive(path: Path) -> CheckedHive:
    """The hive that a file declares, with the warnings about it.

    A file whose name ends in .json is JSON, any other is TOML. `-` is standard input, which is
    JSON if it begins with a brace.

    Raises:
        InvalidHive: it cannot be read or used.
    """
    content, source = read_source(path)
    if path == STANDARD_INPUT:
        json_file = content.lstrip().startswith(b"{")
    else:
        json_file = path.suffix.lower() == ".json"
    data, repeated = decode(content, source, json_file=json_file)
    return _checked(data, source, repeated)


def parse_hive(data: object, source: str) -> HiveConfig:
    """The hive in `data`, which is already decoded from TOML or JSON.

    Args:
        source: what to call the data in errors.

    Raises:
        InvalidHive: it cannot be used.
    """
    return _checked(data, source, []).hive


def _checked(data: object, source: str, problems: list[Problem]) -> CheckedHive:
    hive = None
    try:
        hive = HiveConfig.model_validate(data)
        declaration = Declaration(hive.agents, frozenset(hive.agents))
        problems += hive_problems(hive)
    except ValidationError as error:
        problems += shape_problems(error)
        declaration = salvage(data, error)
    problems += declaration_problems(declaration)
    problems += secret_problems(data)
    if hive is None or any(found.level is Level.ERROR for found in problems):
        raise InvalidHive(source, problems)
    return CheckedHive(source, hive, tuple(problems))
