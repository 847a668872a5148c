"""The checkout keeps to its own rules: linters, sizes, names, links and commands."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest

from tests.checkout import project_files
from tests.tools import ROOT, need, program

pytestmark = pytest.mark.checkout

LINES: Final = 320
"""How long a file may grow before somebody asks what second subject moved in."""

UNSAYING_NAMES: Final = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
"""Names of a file or directory that do not say what is in it."""

UNFINISHED: Final = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
TARGETS: Final = ("setup", "demo", "test", "ci", "bench")


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Every file of the project."""
    return project_files()


@pytest.fixture(scope="module")
def documents() -> list[Path]:
    """Every document of the project."""
    return project_files(".md")


def is_data(file: Path) -> bool:
    """Say whether a file is recorded or generated: nobody reads it from top to bottom."""
    parts = file.relative_to(ROOT).parts
    return file.is_symlink() or "data" in parts or "locks" in parts or file.suffix == ".lock"


def lint(*command: str) -> None:
    """Run a linter over the checkout, and fail with what it says."""
    module = command[0]
    need(module, importlib.util.find_spec(module), "make setup")
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}:\n{done.stdout}{done.stderr}", pytrace=False)


def test_ruff_finds_nothing() -> None:
    lint("ruff", "check", "--quiet", ".")


def test_ruff_would_format_nothing() -> None:
    lint("ruff", "format", "--check", "--quiet", "--diff", ".")


@pytest.mark.slow
def test_types_check() -> None:
    lint("mypy")


def test_files_have_one_subject(files: list[Path]) -> None:
    kinds = {".py", ".nix", ".j2", ".md", ".sh", ".js", ".css"}
    long = {
        str(file.relative_to(ROOT)): lines
        for file in files
        if file.suffix in kinds and not is_data(file)
        if (lines := len(file.read_text().splitlines())) > LINES
    }
    assert long == {}, f"files of more than {LINES} lines: what second subject moved in?"


def test_names_say_what_is_there(files: list[Path]) -> None:
    unsaying = [
        str(file.relative_to(ROOT))
        for file in files
        if file.suffix == ".py"
        if UNSAYING_NAMES & {Path(part).stem for part in file.relative_to(ROOT).parts}
    ]
    assert unsaying == []


def test_nothing_is_left_unfinished(files: list[Path]) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in files
        if not is_data(file)
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert found == []


def test_links_between_documents_lead_somewhere(documents: list[Path]) -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#\s]+)", document.read_text())
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows(target: str) -> None:
    make = program("make", "apt-get install make")
    done = subprocess.run(
        [str(make), "--dry-run", target], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_commands_in_the_documents_exist(documents: list[Path]) -> None:
    from hyperhive.cli.main import main

    context = click.Context(main)
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    unknown = []
    for document in documents:
        text = document.read_text()
        name = document.relative_to(ROOT)
        unknown += [f"{name}: make {target}" for target in make_commands(text) - targets]
        unknown += [
            f"{name}: hyperhive {verb}"
            for verb in hyperhive_commands(text)
            if main.get_command(context, verb) is None
        ]
    assert unknown == []


def code_of(markdown: str) -> str:
    """Return the code spans and code blocks of a document, each on lines of its own."""
    fences = re.findall(r"^```[^\n]*\n(.*?)^```", markdown, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^(?: {4}|\t)(.*)$", markdown, re.MULTILINE)
    spans = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", markdown)
    return "\n".join([*fences, *indented, *spans])


def make_commands(markdown: str) -> set[str]:
    """Return the targets of the make commands that a document shows as code."""
    return set(re.findall(r"^\s*(?:\$ )?make ([a-z]+)", code_of(markdown), re.MULTILINE))


def hyperhive_commands(markdown: str) -> set[str]:
    """Return the verbs of the hyperhive commands that a document shows as code."""
    command = r"^\s*(?:\$ )?(?:\.venv/bin/)?hyperhive ([a-z][a-z-]*)"
    return set(re.findall(command, code_of(markdown), re.MULTILINE))


def test_the_readme_names_both_commands() -> None:
    assert {"demo", "test"} <= make_commands((ROOT / "README.md").read_text())
