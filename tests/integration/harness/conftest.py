"""What the harness's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.harness.fake_broker import FakeBroker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[FakeBroker]:
    """A broker that listens on the sockets of `settings_for(tmp_path)`."""
    (tmp_path / "sockets").mkdir()
    with FakeBroker(tmp_path / "sockets") as broker:
        yield broker
