"""`hyperhive serve` and `hyperhive harness`, as the units start them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hyperhive.hive.load import load_hive
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.local.settings import write_settings
from hyperhive.testing.scripted_claude import launcher
from tests.integration.hive.local import DEADLINE, HYPERHIVE, LocalHive, command, wait_for
from tests.integration.hive.test_up import declare


@contextmanager
def daemon(log: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """A daemon until the end of the block, which it must reach alive and leave with status 0."""
    with log.open("w") as output:
        process = subprocess.Popen([HYPERHIVE, *words], stdout=output, stderr=output, text=True)
    try:
        yield process
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        status = process.wait(DEADLINE)
    assert status == 0, log.read_text()


def test_broker_and_harness_meet_over_their_sockets(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    paths, log = StatePaths.local(state), tmp_path / "serve.log"
    with daemon(log, "serve", str(file), "--state", str(state), "--peers", "self") as broker:
        hive = LocalHive(broker, state, log)
        wait_for("the operator socket", paths.operator_socket.is_socket)
        settings = write_settings(
            load_hive(file), paths, AgentName("alice"), str(launcher(tmp_path))
        )
        with daemon(tmp_path / "harness.log", "harness", str(settings)):
            hive.wait_states(alice="idle")
            hive.wait_acked(hive.ask("send", "alice", "hello")["id"])
            assert hive.wait_mail("alice got: hello")["from"] == "alice"
        hive.wait_states(alice="offline")
        refused = hive.run("agent", "start", "alice", status=1)
        assert "this broker does not start alice" in refused
    assert not paths.operator_socket.exists()


def test_only_the_agents_own_uids_are_let_in(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    paths, log = StatePaths.local(state), tmp_path / "serve.log"
    with daemon(log, "serve", str(file), "--state", str(state)):
        wait_for("the operator socket", paths.operator_socket.is_socket)
        settings = write_settings(
            load_hive(file), paths, AgentName("alice"), str(launcher(tmp_path))
        )
        with daemon(tmp_path / "harness.log", "harness", str(settings)):
            wait_for("a refusal", lambda: "alice: harness.sock refused pid" in log.read_text())
        states = command("agents", "--state", str(state)).stdout.split()
    assert states[states.index("alice") + 1] == "offline"


def test_serve_says_what_is_wrong(tmp_path: Path) -> None:
    missing = command("serve", str(tmp_path / "no.toml"), "--state", str(tmp_path / "state"))
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 2)
    wrong = tmp_path / "hive.toml"
    wrong.write_text("[hive]\nname = 'lab'\n[agents.operator]\n")
    refused = command("serve", str(wrong), "--state", str(tmp_path / "state"))
    assert refused.returncode == 2
    assert "operator" in refused.stderr
