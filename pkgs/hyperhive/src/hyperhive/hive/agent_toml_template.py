"""An agent.toml to begin with: every setting that a proposal may name, as a comment."""

import textwrap
from collections.abc import Iterator
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel

from hyperhive.hive.names import AgentName
from hyperhive.hive.override import Override
from hyperhive.hive.shape import toml_value
from hyperhive.hive.tables import Declared

_WIDTH: Final = 79
_HEAD: Final = (
    "Every setting that a proposal may change stands here with an example: take away its `#`, and"
    " that of the [table] that it stands in. What is left out stays as the operator declares it."
    " A list takes the place of the declared one as a whole; [environment] and [mcp] only add to"
    " the declared ones, or replace single ones of them."
)


def template(name: AgentName) -> str:
    """An agent.toml for agent `name` that changes nothing, and says what it could change.

    A setting is a line that begins with `#` and no space.
    """
    return f"# agent.toml of {name}\n{settings_template()}"


def settings_template() -> str:
    """The same without the agent's name."""
    return "\n".join(["#", *_comment(_HEAD), *_fields(Override)]) + "\n"


def _fields(schema: type[BaseModel]) -> Iterator[str]:
    """The plain settings first: what follows a table's head belongs to that table."""
    tables = {name for name, field in schema.model_fields.items() if _is_table(field.annotation)}
    for plain in (True, False):
        for name, field in schema.model_fields.items():
            if (name not in tables) is not plain:
                continue
            yield ""
            yield from _comment(field.description or "")
            if plain:
                yield _setting(name, field.examples)
            else:
                yield from _table(name, field.annotation, field.examples)


def _table(name: str, annotation: Any, examples: list[Any] | None) -> Iterator[str]:
    if isinstance(annotation, type):
        yield f"#[{name}]"
        yield from _members(annotation)
        return
    ((key, example),) = _first(examples).items()
    inner = get_args(annotation)[1]
    if isinstance(inner, type) and issubclass(inner, Declared):
        yield f"#[{name}.{key}]"
        yield from _members(inner)
    else:
        yield f"#[{name}]"
        yield f"#{key} = {toml_value(example)}"


def _members(schema: type[BaseModel]) -> Iterator[str]:
    for name, field in schema.model_fields.items():
        yield from _comment(field.description or "")
        yield _setting(name, field.examples)


def _setting(name: str, examples: list[Any] | None) -> str:
    return f"#{name} = {toml_value(_first(examples))}"


def _first(examples: list[Any] | None) -> Any:
    if not examples:
        raise ValueError("every setting of a proposal has an example")
    return examples[0]


def _is_table(annotation: Any) -> bool:
    if isinstance(annotation, type):
        return issubclass(annotation, Declared)
    return get_origin(annotation) is dict


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ")
