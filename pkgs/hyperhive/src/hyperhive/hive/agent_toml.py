"""Reads agent.toml: what a proposal wants changed of an agent's settings.

An agent writes it, so nothing in it is trusted: neither how deep it is nor what it asks for. Every
problem is found in one pass, since its author asks with a tool and waits for the answer.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pydantic import BaseModel, ValidationError

from hyperhive.errors import InputError
from hyperhive.hive.models import AgentConfig, HiveConfig, HiveSettings
from hyperhive.hive.override import Override
from hyperhive.hive.problems import NOTHING, InvalidHive, Level, Location, Problem, problem
from hyperhive.hive.secret_checks import secret_problems
from hyperhive.hive.shape import shape_problems
from hyperhive.hive.syntax import DEEPEST, decode
from hyperhive.hive.tables import Declared
from hyperhive.hive.toml_depth import longest_key

AGENT_TOML: Final = "agent.toml"

_MOST_NAMED: Final = 20
"""Problems that an error spells out: an agent reads it, and it fills that one's conversation."""


MOST_RULES: Final = 500
"""Of one list. Each is looked at with every other one before anybody decides."""


class InvalidProposal(InputError):
    """A proposal that cannot be.

    Attributes:
        problems: all that is wrong with it; `what` has them in one line.
    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        named = [
            f"{found.what} ({found.todo})" if found.todo else found.what
            for found in self.problems[:_MOST_NAMED]
        ]
        more = len(self.problems) - len(named)
        super().__init__(
            f"{source}: {'; '.join(named)}{f'; and {more} more' if more else ''}", MAY_SET
        )


def parse_agent_toml(text: str) -> Override:
    """The settings that an agent.toml names.

    Raises:
        InvalidProposal: it is no TOML, or names what it may not, or with values that cannot be.
    """
    if longest_key(text, DEEPEST) >= DEEPEST:
        raise InvalidProposal(
            AGENT_TOML,
            [problem(Level.ERROR, (), NOTHING, f"a key of {DEEPEST} parts or more", "")],
        )
    try:
        data, _ = decode(text.encode(), AGENT_TOML, json_file=False)
    except InvalidHive as error:
        problems = [
            replace(found, todo=found.todo if found.place else "") for found in error.errors
        ]
        raise InvalidProposal(AGENT_TOML, problems) from None
    except UnicodeEncodeError:
        raise InputError(f"{AGENT_TOML} is not Unicode", "save it as UTF-8") from None
    override, problems = None, list(_secrets(data))
    try:
        override = Override.model_validate(data)
    except ValidationError as error:
        problems[:0] = _shape(error)
    else:
        problems += _too_many(override)
    if override is None or problems:
        raise InvalidProposal(AGENT_TOML, problems)
    return override


def settable() -> list[str]:
    """Every setting that a proposal may name, as `bash.allow` and `mcp.NAME`."""
    return list(_places(Override, ""))


def _too_many(override: Override) -> Iterator[Problem]:
    for name, rules in (("allow", override.bash.allow), ("deny", override.bash.deny)):
        if len(rules) > MOST_RULES:
            yield problem(
                Level.ERROR,
                ("bash", name),
                NOTHING,
                f"{len(rules)} rules, more than the {MOST_RULES} that a list may have",
                "write one with * for several that differ in their arguments",
            )


def _shape(error: ValidationError) -> Iterator[Problem]:
    problems = shape_problems(error, Override)
    for details, found in zip(error.errors(include_url=False), problems, strict=True):
        if details["type"] == "extra_forbidden":
            yield _not_settable(details["loc"], found)
        else:
            yield found


def _not_settable(location: Location, found: Problem) -> Problem:
    """A field that a proposal has not; in the words of its owner, where it has one."""
    if location[0] in HiveConfig.model_fields:
        return replace(
            found,
            message="a proposal is about one agent alone",
            todo="write that agent's settings without a table around them",
        )
    if _has(AgentConfig, location) or _has(HiveSettings, location):
        return replace(
            found,
            message="belongs to the operator's declaration, and no proposal sets it",
            todo="remove it; ask the operator if it has to change",
        )
    return found


def _has(schema: type[BaseModel], location: Location) -> bool:
    """Whether a table of the declaration has a field at `location`."""
    for part in location:
        field = schema.model_fields.get(str(part))
        if field is None:
            return False
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return True
        schema = field.annotation
    return True


def _secrets(data: object) -> Iterator[Problem]:
    for found in secret_problems(data):
        if found.level is Level.ERROR:
            yield replace(
                found, todo="remove it; the operator declares where secrets are (credentials)"
            )


def _places(schema: type[BaseModel], before: str) -> Iterator[str]:
    for name, field in schema.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Declared):
            yield from _places(inner, f"{before}{name}.")
        elif isinstance(field.default, dict):
            yield f"{before}{name}.NAME"
        else:
            yield f"{before}{name}"


MAY_SET: Final = (
    f"a proposal may set {', '.join(settable())}; all else belongs to the operator's declaration"
)
"""What to do about a proposal that names something else."""
