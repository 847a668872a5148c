"""What an extra.nix can reach while root evaluates it: nothing but its own flake."""

from pathlib import Path
from typing import Final

import pytest

from hyperhive.deploy.builder import RESTRICTIONS
from hyperhive.hive.load import parse_hive
from hyperhive.hive.names import AgentName
from hyperhive.render.agent import Host
from hyperhive.render.tree import render_agent
from tests.nixos.nix import STUBS, Nix, NixError

pytestmark = pytest.mark.nix

FETCH: Final = f'builtins.fetchurl {{ url = "%s"; sha256 = "{"0" * 52}"; }}'
BUILT: Final = 'name = "x"; system = "x86_64-linux"; builder = "/bin/sh";'
REFUSED: Final = {
    "a file of root's": 'builtins.readFile "/etc/shadow"',
    "a file by a path": "builtins.readFile /etc/shadow",
    "a directory": 'builtins.readDir "/etc"',
    "a copy of a file": 'builtins.path { path = "/etc/hostname"; }',
    "a file above the flake": 'builtins.readFile (./. + "/../../../etc/shadow")',
    "a link out of it": "builtins.readFile ./link",
    "code": "import /etc/passwd",
    "a hash": 'builtins.hashFile "sha256" "/etc/shadow"',
    "a download": 'builtins.fetchurl "http://127.0.0.1:1/x"',
    "a download with its hash": FETCH % "http://127.0.0.1:1/x",
    "a file with its hash": FETCH % "file:///etc/shadow",
    "a repository": f'builtins.fetchGit {{ url = "file:///srv/x"; rev = "{"0" * 40}"; }}',
    "a tree": 'builtins.fetchTree { type = "path"; path = "/etc"; }',
    "another flake": 'builtins.getFlake "path:/etc"',
    "the store": 'builtins.storePath "/nix/store"',
    "a program": 'builtins.exec [ "id" ]',
    "what it builds": f"builtins.readFile (derivation {{ {BUILT} }})",
}
WORDS: Final = (
    "forbidden in", "in pure eval", "in restricted mode", "not allowed", "import-from-derivation",
    "undefined", "missing", "locked",
)  # fmt: skip
"""How Nix says no, and not something else."""


def evaluated(nix: Nix, directory: Path, expression: str) -> str:
    """What a flake's attribute is, evaluated as agents' systems are."""
    (directory / "flake.nix").write_text(f"{{ outputs = _: {{ found = {expression}; }}; }}\n")
    (directory / "own").write_text("mine")
    (directory / "link").unlink(missing_ok=True)
    (directory / "link").symlink_to("/etc/shadow")
    return nix.run("nix", "eval", "--json", *RESTRICTIONS, f"path:{directory}#found").strip()


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused(nix: Nix, tmp_path: Path, what: str) -> None:
    with pytest.raises(NixError) as refused:
        evaluated(nix, tmp_path, REFUSED[what])
    said = str(refused.value)
    assert any(words in said for words in WORDS), said
    assert "root:" not in said


def test_its_own_files_are_not(nix: Nix, tmp_path: Path) -> None:
    assert evaluated(nix, tmp_path, "builtins.readFile ./own") == '"mine"'
    assert evaluated(nix, tmp_path, 'builtins.getEnv "HOME"') == '""'
    assert evaluated(nix, tmp_path, 'builtins.pathExists "/etc/shadow"') == "false"


def test_agents_are_evaluated_so(nix: Nix, flake: str, tmp_path: Path) -> None:
    hive = parse_hive({"hive": {"name": "lab"}, "agents": {"alice": {}}}, "test")
    for path, content in render_agent(hive, AgentName("alice"), Host.default()).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    asked = f"path:{tmp_path}/agents/alice#nixosConfigurations.container.config"
    name = nix.flake(
        "eval", f"{asked}.hyperhive.agent.name", *RESTRICTIONS,
        "--override-input", "hyperhive", flake, "--override-input", "nixpkgs", f"path:{STUBS}",
    )  # fmt: skip
    assert name == "alice"
