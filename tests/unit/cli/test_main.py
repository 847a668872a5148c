"""What every command has in common: errors in two lines, exit codes, quick start."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hyperhive.cli.main import COMMANDS, Commands, main
from hyperhive.errors import HyperhiveError, InputError, NoBrokerError
from tests.tools import ROOT

PROGRAM = [sys.executable, "-m", "hyperhive.cli.main"]


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """A command `fail` that raises what the test puts into the list."""
    errors: list[BaseException] = []

    @click.command()
    def fail() -> None:
        raise errors[0]

    def find(self: Commands, ctx: click.Context, name: str) -> click.Command:
        return fail

    monkeypatch.setattr(Commands, "get_command", find)
    return errors


def test_every_command_is_there_and_explains_itself() -> None:
    runner = CliRunner()
    for name in COMMANDS:
        result = runner.invoke(main, [name, "--help"])
        assert result.exit_code == 0, (name, result.output)
        assert result.stdout.startswith(f"Usage: hyperhive {name}")
        assert max(map(len, result.stdout.splitlines())) <= 80


def test_help_lists_every_command_and_fits_a_terminal() -> None:
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    for name in COMMANDS:
        assert f"\n  {name} " in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_no_command_is_imported_before_it_is_called() -> None:
    script = (
        "import sys; from hyperhive.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('pydantic', 'fastapi', 'mcp', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (
            HyperhiveError("the disk is full", "free some"),
            1,
            "error: the disk is full\n  free some",
        ),
        (HyperhiveError("it failed"), 1, "error: it failed"),
        (InputError("a is no b", "use b"), 2, "error: a is no b\n  use b"),
        (NoBrokerError("no broker", "start one"), 3, "error: no broker\n  start one"),
        (InputError("two\nlines", "and\nmore"), 2, "error: two lines\n  and more"),
        (OSError(28, "No space left on device", "/x"), 1, "error: /x: No space left on device"),
        (click.ClickException("it failed"), 1, "error: it failed"),
        (click.Abort(), 1, ""),
        (KeyboardInterrupt(), 130, ""),
        (
            ZeroDivisionError("by zero"),
            1,
            "bug: ZeroDivisionError: by zero\n  run it again with --debug, and report",
        ),
    ],
)
def test_errors_are_two_lines(
    fails: list[BaseException], error: BaseException, code: int, lines: str
) -> None:
    fails.append(error)
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == code
    assert result.stderr.strip() == lines
    assert result.stdout == ""


@pytest.mark.parametrize("words", [["--debug", "check"], ["check", "--debug"]])
def test_debug_shows_the_traceback(fails: list[BaseException], words: list[str]) -> None:
    fails.append(InputError("a is no b", "use b"))
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("error: a is no b\n  use b\n")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["chek"], "error: there is no command 'chek'\n  did you mean \"check\"?"),
        (["zzz"], "error: there is no command 'zzz'\n  see `hyperhive --help`"),
        (["check"], "error: Missing argument 'FILE'.\n  see `hyperhive check --help`"),
        (["check", "a", "b"], "error: Got unexpected extra argument"),
        (["check", "--wrong", "x"], "error: No such option"),
        (["--wrong"], "error: No such option"),
    ],
)
def test_wrong_usage(words: list[str], what: str) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert result.stderr.startswith(what)
    assert len(result.stderr.splitlines()) == 2
    assert result.stdout == ""


def test_no_command_shows_the_help() -> None:
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 2
    assert "Commands:" in result.stderr


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("hyperhive 0.")


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([*PROGRAM, "schema"], stdout=writing, stderr=subprocess.PIPE)
    finally:
        os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 1


def test_the_installed_program(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("hyperhive")
    good = ROOT / "examples" / "minimal.toml"
    done = subprocess.run([program, "check", good], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"ok: {good}: hive lab, 1 agent\n")
    done = subprocess.run([program, "check", "no"], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: no: no such file\n  name the file of a declared hive\n"
