"""Nix for the tests: which versions, on which nixpkgs, and this project as a flake.

Environment:
    HYPERHIVE_NIX: directories (`:` between them) with the programs of further versions of Nix;
        every test with the fixture `nix` runs once more with each.
    HYPERHIVE_NIXPKGS: a real nixpkgs tree; tests with the fixture `nixpkgs` run with it too.
"""

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.nixos.nix import STUBS, Nix, find
from tests.tools import ROOT, need

FURTHER_NIX: Final = [path for path in os.environ.get("HYPERHIVE_NIX", "").split(":") if path]

NAMED_NIXPKGS: Final = os.environ.get("HYPERHIVE_NIXPKGS", "")

REAL_NIXPKGS_NEEDS: Final = (2, 18)
"""The oldest Nix that a current nixpkgs evaluates with."""

FLAKE_PARTS: Final = (
    "LICENSE",
    "flake.nix",
    "modules",
    "pkgs/hyperhive",
    "templates",
    "tests/e2e/script.json",
    "tests/nixos/checks.nix",
    "tests/nixos/vm",
)
"""What the flake consists of; a checkout holds virtual environments and caches beside it."""


@pytest.fixture(scope="session", params=["nix", *FURTHER_NIX])
def nix(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Nix:
    """Each version of Nix; skipped, or failed where every tool is required, without one."""
    directory = None if request.param == "nix" else Path(request.param)
    return need(
        f"{request.param} (nix and nix-instantiate)",
        find(directory, tmp_path_factory.mktemp("nix")),
        "apt-get install nix-bin",
    )


@pytest.fixture(scope="session")
def real_nixpkgs(nix: Nix) -> Path:
    """The nixpkgs tree that HYPERHIVE_NIXPKGS names; skipped without one."""
    if not NAMED_NIXPKGS:
        pytest.skip("HYPERHIVE_NIXPKGS names no nixpkgs tree")
    if nix.version < REAL_NIXPKGS_NEEDS:
        pytest.skip("a current nixpkgs needs Nix 2.18")
    return Path(NAMED_NIXPKGS).resolve(strict=True)


@pytest.fixture(scope="session", params=["stand-in", *(["real"] if NAMED_NIXPKGS else [])])
def nixpkgs(request: pytest.FixtureRequest) -> Path:
    """The stand-in for nixpkgs, then the real one if there is one."""
    if request.param == "stand-in":
        return STUBS
    real: Path = request.getfixturevalue("real_nixpkgs")
    return real


@pytest.fixture(scope="session")
def flake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A reference to this project's flake, without what a checkout holds besides."""
    copy = tmp_path_factory.mktemp("flake") / "hyperhive"
    for part in FLAKE_PARTS:
        source, target = ROOT / part, copy / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, target, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, target)
    return f"path:{copy}"
