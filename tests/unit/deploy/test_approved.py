"""What was approved, as root keeps it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.deploy.approved import read_layer, read_layers, write_layer
from hyperhive.hive.members import Approved, Spawned
from hyperhive.hive.names import parse_agent_name

ALICE = parse_agent_name("alice")


@given(
    files=st.dictionaries(
        st.sampled_from(["README.md", "agent.toml", "extra.nix"]),
        st.text(st.characters(codec="utf-8", exclude_characters="\0")),
        min_size=1,
    ),
    spawned=st.none() | st.builds(Spawned, st.text(), st.integers(1)),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    files: dict[str, str],
    spawned: Spawned | None,
) -> None:
    directory = tmp_path_factory.mktemp("approved") / "alice"
    write_layer(directory, Approved({"agent.toml": "old", "extra.nix": "old"}, Spawned("old", 1)))
    write_layer(directory, Approved(files, spawned))
    assert read_layer(directory) == Approved(files, spawned)


def test_nothing_is_approved_where_there_is_nothing(tmp_path: Path) -> None:
    assert dict(read_layers(tmp_path / "none").approved) == {}
    (tmp_path / "alice").mkdir()
    (tmp_path / "not an agent").mkdir()
    (tmp_path / "file").touch()
    found = read_layers(tmp_path)
    assert (dict(found.approved), dict(found.problems)) == ({}, {})


@pytest.mark.parametrize("spawn", ["", "{}", "[]", '{"description": "x", "approval": "1"}', "\xff"])
def test_what_cannot_be_read_is_its_agents_trouble(tmp_path: Path, spawn: str) -> None:
    for name in ("alice", "bob"):
        write_layer(tmp_path / name, Approved({"agent.toml": ""}))
    (tmp_path / "alice" / "spawn.json").write_bytes(spawn.encode("latin-1"))
    found = read_layers(tmp_path)
    assert set(found.approved) == {"bob"}
    assert set(found.problems) == {ALICE}
    assert found.problems[ALICE].what.startswith("alice: what was approved cannot be read: ")


def test_no_link_is_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    directory = tmp_path / "layers" / "alice"
    directory.mkdir(parents=True)
    (directory / "agent.toml").symlink_to(secret)
    found = read_layers(tmp_path / "layers")
    assert not found.approved
    assert "mine" not in found.problems[ALICE].what
    write_layer(directory, Approved({"agent.toml": "new"}, Spawned("x", 7)))
    assert secret.read_text() == "mine"
    assert json.loads((directory / "spawn.json").read_text())["approval"] == 7
