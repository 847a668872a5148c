import json
from pathlib import Path

from click.testing import CliRunner, Result

from hyperhive.cli.main import main

GOOD = '[hive]\nname = "lab"\n[agents.alice]\nnetwork = "host"\n[agents.bob]\n'
BAD = '[hive]\nname = "lab"\n[agents.alice]\nmodle = "opus"\nnetwork = "host"\nuid_base = 1\n'


def check(tmp_path: Path, text: str, *options: str) -> Result:
    (tmp_path / "hive.toml").write_text(text)
    return CliRunner().invoke(main, ["check", str(tmp_path / "hive.toml"), *options])


def test_a_good_hive(tmp_path: Path) -> None:
    result = check(tmp_path, GOOD)
    assert result.exit_code == 0
    assert result.stdout == f"ok: {tmp_path}/hive.toml: hive lab, 2 agents, 1 warning\n"
    assert result.stderr.splitlines() == [
        f'warning: {tmp_path}/hive.toml: agents.alice.network = "host": the agent reaches'
        " everything that listens on the host",
        '  use "private" unless it must',
    ]


def test_a_bad_hive(tmp_path: Path) -> None:
    result = check(tmp_path, BAD)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert [line.split(": ")[0] for line in result.stderr.splitlines()[::2]] == [
        "error",
        "error",
        "warning",
    ]
    assert f"error: {tmp_path}/hive.toml: agents.alice.uid_base = 1: outside" in result.stderr
    assert '  did you mean "model"?\n' in result.stderr


def test_a_good_hive_for_machines(tmp_path: Path) -> None:
    result = check(tmp_path, GOOD, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert document["ok"] is True
    assert document["hive"] == "lab"
    assert document["agents"] == ["alice", "bob"]
    assert [found["level"] for found in document["problems"]] == ["warning"]


def test_a_bad_hive_for_machines(tmp_path: Path) -> None:
    result = check(tmp_path, BAD, "--json")
    assert (result.exit_code, result.stderr) == (2, "")
    document = json.loads(result.stdout)
    assert document["ok"] is False
    assert {
        "level": "error",
        "place": "agents.alice.uid_base",
        "value": "1",
        "message": "outside of systemd's container range",
        "todo": "use a multiple of 65536 from 524288 to 1878982656",
    } in document["problems"]


def test_standard_input() -> None:
    result = CliRunner().invoke(main, ["check", "-"], input=GOOD)
    assert result.stdout == "ok: standard input: hive lab, 2 agents, 1 warning\n"


def test_a_missing_file_for_machines() -> None:
    result = CliRunner().invoke(main, ["check", "/no/such/file", "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout)["problems"][0]["message"] == "no such file"
