"""Every .nix file of the project is Nix."""

from pathlib import Path

import pytest

from tests.nixos.nix import Nix, NixError
from tests.tools import ROOT

pytestmark = pytest.mark.nix


def nix_files() -> list[Path]:
    places = [ROOT / "modules", ROOT / "pkgs" / "hyperhive", ROOT / "tests"]
    found = [path for place in places for path in place.rglob("*.nix")]
    return sorted([ROOT / "flake.nix", *found])


def test_every_file_parses(nix: Nix) -> None:
    files = nix_files()
    assert len(files) > 20
    nix.parse(files)


def test_a_file_that_is_not_nix_is_refused(nix: Nix, tmp_path: Path) -> None:
    broken = tmp_path / "broken.nix"
    broken.write_text("{ a = ; }")
    with pytest.raises(NixError, match="syntax error"):
        nix.parse([broken])


def test_no_module_brings_in_the_whole_lib() -> None:
    """`with lib;` hides where a name comes from."""
    guilty = [path for path in nix_files() if "with lib;" in path.read_text()]
    assert guilty == []
