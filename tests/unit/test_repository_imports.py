"""The floors of the source layout: imports go downwards, and to declared dependencies only."""

import ast
import graphlib
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checkout import PACKAGE, Import, imports_of, package_modules
from tests.tools import ROOT

pytestmark = pytest.mark.checkout

FLOORS: Final = (
    ("errors", "log_events"),
    ("logs",),
    ("hive", "wire"),
    ("systemd",),
    ("render", "harness"),
    ("store",),
    ("broker",),
    ("operator", "local", "deploy", "watch", "notify", "doctor"),
    ("cli",),
)
"""The parts of the package from the ground up."""

PEERS: Final[frozenset[tuple[str, str]]] = frozenset(
    (part, "operator") for part in ("local", "deploy", "watch", "notify", "doctor")
)
"""Who may import whom on its own floor: a local run starts the operator plane in its process; what
deploys, watches or looks over the containers, or tells the operator, is a client of it."""

STANDARD_LIBRARY_ONLY: Final = {
    "errors": {"errors"},
    "log_events": {"log_events"},
    "logs": {"log_events", "logs"},
    "wire": {"errors", "wire"},
    "harness": {"errors", "log_events", "logs", "wire", "harness"},
    "testing": {"errors", "wire", "hive", "testing"},
}
"""Parts that import no third party, and which parts of the package they may stand on: the harness
keeps its idle memory small, and the stand-ins for other programs start fast and run anywhere."""

EXTRAS: Final = dict.fromkeys(("systemd", "logs", "harness"), ("systemd",))
"""Parts that may use what an extra of the package brings, and which one: only a host's daemons and
the harness of a container meet systemd."""

WHEN_ASKED: Final = {(f"{PACKAGE}.harness.systemd", "jeepney")}
"""Modules of those parts that import a third party after all, but not before it is needed."""

EXEMPT: Final = frozenset({f"{PACKAGE}.testing.demo"})
"""The demonstration speaks HTTP with the broker, as any client of it would."""

MODULES: Final = package_modules()
IMPORTS: Final = [
    found for name, file in MODULES.items() for found in imports_of(name, file, MODULES)
]


def part_of(module: str) -> str:
    """Return the part of the package that a module belongs to, "" for the package itself."""
    return [*module.split("."), ""][1]


def floor_of(part: str) -> int:
    """Return the number of a part's floor; testing may use the first, and nobody may use it."""
    if part == "testing":
        return floor_of("wire") + 1
    return next((number for number, parts in enumerate(FLOORS) if part in parts), -1)


def within_package() -> list[Import]:
    """Return the imports of the package's modules by each other."""
    return [found for found in IMPORTS if found.target.split(".")[0] == PACKAGE]


def test_every_part_has_a_floor() -> None:
    known = {part for floor in FLOORS for part in floor} | {"", "testing"}
    assert {part_of(module) for module in MODULES} <= known


def is_downwards(found: Import) -> bool:
    """Say whether an import within the package keeps to the layout."""
    importer, target = part_of(found.importer), part_of(found.target)
    if importer == target or target == "" or (importer, target) in PEERS:
        return True
    if target == "testing":
        # The command that runs a hive offers the scripted stand-in for claude.
        return importer in ("local", "cli")
    return floor_of(target) < floor_of(importer)


def test_imports_go_downwards() -> None:
    assert [str(found) for found in within_package() if not is_downwards(found)] == []


def test_the_harness_and_what_it_stands_on_need_the_standard_library_only() -> None:
    wrong = []
    for found in IMPORTS:
        part, top = part_of(found.importer), found.target.split(".")[0]
        if part not in STANDARD_LIBRARY_ONLY or found.importer in EXEMPT:
            continue
        own = top == PACKAGE and part_of(found.target) in STANDARD_LIBRARY_ONLY[part] | {""}
        late = (found.importer, top) in WHEN_ASKED and not found.at_start
        if not (own or late or top in sys.stdlib_module_names):
            wrong.append(str(found))
    assert wrong == []


def test_no_module_imports_itself_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in MODULES}
    for found in within_package():
        if found.at_start and found.target != found.importer:
            graph[found.importer].add(found.target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]), pytrace=False)


def test_third_party_imports_are_declared_dependencies() -> None:
    project = tomllib.loads((ROOT / "pkgs" / "hyperhive" / "pyproject.toml").read_text())["project"]
    needed = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    allowed = needed | {half for name in needed for half in other_halves(name)}
    extras = {
        part: {
            canonicalize_name(Requirement(text).name)
            for name in names
            for text in project["optional-dependencies"][name]
        }
        for part, names in EXTRAS.items()
    }
    distributions = packages_distributions()
    wrong = []
    for found in IMPORTS:
        top = found.target.split(".")[0]
        if top == PACKAGE or top in sys.stdlib_module_names:
            continue
        known = allowed | extras.get(part_of(found.importer), set())
        if not {canonicalize_name(name) for name in distributions.get(top, [top])} & known:
            wrong.append(str(found))
    assert wrong == []


def other_halves(distribution: str) -> Iterator[str]:
    """Yield the packages that a distribution needs in exactly one version: parts of itself."""
    for text in requires(distribution) or []:
        requirement = Requirement(text)
        if [one.operator for one in requirement.specifier] == ["=="]:
            yield canonicalize_name(requirement.name)


@pytest.mark.parametrize(("module", "file"), MODULES.items(), ids=list(MODULES))
def test_a_module_says_what_it_is(module: str, file: Path) -> None:
    tree = ast.parse(file.read_text())
    assert not tree.body or ast.get_docstring(tree), f"{module} has no docstring"


def test_an_import_upwards_would_be_found(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("def f() -> None:\n    from ..broker import core\n")
    modules = MODULES | {f"{PACKAGE}.broker.core": file}
    found = list(imports_of(f"{PACKAGE}.wire.module", file, modules))
    assert [one.target for one in found] == [f"{PACKAGE}.broker.core"]
    assert not found[0].at_start
    assert not is_downwards(found[0])
