"""`make setup` where something is missing: one line says what, and nothing half made stays in use.

These run the real script on a copy of what it reads, with no package index to install from.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import ROOT

pytestmark = pytest.mark.checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What setup reads, in a directory whose name has a space."""
    top = tmp_path / "a clone"
    shutil.copytree(ROOT / "scripts", top / "scripts")
    shutil.copytree(ROOT / "pkgs/hyperhive/locks", top / "pkgs/hyperhive/locks")
    (top / "pkgs/hyperhive/src/hyperhive").mkdir(parents=True)
    for name in ("pyproject.toml", "src/hyperhive/__init__.py"):
        shutil.copy(ROOT / "pkgs/hyperhive" / name, top / "pkgs/hyperhive" / name)
    return top


def setup(checkout: Path, *arguments: str, **environment: str) -> tuple[int, list[str]]:
    """Run setup without a package index; return its exit status and the lines it printed."""
    done = subprocess.run(
        [str(checkout / "scripts" / "setup"), *arguments],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(checkout),
            "PYTHON": sys.executable,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "DEBIAN_FRONTEND": "noninteractive",
            **environment,
        },
        capture_output=True,
        text=True,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def only(tmp_path: Path, *programs: str) -> str:
    """Return a PATH on which there are these programs alone."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in programs:
        found = shutil.which(name)
        assert found, name
        (directory / name).symlink_to(found)
    return str(directory)


def test_without_a_package_index_a_half_made_environment_stays_out_of_use(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "stray").touch()
    (checkout / ".venv" / "made-from.json").write_text(json.dumps({"base": "of other locks"}))
    status, lines = setup(checkout)
    assert status == 1
    assert lines[0].startswith("setup: .venv: making it with Python 3.")
    assert len(lines) == 2
    assert "is there a network" in lines[1]
    assert (checkout / ".venv.log").read_text() != ""
    assert not (checkout / ".venv" / "stray").exists()
    assert not (checkout / ".venv" / "made-from.json").exists()


def test_no_python_is_one_line(checkout: Path, tmp_path: Path) -> None:
    path = only(tmp_path, "sh", "dirname", "id")
    status, lines = setup(checkout, PATH=path, PYTHON="no-such-python")
    assert status == 1
    assert len(lines) == 1
    assert "Python 3.11 or newer is missing" in lines[0]


def test_a_python_that_can_install_nothing_is_one_line(checkout: Path, tmp_path: Path) -> None:
    path = only(tmp_path, "sh", "dirname", "id")
    # Like Debian's Python without its venv and pip packages.
    bare = tmp_path / "bare-python"
    bare.write_text(
        f'#!/bin/sh\ncase "$*" in *ensurepip*|*pip*) exit 1;; esac\nexec {sys.executable} "$@"\n'
    )
    bare.chmod(0o755)
    status, lines = setup(checkout, PATH=path, PYTHON=str(bare))
    assert status == 1
    assert len(lines) == 1
    assert "apt-get install python3-venv" in lines[0]


def test_an_unknown_argument_is_one_line(checkout: Path) -> None:
    status, lines = setup(checkout, "--newest")
    assert status == 2
    assert lines == [
        'setup: unknown argument "--newest": use --lowest, --tools, claude or systemd',
    ]
