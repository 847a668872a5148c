"""What the tests of deploying need: to be root, and a host."""

import os
from pathlib import Path

import pytest

from tests.integration.deploy.fake_host import HIVE, FakeHost, make_host
from tests.tools import need


@pytest.fixture
def as_root() -> None:
    """Skipped, or failed where every tool is required, without root's powers."""
    need("root", os.geteuid() == 0, "run the tests as root: files change hands")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    """A host that has nothing yet."""
    return make_host(tmp_path, monkeypatch)


@pytest.fixture
def settled(host: FakeHost) -> FakeHost:
    """A host on which the hive runs."""
    host.run(HIVE)
    host.systemd.done.clear()
    host.logged()
    return host
