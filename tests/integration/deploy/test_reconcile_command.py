"""`hyperhive reconcile` and `hyperhive resolver` as units and operators run them."""

import json
import logging
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import hyperhive.cli.reconcile as command
import hyperhive.cli.resolver as resolver_command
import hyperhive.deploy.resolver as resolver_module
import hyperhive.operator.client as client
from hyperhive.cli.main import main
from hyperhive.deploy.host import Host
from hyperhive.errors import NoBrokerError
from hyperhive.operator.hosting_models import Container, DeploymentReport
from tests.integration.deploy.fake_host import ALICE, BROKER, NEW, FakeHost

pytestmark = pytest.mark.usefixtures("own_process")

HIVE = '[hive]\nname = "lab"\n[agents.alice]\n[agents.bob]\nautostart = false\n'


class Broker:
    """A broker that knows of nobody and takes every report."""

    def __init__(self) -> None:
        self.reports: dict[str, DeploymentReport] = {}

    def containers(self) -> list[Container]:
        return []

    def report_deployment(self, agent: str, report: DeploymentReport) -> None:
        self.reports[agent] = report


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A hive of alice and bob."""
    path = tmp_path / "hive.toml"
    path.write_text(HIVE)
    return path


@pytest.fixture
def broker(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> Broker:
    """The broker of the host that the command finds."""
    made = Broker()

    @contextmanager
    def connect(socket: Path) -> Iterator[Broker]:
        assert socket == host.paths.hive.operator_socket
        yield made

    @contextmanager
    def units() -> Iterator[object]:
        yield host.systemd

    found = Host(host.paths, BROKER, units, lambda _: None)  # type: ignore[arg-type]
    monkeypatch.setattr(command, "_host", lambda: found)
    monkeypatch.setattr(command, "start_logging", lambda _: None)
    monkeypatch.setattr(client, "connect", connect)
    return made


def hyperhive(*words: object) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, [*map(str, words)])


@pytest.mark.usefixtures("as_root")
def test_it_says_what_would_be_done(file: Path, broker: Broker) -> None:
    done = hyperhive("reconcile", file, "--dry-run")
    words = [words.format("alice") for words in NEW]
    assert done.stdout.splitlines()[0] == f"alice: {', '.join(words)}, start"
    assert done.exit_code == 0
    assert broker.reports == {}


@pytest.mark.usefixtures("as_root")
def test_it_does_it_and_tells_the_broker(
    file: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        done = hyperhive("reconcile", file, "--json")
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)
    assert [row["agent"] for row in rows] == ["alice", "bob"]
    assert rows[0]["changes"][-1] == "start"
    assert broker.reports["alice"].changes == rows[0]["changes"]
    assert any(message.startswith("bob: write its unit's settings") for message in caplog.messages)
    broker.reports.clear()
    again = hyperhive("reconcile", file, "--dry-run")
    assert again.stdout == "alice: nothing to do\nbob: nothing to do\n"
    assert hyperhive("reconcile", file).exit_code == 0
    assert broker.reports == {}


@pytest.mark.usefixtures("as_root")
def test_a_failure_is_told_and_is_the_exit_status(
    file: Path, broker: Broker, host: FakeHost
) -> None:
    conf = host.paths.confs / "h-alice.conf"
    conf.parent.mkdir()
    conf.write_text("mine\n")
    done = hyperhive("reconcile", file, "--json")
    assert done.exit_code == 1
    [alice, bob] = json.loads(done.stdout)
    assert alice["error"] == f"{conf} was not written by hyperhive"
    assert bob["error"] == ""
    assert broker.reports["alice"].error == alice["error"]
    shown = hyperhive("reconcile", file, "--dry-run")
    assert shown.stdout.startswith(f"alice: fail: {conf} was not written by hyperhive (move it")


@pytest.mark.usefixtures("as_root", "broker")
def test_a_silent_broker_is_a_failure_that_says_so(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_: Path) -> None:
        raise NoBrokerError("no broker answers", "start one")

    monkeypatch.setattr(client, "connect", silent)
    done = hyperhive("reconcile", file)
    assert done.exit_code == 3
    assert done.stderr.splitlines()[0] == (
        "error: nothing is started, stopped, built or removed: no broker answers"
    )


@pytest.mark.usefixtures("as_root", "broker")
def test_a_broker_that_falls_silent_meanwhile_is_another_failure_than_an_agents(
    file: Path, broker: Broker, host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [list[Container]()]

    def containers() -> list[Container]:
        if not answers:
            raise NoBrokerError("no broker answers", "start one")
        return answers.pop()

    monkeypatch.setattr(broker, "containers", containers)
    done = hyperhive("reconcile", file)
    assert done.exit_code == 3
    assert done.stderr.splitlines()[0] == "error: not all is started: no broker answers"
    assert host.paths.container(ALICE).conf.exists()


def test_who_is_not_root_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    done = hyperhive("reconcile", file)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: only root can do this\n")


def test_a_host_without_the_module_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: str) -> None:
        raise KeyError

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", nobody)
    done = hyperhive("reconcile", file)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: there is no user hyperhive\n")


def test_the_resolver_writes_what_can_be_reached(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver_command, "RESOLVER", tmp_path / "resolver")
    monkeypatch.setattr(resolver_command, "start_logging", lambda _: None)
    monkeypatch.setattr(resolver_module, "read_host_files", lambda: ["nameserver 192.0.2.1\n"])
    assert hyperhive("resolver", file).exit_code == 0
    written = tmp_path / "resolver" / "resolv.conf"
    assert written.read_text().splitlines()[1:] == ["nameserver 192.0.2.1"]
    monkeypatch.setattr(resolver_module, "read_host_files", lambda: ["nameserver ::1\n"])
    done = hyperhive("resolver", file)
    assert done.exit_code == 1
    assert done.stderr == (
        "error: no name server of this host can be reached from a private network\n"
        "  set services.hyperhive.nameservers\n"
    )
    assert written.read_text().splitlines()[1:] == []
