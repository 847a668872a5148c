"""The locked versions and pyproject.toml say the same."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.tools import ROOT

pytestmark = pytest.mark.checkout

PROJECT: Final = ROOT / "pkgs" / "hyperhive"
LOCKS: Final = PROJECT / "locks"
PYPROJECT: Final[dict[str, Any]] = tomllib.loads((PROJECT / "pyproject.toml").read_text())
EXTRAS: Final[dict[str, list[str]]] = PYPROJECT["project"]["optional-dependencies"]
ENDS: Final = ("newest", "lowest")


def pins(*files: Path) -> dict[str, Version]:
    """Return the locked version of each package, and check that no line is anything but a pin."""
    found: dict[str, Version] = {}
    for file in files:
        for line in file.read_text().replace("\\\n", " ").splitlines():
            if line.startswith("#"):
                continue
            match = re.fullmatch(r"([a-z0-9-]+)==(\S+)((?:\s+--hash=sha256:[0-9a-f]{64})+)", line)
            assert match, f"{file.name}: {line[:80]}"
            assert match[1] not in found, f"{file.name} pins {match[1]} a second time"
            found[match[1]] = Version(match[2])
    return found


def direct(end: str, extra: str | None) -> list[Requirement]:
    """Return what the lock of an end, or of one of its extras, must hold."""
    if extra:
        return [Requirement(text) for text in EXTRAS[extra]]
    groups = PYPROJECT["dependency-groups"]
    tools = groups["test"]
    if end == "newest":
        tools = tools + [entry for entry in groups["dev"] if isinstance(entry, str)]
    texts = PYPROJECT["project"]["dependencies"] + PYPROJECT["build-system"]["requires"] + tools
    return [Requirement(text) for text in texts]


def lock(end: str, extra: str | None) -> dict[str, Version]:
    """Return the pins of one end, with those of an extra on top."""
    files = [LOCKS / f"{end}.txt"]
    if extra:
        files.append(LOCKS / f"{end}-{extra}.txt")
    return pins(*files)


@pytest.mark.parametrize("extra", [None, *EXTRAS])
@pytest.mark.parametrize("end", ENDS)
def test_every_direct_dependency_is_pinned_within_its_range(end: str, extra: str | None) -> None:
    pinned = lock(end, extra)
    for requirement in direct(end, extra):
        version = pinned[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"{requirement.name} {version}"


@pytest.mark.parametrize("extra", [None, *EXTRAS])
def test_the_lowest_end_pins_the_lower_bounds(extra: str | None) -> None:
    pinned = lock("lowest", extra)
    for requirement in direct("lowest", extra):
        [bound] = [one.version for one in requirement.specifier if one.operator == ">="]
        assert pinned[canonicalize_name(requirement.name)] == Version(bound), requirement.name


def test_the_ends_differ() -> None:
    newest, lowest = lock("newest", None), lock("lowest", None)
    assert newest["mcp"].major > lowest["mcp"].major
    assert all(newest[name] >= version for name, version in lowest.items() if name in newest)


def test_no_lock_is_left_over() -> None:
    expected = {f"{end}{suffix}.txt" for end in ENDS for suffix in ["", *(f"-{e}" for e in EXTRAS)]}
    assert {file.name for file in LOCKS.iterdir()} == expected
