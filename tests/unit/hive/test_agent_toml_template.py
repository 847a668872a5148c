"""The agent.toml to begin with: it changes nothing, and names all that could be changed."""

import re

from hyperhive.hive.agent_toml import parse_agent_toml, settable
from hyperhive.hive.agent_toml_template import template
from hyperhive.hive.names import AgentName
from hyperhive.hive.override import Override
from hyperhive.hive.tables import McpServer
from hyperhive.wire.agent_toml import TEMPLATE

TEXT = template(AgentName("alice"))


def test_it_changes_nothing() -> None:
    assert parse_agent_toml(TEXT) == Override()
    assert not parse_agent_toml(TEXT).model_fields_set


def test_all_of_it_taken_out_of_comments_is_a_proposal() -> None:
    found = parse_agent_toml(re.sub(r"^#(?! |$)", "", TEXT, flags=re.MULTILINE))
    assert found.model_fields_set == set(Override.model_fields)
    for field in settable():
        value: object = found
        for part in field.removesuffix(".NAME").split("."):
            value = getattr(value, part)
        assert value, field
    assert found.mcp["github"].model_fields_set == set(McpServer.model_fields)


def test_it_fits_a_terminal() -> None:
    assert max(map(len, TEXT.splitlines())) < 80


def test_the_bridge_has_the_same() -> None:
    assert f"# agent.toml of alice\n{TEMPLATE}" == TEXT
