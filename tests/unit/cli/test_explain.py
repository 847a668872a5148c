import json

import pytest
from click.testing import CliRunner

from hyperhive.cli.main import main
from tests.tools import ROOT

EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    ("file", "agent"),
    [
        ("isolated.toml", "alice"),
        ("isolated.toml", "manager"),
        ("hive.toml", "manager"),
        ("hive.toml", "bob"),
        ("minimal.toml", "alice"),
    ],
)
def test_it_fits_a_terminal(file: str, agent: str) -> None:
    result = CliRunner().invoke(main, ["explain", str(EXAMPLES / file), agent])
    assert result.exit_code == 0, result.stderr
    wide = [line for line in result.stdout.splitlines() if len(line) > 80]
    assert not wide


def test_what_it_says() -> None:
    result = CliRunner().invoke(main, ["explain", str(EXAMPLES / "isolated.toml"), "alice"])
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "alice, agent in hive isolated" in lines
    assert "container h-alice (container@h-alice.service)" in lines
    assert "host uids 1048576 to 1114111, from uid_base" in lines
    assert "root is 1048576, the user agent is 1049576" in lines
    assert "model claude-sonnet-5-5 hive" in lines
    assert "limits.memory 4G declared" in lines
    assert "autostart no declared" in lines
    assert "allow Bash(git status)" in lines
    assert "deny Read(.env)" in lines


def test_warnings_stand_with_their_rules() -> None:
    hive = '[hive]\nname = "lab"\n[agents.a]\nbash.allow = ["git *"]\n'
    result = CliRunner().invoke(main, ["explain", "-", "a"], input=hive)
    after = result.stdout.split("allow  Bash(git *)")[1].split("allow  mcp__hyperhive")[0]
    assert "warning: " in after
    assert "instead: " in after


def test_zero_means_never() -> None:
    hive = '[hive]\nname = "lab"\n[agents.a.conversation]\ncompact_percent = 0\nnotes_kib = 0\n'
    result = CliRunner().invoke(main, ["explain", "-", "a"], input=hive)
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "conversation.compact_percent" in " ".join(lines)
    assert "conversation.notes_kib never declared" in lines
    assert sum("never" in line for line in lines) == 2
    document = CliRunner().invoke(main, ["explain", "-", "a", "--json"], input=hive).stdout
    values = {s["place"]: s["value"] for s in json.loads(document)["settings"]}
    assert values["conversation.notes_kib"] == 0


def test_for_machines() -> None:
    result = CliRunner().invoke(
        main, ["explain", str(EXAMPLES / "isolated.toml"), "alice", "--json"]
    )
    document = json.loads(result.stdout)
    assert document["uid_range"] == {
        "base": 1048576,
        "size": 65536,
        "root": 1048576,
        "agent": 1049576,
        "from": "uid_base",
    }
    settings = {setting["place"]: setting for setting in document["settings"]}
    assert settings["model"]["layer"] == "hive"
    assert settings["bash.deny"] == {
        "place": "bash.deny",
        "value": ["git push *"],
        "layer": "declared",
    }
    assert settings["mcp.github"]["value"]["command"] == "github-mcp-server"
    assert document["rules"][0]["rule"] == "Bash(git status)"
    assert set(document["rules"][0]) == {"kind", "rule", "meaning", "warnings"}


def test_an_agent_that_is_not_there() -> None:
    result = CliRunner().invoke(main, ["explain", str(EXAMPLES / "hive.toml"), "alic"])
    assert result.exit_code == 2
    assert result.stderr == "error: hive demo has no agent 'alic'\n  did you mean \"alice\"?\n"
