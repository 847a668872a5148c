"""The examples, and the schema, which is the documentation of what may stand in them."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from hyperhive.hive.load import check_hive
from hyperhive.hive.models import AgentConfig, HiveConfig
from hyperhive.hive.tables import Declared
from tests.tools import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))


def test_the_examples_that_the_documents_name_are_there() -> None:
    assert {"hive.toml", "minimal.toml", "isolated.toml"} <= {path.name for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_checks(path: Path) -> None:
    assert check_hive(path).warnings == ()


def test_the_isolated_example_uses_every_field() -> None:
    hive = check_hive(ROOT / "examples" / "isolated.toml").hive
    assert unused(hive.hive, "hive") == []
    assert unused(hive.agents["alice"], "alice") == ["alice.model"]  # type: ignore[index]
    assert hive.agents["boss"].model  # type: ignore[index]


def unused(table: Declared, place: str) -> list[str]:
    """Fields that the file does not name, in a table and the tables inside it."""
    found = []
    for field in type(table).model_fields:
        value = getattr(table, field)
        if field not in table.model_fields_set:
            found.append(f"{place}.{field}")
        inner = value.values() if isinstance(value, dict) else [value]
        inner = value if isinstance(value, list) else inner
        for item in inner:
            if isinstance(item, Declared):
                found += unused(item, f"{place}.{field}")
    return found


TABLES: list[type[Declared]] = sorted(
    (table for table in Declared.__subclasses__() if table.__module__.startswith("hyperhive")),
    key=lambda table: table.__name__,
)


def test_every_field_is_described() -> None:
    schema = HiveConfig.model_json_schema()
    tables = {"HiveConfig": schema, **schema["$defs"]}
    bare = [
        f"{table}.{name}"
        for table, definition in tables.items()
        for name, field in definition.get("properties", {}).items()
        if not field.get("description")
    ]
    assert not bare


def test_every_example_of_the_schema_is_accepted() -> None:
    reached = 0
    for table in TABLES:
        for name, field in table.model_fields.items():
            adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
            for example in field.examples or []:
                text = TypeAdapter(object).dump_json(example)
                assert adapter.validate_json(text) is not None, f"{table.__name__}.{name}"
                reached += 1
    assert reached > len(AgentConfig.model_fields)


def test_every_simple_field_has_an_example() -> None:
    schema = HiveConfig.model_json_schema()
    bare = [
        f"{table}.{name}"
        for table, definition in schema["$defs"].items()
        for name, field in definition.get("properties", {}).items()
        if "$ref" not in field and not field.get("examples")
    ]
    assert not bare
