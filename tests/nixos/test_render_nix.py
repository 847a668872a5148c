"""What is rendered, read back by Nix."""

import itertools
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperhive.hive.load import load_hive
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.render.agent import Host
from hyperhive.render.compare import Extent
from hyperhive.render.nix_literal import NixValue, nix_literal
from hyperhive.render.system_prompt import system_prompt
from hyperhive.render.tree import render_hive
from hyperhive.render.write import write_tree
from tests.nixos.nix import STUBS, Nix
from tests.tools import ROOT

pytestmark = pytest.mark.nix

EXAMPLES: Final = sorted((ROOT / "examples").glob("*.toml"))

HOSTILE: Final = (
    "", "'", "''", "'''", "''''", "$", "$$", "${", "$${", "$$${", "'${", "''${", "'''${", "\\${",
    "\\\\${", '"', '""', '\\"', "\\", "\\n", "\n", "\n\n", "\r\n", "\t", " ", "  \n", "\n  ",
    "a\n  ", "  a\n b\n", "''\\n", "${builtins.readFile /etc/passwd}\n", '"; abort "x\n',
    "''; x = ''", "%h %% %", "$(id)", "`id`", "# no comment", "/* none */", "é ü 中 🐝\n",
    "\ufeffx\n", "\x01\x1f\x7f\n", "\u2028\n", "a\n'", "a'\n''", "{\n}\n", "<nixpkgs>\n", "~/x",
    "./x\n", "a\\\nb\n",
)  # fmt: skip

# Everything that Nix can hold: no NUL, no half of a surrogate pair.
TEXT: Final = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.text(
    st.sampled_from("$\\{}'\" \n\ta")
)
# Nix counts in 64 bits; JSON readers of its output, in no more.
NUMBERS: Final = st.integers(-(2**63) + 1, 2**63 - 1)
VALUES: Final = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
# One call of Nix reads many values back; a value needs no more than to come back unchanged.
BATCH: Final = settings(
    max_examples=15,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


def read_back(nix: Nix, directory: Path, value: NixValue) -> Any:
    """What Nix makes of the literal of `value`."""
    file = directory / "value.nix"
    file.write_bytes(nix_literal(value).encode())
    return nix.eval(f"import {file}")


def test_hostile_text_comes_back(nix: Nix, tmp_path: Path) -> None:
    texts = [*HOSTILE, *(f"first line\n{text}" for text in HOSTILE), *(f"{t}\nx" for t in HOSTILE)]
    assert read_back(nix, tmp_path, texts) == texts
    names = {text: index for index, text in enumerate(HOSTILE)}
    assert read_back(nix, tmp_path, names) == names
    paths: list[NixValue] = [{text: {text: {"x": 1}}} for text in HOSTILE]
    assert read_back(nix, tmp_path, paths) == paths


def test_every_short_text_of_special_characters_comes_back(nix: Nix, tmp_path: Path) -> None:
    texts = [
        "".join(characters)
        for length in range(6)
        for characters in itertools.product("${'\\\" \n", repeat=length)
    ]
    assert len(texts) > 19_000
    assert read_back(nix, tmp_path, texts) == texts


@BATCH
@given(values=st.lists(VALUES, max_size=60))
def test_values_come_back(nix: Nix, tmp_path: Path, values: list[Any]) -> None:
    assert read_back(nix, tmp_path, values) == values


@BATCH
@given(texts=st.lists(TEXT, max_size=100), indent=st.integers(0, 12))
def test_text_comes_back_at_any_indentation(
    nix: Nix, tmp_path: Path, texts: list[str], indent: int
) -> None:
    file = tmp_path / "texts.nix"
    items = "\n".join(f"{' ' * indent}{nix_literal(text, indent)}" for text in texts)
    file.write_bytes(f"[\n{items}\n]".encode())
    assert nix.eval(f"import {file}") == texts


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_rendered_file_parses(nix: Nix, tmp_path: Path, example: Path) -> None:
    out = tmp_path / "out"
    write_tree(render_hive(load_hive(example), Host.default()), out, Extent.WHOLE)
    files = sorted(out.rglob("*.nix"))
    assert len(files) == 1 + 2 * len(load_hive(example).agents)
    nix.parse(files)


# What the declared hive takes as text.
DECLARED: Final = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\t$\\{}'\" "), max_size=60
)
LINE: Final = st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=40)


