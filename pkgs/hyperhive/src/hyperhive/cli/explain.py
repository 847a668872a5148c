"""`hyperhive explain`: what a declared hive means for one agent."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from textwrap import wrap
from typing import Any
from unicodedata import east_asian_width

import click
from pydantic import BaseModel

from hyperhive.hive.explain import ExplainedRule, Explanation, explain_agent, find_agent
from hyperhive.hive.layers import Setting
from hyperhive.hive.load import load_hive
from hyperhive.hive.problems import Location, place

_WIDTH = 80
_LAYER_COLUMN = 70
_VALUE_COLUMN = 24
_TEXT_COLUMN = 9


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("agent")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def explain(file: Path, agent: str, as_json: bool) -> None:
    """Show what the hive in FILE means for AGENT.

    Its effective settings, the layer that each comes from, its container and host uids, and its
    rules with what they really match.
    """
    hive = load_hive(file)
    explanation = explain_agent(hive, find_agent(hive, agent))
    if as_json:
        click.echo(json.dumps(_document(explanation), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(explanation)))


def _document(explanation: Explanation) -> dict[str, Any]:
    uids = explanation.uids
    return {
        "name": explanation.effective.name,
        "hive": explanation.hive,
        "container": explanation.container,
        "uid_range": {
            "base": uids.base,
            "size": uids.size,
            "root": uids.root,
            "agent": uids.agent,
            "from": "name" if explanation.uids_from_name else "uid_base",
        },
        "settings": [
            {"place": place(at), "value": _plain(setting.value), "layer": setting.layer.value}
            for at, setting in explanation.effective.settings.items()
        ],
        "rules": [
            {
                "kind": "allow" if rule.allow else "deny",
                "rule": rule.text,
                "meaning": rule.meaning,
                "warnings": [asdict(warning) for warning in rule.warnings],
            }
            for rule in explanation.rules
        ],
    }


def _plain(value: object) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


def _lines(explanation: Explanation) -> Iterator[str]:
    uids, name = explanation.uids, explanation.effective.name
    origin = "from its name" if explanation.uids_from_name else "from uid_base"
    yield f"{name}, {explanation.effective.agent.role.value} in hive {explanation.hive}"
    yield ""
    yield f"container  {explanation.container} (container@{explanation.container}.service)"
    yield f"host uids  {uids.base} to {uids.last}, {origin}"
    yield f"           root is {uids.root}, the user agent is {uids.agent}"
    yield ""
    yield f"{'SETTING':<{_VALUE_COLUMN}}{'VALUE':<{_LAYER_COLUMN - _VALUE_COLUMN}}LAYER"
    for at, setting in explanation.effective.settings.items():
        yield from _setting_lines(at, setting)
    yield ""
    yield "RULES"
    for rule in explanation.rules:
        yield from _rule_lines(rule)


def _setting_lines(at: Location, setting: Setting) -> Iterator[str]:
    label = place(at)
    width = _LAYER_COLUMN - _VALUE_COLUMN - 1
    values = [line for text in _texts(at, setting.value) for line in wrap(text, width)] or ["-"]
    if len(label) >= _VALUE_COLUMN:
        yield from wrap(label, _WIDTH)
        label = ""
    first = f"{label:<{_VALUE_COLUMN}}{values[0]}"
    yield f"{first}{' ' * (_LAYER_COLUMN - _columns(first))}{setting.layer.value}"
    for more in values[1:]:
        yield f"{'':<{_VALUE_COLUMN}}{more}"


def _texts(at: Location, value: object) -> list[str]:
    """A value for the reader, in parts that begin a line each."""
    match value:
        case [] if at == ("recipients",):
            return ["anyone"]
        case None if at == ("uid_base",):
            return ["from the name"]
        case None if at[0] == "limits":
            return ["no limit"]
        case 0 if at[0] == "conversation":
            return ["never"]
        case bool():
            return ["yes" if value else "no"]
        case list() if all(isinstance(item, str) for item in value):
            # Commands may hold commas, so they stand one below the other.
            single_words = not any(" " in item or "," in item for item in value)
            return [", ".join(value)] if single_words else value
        case BaseModel() | list():
            return [json.dumps(_plain(value), ensure_ascii=False)]
        case _:
            return [str(value)]


def _columns(text: str) -> int:
    """Columns of a terminal that a text takes: an emoji takes two."""
    return len(text) + sum(east_asian_width(char) in "WF" for char in text)


def _rule_lines(rule: ExplainedRule) -> Iterator[str]:
    margin = " " * _TEXT_COLUMN
    kind = "allow" if rule.allow else "deny"
    for number, line in enumerate(wrap(rule.text, _WIDTH - _TEXT_COLUMN)):
        yield f"{margin}{line}" if number else f"  {kind:<{_TEXT_COLUMN - 2}}{line}"
    texts = [rule.meaning]
    for warning in rule.warnings:
        texts += [f"warning: {warning.message}", f"instead: {warning.instead}"]
    for text in texts:
        yield from wrap(text, _WIDTH, initial_indent=f"{margin}  ", subsequent_indent=f"{margin}  ")
