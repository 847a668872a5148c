"""`hyperhive render` as a person or a script runs it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hyperhive.cli.main import main
from tests.tools import ROOT

EXAMPLE = ROOT / "examples" / "hive.toml"
TWO = '[hive]\nname = "lab"\n[agents.alice]\n[agents.bob]\n'
ONE = '[hive]\nname = "lab"\n[agents.alice]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A hive of alice and bob."""
    path = tmp_path / "hive.toml"
    path.write_text(TWO)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where to render to; not there yet."""
    return tmp_path / "out"


def render(*words: object) -> Result:
    """Run `hyperhive render`."""
    return CliRunner().invoke(main, ["render", *map(str, words)])


def test_it_writes_and_says_how_much(file: Path, out: Path) -> None:
    done = render(file, "--out", out)
    assert done.exit_code == 0
    assert done.output == f"{out}: 10 written, 0 unchanged\n"
    again = render(file, "--out", out)
    assert again.output == f"{out}: 0 written, 10 unchanged\n"
    file.write_text(ONE)
    # Besides the top's two files alice's own changes: it names the others.
    assert render(file, "--out", out).output == f"{out}: 2 written, 4 unchanged, 4 deleted\n"


def test_an_example_twice_gives_identical_bytes(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        assert render(EXAMPLE, "--out", tmp_path / name).exit_code == 0
        found.append(
            {
                path.relative_to(tmp_path / name): path.read_bytes()
                for path in (tmp_path / name).rglob("*")
                if path.is_file()
            }
        )
    assert found[0] == found[1]
    assert len(found[0]) > 10


def test_json(file: Path, out: Path) -> None:
    values = json.loads(render(file, "--out", out, "--json").output)
    assert values["out"] == str(out)
    assert len(values["written"]) == 10
    assert values["deleted"] == values["unchanged"] == []


def test_check_of_what_is_up_to_date(file: Path, out: Path) -> None:
    render(file, "--out", out)
    done = render(file, "--out", out, "--check")
    assert (done.exit_code, done.output) == (0, f"{out} is up to date: 10 files\n")


def test_check_lists_what_differs_and_changes_nothing(file: Path, out: Path) -> None:
    render(file, "--out", out)
    (out / "flake.nix").write_text("{ }")
    file.write_text(ONE)
    before = sorted(out.rglob("*"))
    done = render(file, "--out", out, "--check")
    assert done.exit_code == 1
    lines = dict(line.split(maxsplit=1) for line in done.output.splitlines())
    assert lines["flake.nix"] == "changed by hand"
    assert lines["agents/bob/agent.nix"] == "no longer rendered"
    assert lines["hive.json"] == "outdated"
    assert "agents/alice/flake.nix" not in lines
    assert sorted(out.rglob("*")) == before


def test_check_of_nothing(file: Path, out: Path) -> None:
    done = render(file, "--out", out, "--check", "--json")
    assert done.exit_code == 1
    assert set(json.loads(done.output)["drift"].values()) == {"missing"}
    assert not out.exists()


def test_one_agent(file: Path, out: Path) -> None:
    assert render(file, "--out", out, "--agent", "bob").exit_code == 0
    assert {str(path.relative_to(out)) for path in out.rglob("*.*") if path.is_file()} == {
        ".hyperhive-manifest.json",
        "agents/bob/agent.nix",
        "agents/bob/flake.nix",
        "containers/h-bob.conf",
        "containers/h-bob.service.d/hyperhive.conf",
    }
    assert render(file, "--out", out, "--agent", "bob", "--check").exit_code == 0
    assert render(file, "--out", out, "--check").exit_code == 1


def test_the_deploy_directory_is_where_the_container_looks(file: Path, out: Path) -> None:
    render(file, "--out", out, "--deploy-dir", "/srv/deploy")
    assert "FLAKE=path:/srv/deploy/agents/bob\n" in (out / "containers/h-bob.conf").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--agent", "zoe"], "no agent zoe"),
        (["--agent", "../x"], "not an agent's name"),
        (["--deploy-dir", "relative"], "relative"),
        (["--deploy-dir", "/a b"], "--deploy-dir"),
    ],
)
def test_bad_options_change_nothing(file: Path, out: Path, words: list[str], message: str) -> None:
    done = render(file, "--out", out, *words)
    assert done.exit_code == 2
    assert message in done.output
    assert done.output.count("\n") == 2
    assert not out.exists()


def test_a_bad_hive_changes_nothing(file: Path, out: Path) -> None:
    render(file, "--out", out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    file.write_text(TWO + "nonsense = 1\n")
    done = render(file, "--out", out)
    assert done.exit_code == 2
    assert "agents.bob.nonsense" in done.output
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


def test_a_file_changed_by_hand_stops_it(file: Path, out: Path) -> None:
    render(file, "--out", out)
    (out / "agents/bob/agent.nix").write_text("{ }")
    done = render(file, "--out", out)
    assert done.exit_code == 2
    assert "agents/bob/agent.nix (changed by hand)" in done.output
    assert "extra.nix" in done.output


def test_a_file_in_place_of_the_directory(file: Path, out: Path) -> None:
    out.touch()
    assert render(file, "--out", out).exit_code == 2
