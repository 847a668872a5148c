"""The options of services.hyperhive and the schema of the declared hive have the same fields."""

import re
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from hyperhive.hive.models import HiveConfig
from tests.nixos.nix import Nix

pytestmark = pytest.mark.nix

ABOUT_THE_HOST = {"enable", "externalInterface", "package"}
"""Options that say how the host runs the hive, not what the hive is."""

BESIDE_SETTINGS = {
    "name",
    "model",
    "systemPrompt",
    "nameservers",
    "dashboard.bind",
    "dashboard.port",
    "dashboard.tokenFile",
    "notify.command",
    "notify.events",
}
"""Fields of [hive] that are options of their own; the others are in `settings`."""

OTHERWISE_NAMED = {"claudePackage": "hive.claude"}
"""Options whose values become something else in hive.json: a package its program."""


def schema_fields(annotation: Any, place: str = "") -> set[str]:
    """Return every field that a type of the schema can hold, as `agents.<name>.bash.allow`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {
            field
            for name, info in annotation.model_fields.items()
            for field in schema_fields(info.annotation, f"{place}.{name}" if place else name)
        }
    arguments = [each for each in get_args(annotation) if each is not NoneType]
    if get_origin(annotation) is dict:
        return _or_itself(schema_fields(arguments[1], f"{place}.<name>"), place)
    if get_origin(annotation) is list:
        return _or_itself(schema_fields(arguments[0], f"{place}.*"), place)
    return {place}


def _or_itself(inner: set[str], place: str) -> set[str]:
    """Fields of what a container holds; a container of plain values is a field itself."""
    tables = {field for field in inner if field not in {f"{place}.<name>", f"{place}.*"}}
    return tables or {place}


def option_fields(options: list[dict[str, Any]]) -> set[str]:
    """Return the same of the module's options, under the names that hive.json has."""
    names = {option["name"].removeprefix("services.hyperhive.") for option in options}
    # A set or list of submodules is not a field: its members are.
    tables = {name for name in names if any(other.startswith(f"{name}.") for other in names)}
    return {_in_hive_json(name) for name in names - tables - ABOUT_THE_HOST}


def _in_hive_json(option: str) -> str:
    if option in OTHERWISE_NAMED:
        return OTHERWISE_NAMED[option]
    if option in BESIDE_SETTINGS:
        option = f"hive.{option}"
    elif option.startswith("settings."):
        return f"hive.{option.removeprefix('settings.')}"
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", option)


def test_every_field_is_an_option_and_every_option_a_field(nix: Nix, nixpkgs: Path) -> None:
    options = nix.ask(nixpkgs, "host.options")
    fields = schema_fields(HiveConfig)
    assert "agents.<name>.binds.*.writable" in fields
    assert "agents.<name>.mcp.<name>.tools" in fields
    assert "hive.retention.stream_events_per_agent" in fields
    assert "agents.<name>.conversation.compact_percent" in fields
    assert option_fields(options) == fields


def test_every_option_is_described(nix: Nix, nixpkgs: Path) -> None:
    options = nix.ask(nixpkgs, "host.options")
    assert [option["name"] for option in options if not option["described"]] == []
    assert {option["name"] for option in options if not option["default"]} == {
        "services.hyperhive.agents.<name>.binds.*.source",
        "services.hyperhive.agents.<name>.binds.*.target",
        "services.hyperhive.agents.<name>.mcp.<name>.command",
        "services.hyperhive.name",
    }
