"""What the tests of deploying need: to be root, and a host."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploy.approvals import ApprovalBroker
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


@pytest.fixture
def broker(settled: FakeHost) -> ApprovalBroker:
    """The broker of a host on which the hive runs, with its history."""
    made = ApprovalBroker(settled)
    settled.whole(HIVE, made)
    return made


@pytest.fixture
def own_process() -> Iterator[None]:
    """What a command sets for its process is set back: here it is the tests' own."""
    handler, mask = signal.getsignal(signal.SIGINT), os.umask(0o022)
    yield
    signal.signal(signal.SIGINT, handler)
    os.umask(mask)
