"""The flake loads on a stand-in for nixpkgs and offers what the README names."""

import ast
import json
import re
from pathlib import Path

import pytest

from hyperhive import __version__
from tests.nixos.nix import STUBS, Nix
from tests.tools import ROOT

pytestmark = pytest.mark.nix

MACHINES = sorted(
    path.stem for path in (ROOT / "tests/nixos/vm").glob("*.nix") if path.stem != "hive"
)
SYSTEMS = {"aarch64-linux", "x86_64-linux"}
NIXPKGS = ("--override-input", "nixpkgs", f"path:{STUBS}")


def test_outputs(nix: Nix, flake: str) -> None:
    outputs = nix.flake("show", flake, *NIXPKGS)
    assert set(outputs) == {
        "apps",
        "checks",
        "devShells",
        "formatter",
        "lib",
        "nixosModules",
        "overlays",
        "packages",
    }
    for output in ("apps", "checks", "devShells", "formatter", "packages"):
        assert set(outputs[output]) == SYSTEMS, output
    here = {output: set(outputs[output]["x86_64-linux"]) for output in ("apps", "packages")}
    assert here == {"apps": {"default"}, "packages": {"default", "hyperhive"}}
    assert len(MACHINES) > 4
    assert set(outputs["checks"]["x86_64-linux"]) == {"agent", "hive", "package", *MACHINES}
    assert {"agent", "default"} <= set(outputs["nixosModules"])
    assert set(outputs["overlays"]) == {"default"}


def test_check_passes(nix: Nix, flake: str) -> None:
    nix.run("nix", "flake", "check", "--no-build", "--no-write-lock-file", flake, *NIXPKGS)


def test_package_has_the_version_and_needs_of_the_python_package(nix: Nix, flake: str) -> None:
    package = nix.flake("eval", f"{flake}#packages.x86_64-linux.default.attributes", *NIXPKGS)

    assert package["version"] == __version__
    (source,) = re.findall(r"src/\S+[.]catalog", package["postInstall"])
    assert (ROOT / "pkgs/hyperhive" / source).is_file()


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_s_test_is_whole(nix: Nix, flake: str, machine: str) -> None:
    """Its hives hold their assertions, and its script is Python."""
    check = nix.flake("eval", f"{flake}#checks.x86_64-linux.{machine}.attributes", *NIXPKGS)
    failed = json.loads(check["content"])
    assert len(failed) > 0
    assert [message for messages in failed.values() for message in messages] == []
    ast.parse(check["testScript"])


@pytest.mark.slow
@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_s_test_evaluates(nix: Nix, real_nixpkgs: Path, flake: str, machine: str) -> None:
    check = f"{flake}#checks.x86_64-linux.{machine}.drvPath"
    given = ("--override-input", "nixpkgs", f"path:{real_nixpkgs}")
    assert nix.flake("eval", check, *given).endswith(".drv")


def test_agent_system_takes_what_rendered_flakes_give(nix: Nix, flake: str, tmp_path: Path) -> None:
    (tmp_path / "flake.nix").write_text("""{
      inputs.nixpkgs.url = "flake:nixpkgs";
      inputs.hyperhive.url = "flake:hyperhive";
      inputs.hyperhive.inputs.nixpkgs.follows = "nixpkgs";
      outputs = { hyperhive, nixpkgs, ... }: {
        nixosConfigurations.container = hyperhive.lib.agentSystem {
          inherit nixpkgs;
          system = "aarch64-linux";
          modules = [
            { hyperhive.agent = { enable = true; name = "alice"; model = "opus"; }; }
            ({ note, ... }: { hyperhive.agent.description = note; })
          ];
          specialArgs.note = "said by the caller";
        };
      };
    }""")
    configuration = f"path:{tmp_path}#nixosConfigurations.container.config"
    inputs = ("--override-input", "hyperhive", flake, *NIXPKGS)
    words = nix.flake("eval", f"{configuration}.hyperhive.agent.description", *inputs)
    assert words == "said by the caller"
    assert nix.flake("eval", f"{configuration}.nixpkgs.hostPlatform", *inputs) == "aarch64-linux"
    assert nix.flake("eval", f"{configuration}.networking.hostName", *inputs) == "h-alice"


def test_agents_run_the_hyperhive_of_their_host(nix: Nix, flake: str) -> None:
    """The host's module names the flake that it came from, for the rendered flakes to use."""
    source = nix.flake("eval", f"{flake}#nixosModules.default.services", *NIXPKGS)
    named = source["hyperhive"]["settings"]["inputs"]["hyperhive"]["content"]
    assert named.startswith(f"path:{nix.home}/store/")
