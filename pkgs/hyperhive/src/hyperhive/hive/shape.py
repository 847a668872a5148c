"""Turns pydantic's errors into problems, and finds what is left of a hive without the bad values.

The second lets the checks that look at agents together run on a file that has other problems, so
that all of them are reported at once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from hyperhive.hive.models import AgentConfig, HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.problems import NOTHING, Level, Location, Problem, problem
from hyperhive.hive.spelling import nearest
from hyperhive.hive.values import DECLARED_ERROR

_KEY_MARK = "[key]"
"""Last part of pydantic's location when a table's key, not its value, is bad."""
_EXPECTED = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """The agents of a file, as far as they can be read.

    Attributes:
        agents: those whose values are good; bad values are left out of them.
        names: every name that is declared, of agents with bad values too.
        broken: the places of the bad values.
    """

    agents: Mapping[AgentName, AgentConfig]
    names: frozenset[str]
    broken: frozenset[Location] = frozenset()

    def original(self, location: Location) -> Location:
        """The place in the file of a place in these agents, whose lists may have lost items."""
        found: Location = ()
        for part in location:
            if isinstance(part, int):
                lost = sorted(at[-1] for at in self.broken if at[:-1] == found)
                for index in lost:
                    if isinstance(index, int) and index <= part:
                        part += 1
            found = (*found, part)
        return found


def shape_problems(error: ValidationError, schema: type[BaseModel] = HiveConfig) -> list[Problem]:
    """Every error of a validation of `schema` as a problem."""
    return [_problem(details, schema) for details in error.errors(include_url=False)]


def salvage(data: object, error: ValidationError) -> Declaration:
    """What is left of the agents in `data` without the values that `error` names."""
    broken = frozenset(_broken_place(details) for details in error.errors(include_url=False))
    declared = data.get("agents") if isinstance(data, dict) else None
    if not isinstance(declared, dict):
        return Declaration({}, frozenset(), broken)
    agents = {}
    for name, table in _without(declared, broken, ("agents",)).items():
        try:
            agents[AgentName(name)] = AgentConfig.model_validate(table)
        except ValidationError:
            continue  # already reported: it has no good shape even without its bad values
    return Declaration(agents, frozenset(declared), broken)


def _broken_place(details: ErrorDetails) -> Location:
    location = details["loc"]
    if location[-1:] == (_KEY_MARK,):
        return location[:-1]
    # A table that lost a field it needs is of no use either.
    while (field := _field_at(location, HiveConfig)) is not None and field.is_required():
        location = location[:-1]
    return location


def _without(data: Any, broken: frozenset[Location], at: Location) -> Any:
    match data:
        case dict():
            return {
                key: _without(value, broken, (*at, key))
                for key, value in data.items()
                if (*at, key) not in broken
            }
        case list():
            return [
                _without(value, broken, (*at, index))
                for index, value in enumerate(data)
                if (*at, index) not in broken
            ]
        case _:
            return data


def _problem(details: ErrorDetails, schema: type[BaseModel]) -> Problem:
    location, value = details["loc"], details["input"]
    if location[-1:] == (_KEY_MARK,):
        location, value = location[:-1], NOTHING
    message, todo = _words(details, location, schema)
    if details["type"] in {"missing", "extra_forbidden", "too_short"}:
        value = NOTHING
    return problem(Level.ERROR, location, value, message, todo)


def _words(details: ErrorDetails, location: Location, schema: type[BaseModel]) -> tuple[str, str]:
    kind, context = details["type"], details.get("ctx", {})
    match kind:
        case _ if kind == DECLARED_ERROR:
            return context["what"], context["todo"]
        case "extra_forbidden":
            return "unknown field", _meant_field(location, schema)
        case "missing":
            return "missing", f"set it{_example(location, schema)}"
        case "enum" | "literal_error":
            choices = _choices(location, schema)
            todo = f"choose {' or '.join(choices)}"
            guess = isinstance(details["input"], str) and nearest(details["input"], choices)
            return "not one of the choices", f'did you mean "{guess}"? {todo}' if guess else todo
        case "greater_than_equal":
            return "too small", f"use {context['ge']} or more"
        case "less_than_equal":
            return "too large", f"use {context['le']} or less"
        case "too_short":
            return "no agent is declared", "declare one: [agents.alice]"
        case _ if kind in _EXPECTED:
            return f"not {_EXPECTED[kind]}", f"write {_EXPECTED[kind]}{_example(location, schema)}"
        case _:
            return details["msg"], f"see `hyperhive schema`{_example(location, schema)}"


def _meant_field(location: Location, schema: type[BaseModel]) -> str:
    """A suggestion for an unknown field: a field of its table, or of a table inside that one."""
    table = _type_at(location[:-1], schema)
    known: dict[str, str] = {}
    if isinstance(table, type) and issubclass(table, BaseModel):
        for name, field in table.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                known |= {sub: f"{name}.{sub}" for sub in inner.model_fields if sub not in known}
        known |= {name: name for name in table.model_fields}
        names = ", ".join(table.model_fields)
        guess = nearest(str(location[-1]), known)
        if guess:
            return f'did you mean "{known[guess]}"?'
        return f"remove it; the fields here are {names}"
    return "remove it"


def _choices(location: Location, schema: type[BaseModel]) -> list[str]:
    annotation = _type_at(location, schema)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return [choice.value for choice in annotation]
    return [str(choice) for choice in get_args(annotation)]


def _example(location: Location, schema: type[BaseModel]) -> str:
    field = _field_at(location, schema)
    if field is None or not field.examples:
        return ""
    return f", for example {toml_value(field.examples[0])}"


def toml_value(value: Any) -> str:
    """A value of an example as it stands in a line of TOML."""
    match value:
        case dict():
            inside = ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items())
            return f"{{ {inside} }}"
        case list():
            return f"[{', '.join(map(toml_value, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _field_at(location: Location, schema: type[BaseModel]) -> FieldInfo | None:
    """The field whose whole value stands at `location`, if there is one."""
    if not location:
        return None
    table = _type_at(location[:-1], schema)
    if isinstance(table, type) and issubclass(table, BaseModel):
        return table.model_fields.get(str(location[-1]))
    return None


def _type_at(location: Location, schema: type[BaseModel]) -> Any:
    """The annotation of what stands at `location`; None where there is no such place."""
    here: Any = schema
    for part in location:
        if isinstance(here, type) and issubclass(here, BaseModel):
            field = here.model_fields.get(str(part))
            here = field.annotation if field else None
        elif get_origin(here) in {dict, list}:
            here = get_args(here)[-1]
        else:
            return None
        if get_origin(here) is Annotated:
            here = get_args(here)[0]
    return here
