"""The small edges of the harness: claude's executable, credentials, delays, sessions."""

from pathlib import Path

import pytest

from hyperhive.errors import HyperhiveError
from hyperhive.harness.backoff import Backoff
from hyperhive.harness.claude import find_claude, probe
from hyperhive.harness.conversations import is_begun
from hyperhive.harness.credentials import read_credentials


def executable(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_claude_is_found_where_it_is_configured(tmp_path: Path) -> None:
    path = executable(tmp_path / "mine", "")
    assert find_claude(path, "/nowhere") == path


def test_configured_claude_that_is_missing_is_not_replaced(tmp_path: Path) -> None:
    executable(tmp_path / "claude", "")
    with pytest.raises(HyperhiveError, match="not an executable file"):
        find_claude(str(tmp_path / "other"), str(tmp_path))
    with pytest.raises(HyperhiveError, match="not an executable file"):
        find_claude(str(tmp_path), str(tmp_path))


def test_claude_is_found_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "a" / "claude").mkdir(parents=True)  # a directory of that name is none
    (tmp_path / "b").mkdir()
    path = executable(tmp_path / "b" / "claude", "")
    assert find_claude(None, f":{tmp_path}/a:{tmp_path}/b") == path


def test_no_claude(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(HyperhiveError, match="not installed"):
        find_claude(None, "/nowhere")


HELP = 'case $1 in --version) echo "2.1.{} (Claude Code)";; *) echo "{}";; esac'


def test_probe_knows_version_and_flags(tmp_path: Path) -> None:
    new = probe(executable(tmp_path / "new", HELP.format(330, "--system-prompt-snapshot x")), {})
    assert (new.version, new.prompt_snapshot, new.announces_waits) == ("2.1.330", True, True)
    old = probe(executable(tmp_path / "old", HELP.format(197, "--system-prompt x")), {})
    assert (old.version, old.prompt_snapshot, old.announces_waits) == ("2.1.197", False, False)


@pytest.mark.parametrize(
    ("script", "what"),
    [
        (HELP.format(196, ""), "older than 2.1.197"),
        ("echo hello", "does not name a version"),
        ("echo 2.1.330; exit 3", "exited with status 3"),
    ],
)
def test_probe_refuses(tmp_path: Path, script: str, what: str) -> None:
    with pytest.raises(HyperhiveError, match=what):
        probe(executable(tmp_path / "claude", script), {})


def test_probe_of_what_is_no_program(tmp_path: Path) -> None:
    path = tmp_path / "claude"
    path.write_bytes(b"\x7fELF nonsense")
    path.chmod(0o755)
    with pytest.raises(HyperhiveError, match="cannot be run"):
        probe(str(path), {})


def test_credentials(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one\n")
    (tmp_path / "b").write_text("two\n\n")
    files = {"A": str(tmp_path / "a"), "B": "b"}
    assert read_credentials(files, str(tmp_path)) == {"A": "one", "B": "two\n"}


@pytest.mark.parametrize(
    ("file", "directory", "content", "what"),
    [
        ("missing", True, None, "cannot be read"),
        ("s", False, "x", "CREDENTIALS_DIRECTORY"),
        ("s", True, "", "is empty"),
        ("s", True, "a\0secret", "NUL"),
    ],
)
def test_credential_that_cannot_be_used(
    tmp_path: Path, file: str, directory: bool, content: str | None, what: str
) -> None:
    if content is not None:
        (tmp_path / file).write_text(content)
    with pytest.raises(HyperhiveError) as error:
        read_credentials({"TOKEN": file}, str(tmp_path) if directory else None)
    assert what in error.value.what
    assert "TOKEN" in error.value.what
    assert "secret" not in error.value.what


def test_backoff_doubles_to_its_limit_and_begins_anew() -> None:
    most = Backoff(0.1, 1.0, lambda: 1.0)
    assert [round(most.delay(), 3) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    most.reset()
    assert most.delay() == pytest.approx(0.1)
    least = Backoff(0.1, 1.0, lambda: 0.0)
    assert [round(least.delay(), 3) for _ in range(2)] == [0.05, 0.1]


def test_sessions(tmp_path: Path) -> None:
    assert not is_begun(str(tmp_path), "u")
    project = tmp_path / "projects" / "-work"
    project.mkdir(parents=True)
    assert not is_begun(str(tmp_path), "u")
    (project / "u.jsonl").touch()
    assert is_begun(str(tmp_path), "u")
