"""The templates, and the filters through which every value enters them."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import jinja2

from hyperhive.render.conf import conf_value, nspawn_flags
from hyperhive.render.nix_literal import nix_literal, nix_name, nix_path
from hyperhive.render.unit import unit_resource, unit_text, unit_word

FILTERS: Final = frozenset(
    (
        "block",
        "conf",
        "line",
        "nix",
        "nix_name",
        "nix_path",
        "nspawn_flags",
        "unit_resource",
        "unit_text",
        "unit_word",
    )
)
"""The filters that make a value fit its place; a `{{ }}` without one of them is a defect."""


def fill(template: str, values: Mapping[str, object]) -> str:
    """Return the text of `template` with `values` in it.

    Raises:
        InputError: a value that its place cannot hold.
        jinja2.UndefinedError: the template names a value that is not given.
    """
    return environment().get_template(template).render(values)


@cache
def environment() -> jinja2.Environment:
    """The Jinja environment of every template."""
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(template_source),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # No template is HTML; each place has a filter of its own.
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.filters |= {
        "block": block,
        "conf": conf_value,
        "line": line,
        "nix": nix_literal,
        "nix_name": nix_name,
        "nix_path": nix_path,
        "nspawn_flags": nspawn_flags,
        "unit_resource": unit_resource,
        "unit_text": unit_text,
        "unit_word": unit_word,
    }
    return made


def template_names() -> list[str]:
    """Return the names of all templates, sorted."""
    found = (entry.name for entry in files("hyperhive").joinpath("templates").iterdir())
    return sorted(name for name in found if name.endswith(".j2"))


def template_source(name: str) -> str:
    """Return the text of the template `name`."""
    return files("hyperhive").joinpath("templates", name).read_text(encoding="utf-8")


def line(text: str) -> str:
    """Return `text` on one line, for prose."""
    return " ".join(text.split())


def block(text: str) -> str:
    """Return `text` as a paragraph of prose: no blank lines around it."""
    return text.strip("\n")