@BATCH
@given(
    prompt=DECLARED,
    description=LINE,
    arguments=st.lists(DECLARED, max_size=4),
    environment=st.dictionaries(
        st.from_regex("[A-Z]{3,5}_X", fullmatch=True), DECLARED, max_size=3
    ),
)
def test_declared_text_reaches_the_agent_s_options(
    nix: Nix,
    tmp_path: Path,
    prompt: str,
    description: str,
    arguments: list[str],
    environment: dict[str, str],
) -> None:
    alice = AgentName("alice")
    hive = HiveConfig.model_validate(
        {
            "hive": {"name": "lab"},
            "agents": {
                "alice": {
                    "description": description,
                    "system_prompt": prompt,
                    "environment": environment,
                    "mcp": {"x": {"command": "x", "args": arguments}},
                }
            },
        }
    )
    rendered = tmp_path / "agent.nix"
    rendered.write_bytes(render_hive(hive, Host.default())["agents/alice/agent.nix"])
    agent = nix.eval(f"(import {rendered}).hyperhive.agent")
    assert agent["description"] == description
    assert agent["environment"] == environment
    assert agent["mcp"]["x"]["args"] == arguments
    assert agent["systemPrompt"] == system_prompt(hive, alice)
    assert agent["systemPrompt"].endswith(prompt.strip("\n") + "\n" if prompt.strip("\n") else "\n")


def test_extra_nix_is_taken_where_it_is_permitted(nix: Nix, tmp_path: Path) -> None:
    agents = {"alice": {"extra_nix": True}, "bob": {}}
    hive = HiveConfig.model_validate({"hive": {"name": "lab"}, "agents": agents})
    write_tree(render_hive(hive, Host.default()), tmp_path, Extent.WHOLE)
    alice, bob = tmp_path / "agents/alice", tmp_path / "agents/bob"
    assert nix.eval(f"(import {alice}/agent.nix).imports") == []
    for directory in (alice, bob):
        (directory / "extra.nix").write_text("{ }")
    assert nix.eval(f"builtins.length (import {alice}/agent.nix).imports") == 1
    assert nix.eval(f"(import {bob}/agent.nix) ? imports") is False


def test_rendered_flakes_evaluate(nix: Nix, flake: str, tmp_path: Path) -> None:
    hive = HiveConfig.model_validate(
        {
            "hive": {
                "name": "lab",
                "model": "haiku",
                "inputs": {"nixpkgs": f"path:{STUBS}", "hyperhive": flake},
            },
            "agents": {
                "alice": {"model": "opus", "bash": {"allow": ["git status"]}},
                "in": {"role": "manager", "uid_base": 1048576},
            },
        }
    )
    write_tree(render_hive(hive, Host.default()), tmp_path / "out", Extent.WHOLE)
    whole, alone = f"path:{tmp_path}/out", f"path:{tmp_path}/out/agents/alice"
    models = "c: builtins.mapAttrs (_: s: s.config.hyperhive.agent.model) c"
    assert nix.flake("eval", f"{whole}#nixosConfigurations", "--apply", models) == {
        "alice": "opus",
        "in": "haiku",
    }
    # What `nixos-container update` builds of the directory that a conf file names as FLAKE.
    agent = f'{alone}#nixosConfigurations."container".config.hyperhive.agent'
    assert nix.flake("eval", f"{agent}.bash.allow") == ["git status"]
    uid_base = hive.agents[AgentName("alice")].uid_range(AgentName("alice")).base
    assert nix.flake("eval", f"{agent}.uidBase") == uid_base
    name = nix.flake("eval", f"{alone}#nixosConfigurations.alice.config.networking.hostName")
    assert name == "h-alice"
