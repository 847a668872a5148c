"""What the tests of deploying need: to be root."""

import os

import pytest

from tests.tools import need


@pytest.fixture
def as_root() -> None:
    """Skipped, or failed where every tool is required, without root's powers."""
    need("root", os.geteuid() == 0, "run the tests as root: files change hands")
