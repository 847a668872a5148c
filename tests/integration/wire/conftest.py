"""Fixtures with a bridge of the manager and a repository in which it proposes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.wire.proposing import TOML, Manager, git, manager
from tests.tools import program


@pytest.fixture
def proposed(tmp_path: Path) -> Path:
    """Where changes are proposed; alice has a repository already."""
    program("git", "apt-get install git")
    config = tmp_path / "agents" / "alice" / "config"
    config.mkdir(parents=True)
    git(config, "init", "-q", "-b", "main")
    return tmp_path / "agents"


@pytest.fixture
def config(proposed: Path) -> Path:
    """Alice's repository, with a commit."""
    config = proposed / "alice" / "config"
    (config / "agent.toml").write_bytes(TOML)
    git(config, "add", "-A")
    git(config, "commit", "-q", "-m", "Use opus")
    return config


@pytest.fixture
def boss(tmp_path: Path, proposed: Path) -> Iterator[Manager]:
    with manager(tmp_path, proposed) as running:
        yield running
