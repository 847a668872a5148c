"""`hyperhive deploy` as its unit runs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import hyperhive.cli.reconcile as command
import hyperhive.operator.client as client
from hyperhive.cli.main import main
from hyperhive.errors import NoBrokerError
from hyperhive.store.approval_states import ApprovalState
from tests.integration.deploy.approvals import ApprovalBroker, differences, everything
from tests.integration.deploy.fake_host import HIVE

pytestmark = pytest.mark.usefixtures("as_root", "own_process")


@pytest.fixture
def file(broker: ApprovalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The declared hive of the host that the command finds."""

    @contextmanager
    def connect(socket: Path) -> Iterator[ApprovalBroker]:
        assert socket == broker.host.paths.hive.operator_socket
        with broker.connect() as connected:
            yield connected

    monkeypatch.setattr(command, "_host", lambda: broker.host.host)
    monkeypatch.setattr(command, "start_logging", lambda _: None)
    monkeypatch.setattr(client, "connect", connect)
    path = tmp_path / "world.toml"
    tables = [
        f"[agents.{name}]\n"
        + "".join(f"{key} = {str(value).lower()}\n" for key, value in agent.items())
        for name, agent in HIVE.items()
    ]
    text = '[hive]\nname = "lab"\n' + "".join(tables)
    path.write_text(text.replace("role = manager", 'role = "manager"'))
    return path


def hyperhive(*words: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, [*map(str, words)])


def test_an_approval_is_done_once(broker: ApprovalBroker, file: Path) -> None:
    broker.propose("alice", 'model = "opus"\n')
    done = hyperhive("deploy", 7, "--hive", file)
    assert (done.exit_code, done.output) == (0, "")
    assert broker.state() is ApprovalState.DEPLOYED
    again = hyperhive("deploy", 7, "--hive", file)
    assert again.exit_code == 2
    assert again.stderr.startswith("error: approval 7 is deployed: there is nothing to be done\n")


def test_what_fails_says_why(broker: ApprovalBroker, file: Path) -> None:
    broker.propose("alice", 'model = "unbuildable"\n')
    done = hyperhive("deploy", 7, "--hive", file)
    assert done.exit_code == 4
    assert "attribute 'unbuildable' missing" in done.stderr
    assert broker.state() is ApprovalState.FAILED


@pytest.mark.parametrize("id", ["0", "07", "7a", "1" * 19, "7/../8", "7\n", "\u0667"])
def test_what_is_no_id_changes_nothing(broker: ApprovalBroker, file: Path, id: str) -> None:
    before = everything(broker.host)
    assert hyperhive("deploy", "--hive", file, "--", id).exit_code == 2
    assert differences(before, everything(broker.host)) == {}


def test_a_silent_broker(
    broker: ApprovalBroker, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hyperhive.deploy.patience as patience

    def silent(_: Path) -> None:
        raise NoBrokerError("no broker answers", "start one")

    monkeypatch.setattr(client, "connect", silent)
    monkeypatch.setattr(patience.PatientBroker.__init__, "__defaults__", (patience.Clock(), 0.0))
    assert hyperhive("deploy", 7, "--hive", file).exit_code == 3


def test_an_agent_is_reconciled(broker: ApprovalBroker, file: Path) -> None:
    broker.host.systemd.active["container@h-alice.service"] = "inactive"
    done = hyperhive("deploy", "alice", "--hive", file)
    assert done.exit_code == 0, done.output
    assert broker.host.systemd.active["container@h-alice.service"] == "active"
    assert hyperhive("deploy", "alcie", "--hive", file).exit_code == 2
