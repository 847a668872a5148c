"""No template lets a value in unfiltered."""

from collections.abc import Iterator

import jinja2
import pytest
from jinja2 import nodes

from hyperhive.render.templates import FILTERS, environment, fill, template_names, template_source


def places(template: str) -> Iterator[nodes.Expr]:
    """Every `{{ }}` of a template."""
    for output in environment().parse(template).find_all(nodes.Output):
        yield from (node for node in output.nodes if not isinstance(node, nodes.TemplateData))


def unfiltered(template: str) -> list[nodes.Expr]:
    """The `{{ }}` whose outermost operation is none of the filters."""
    return [
        place
        for place in places(template)
        if not (isinstance(place, nodes.Filter) and place.name in FILTERS)
    ]


def test_all_templates_are_found() -> None:
    assert template_names() == [
        "agent-flake.nix.j2",
        "agent.nix.j2",
        "container-unit.conf.j2",
        "container.conf.j2",
        "flake.nix.j2",
        "system-prompt.md.j2",
    ]


@pytest.mark.parametrize("name", template_names())
def test_every_value_goes_through_a_filter(name: str) -> None:
    source = template_source(name)
    assert list(places(source)), "a template that takes no value would be a file"
    assert not unfiltered(source)
    assert "| safe" not in source


@pytest.mark.parametrize("source", ["{{ x }}", "{{ x | upper }}", "{{ (x | nix) ~ y }}"])
def test_an_unfiltered_value_is_seen(source: str) -> None:
    assert unfiltered(source)


def test_a_value_that_is_not_given_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        fill("agent.nix.j2", {"agent": {}})


def test_filters_are_all_there() -> None:
    assert set(environment().filters) >= FILTERS
