"""What Python and Nix make of one declared hive is the same agent.json."""

from dataclasses import asdict
from pathlib import Path

import pytest

from hyperhive.hive.load import load_hive
from hyperhive.render.agent import Host, agent_files
from hyperhive.render.settings import container_settings
from tests.nixos.nix import STUBS, Nix
from tests.tools import ROOT

pytestmark = pytest.mark.nix

EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_module_and_renderer_agree(nix: Nix, tmp_path: Path, example: Path) -> None:
    hive = load_hive(example)
    for name in hive.agents:
        for path, content in agent_files(hive, name, Host.default()).items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        rendered = tmp_path / "agents" / name / "agent.nix"

        settings = nix.ask(STUBS, "agent.settings", str(rendered))
        expected = asdict(container_settings(hive, name))
        # Where the hive names none, the module does, which knows the package.
        claude = settings.pop("claude")
        assert claude.endswith("/bin/claude")
        assert expected.pop("claude") in {hive.hive.claude, None}
        assert hive.hive.claude in {claude, None}
        assert settings == expected

        declared = nix.ask(STUBS, "agent.declared", str(rendered))
        assert declared["model"] == hive.model_of(name)
        assert declared["role"] == hive.agents[name].role
        assert declared["uidBase"] == hive.agents[name].uid_range(name).base
        managed = nix.ask(STUBS, "agent.managed", str(rendered))["permissions"]["deny"]
        assert managed[: len(settings["deny"])] == settings["deny"]
        wanted = {package.rpartition(".")[2] for package in hive.agents[name].packages}
        assert wanted <= set(nix.ask(STUBS, "agent.packages", str(rendered)))
        assert nix.ask(STUBS, "agent.failed", str(rendered)) == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3
