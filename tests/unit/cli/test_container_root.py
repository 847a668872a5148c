"""`hyperhive container-root`: hidden, and for agents' containers alone."""

import pytest
from click.testing import CliRunner

from hyperhive.cli.main import HIDDEN, main


def test_it_is_there_and_hidden() -> None:
    runner = CliRunner()
    for name in HIDDEN:
        assert runner.invoke(main, [name, "--help"]).exit_code == 0
        assert f"\n  {name} " not in runner.invoke(main, ["--help"]).stdout


@pytest.mark.parametrize("container", ["alice", "h-", "web", "h-../x", "h-operator", "h-h_x"])
def test_other_containers_are_none_of_its_business(container: str) -> None:
    result = CliRunner().invoke(main, ["container-root", container])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
