"""`hyperhive serve` under a service manager: sockets, words, watchdog, restarts without loss."""

import importlib.util
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Final

import httpx
import pytest

from hyperhive.errors import HyperhiveError
from hyperhive.hive.paths import StatePaths
from hyperhive.operator.client import connect
from hyperhive.operator.models import Message, NewMessage
from tests.integration.hive.local import DEADLINE, HYPERHIVE, wait_for
from tests.integration.hive.service import Manager, manager
from tests.integration.hive.test_up import declare
from tests.tools import need

SENDERS: Final = 8
RESTARTS: Final = 3


@pytest.fixture(autouse=True)
def bindings() -> None:
    """Passed sockets are found through systemd's Python bindings."""
    need("systemd-python", importlib.util.find_spec("systemd"), "pip install systemd-python")


def operator_socket(it: Manager) -> Path:
    """The operator socket, which the manager holds."""
    return StatePaths.local(it.state).operator_socket


def mail_of(it: Manager, agent: str) -> list[Message]:
    """Every message to an agent."""
    found: list[Message] = []
    with connect(operator_socket(it)) as client:
        while more := client.messages(agent=agent, after=found[-1].id if found else 0, limit=1000):
            found += more
    return found


def wait_more(acknowledged: list[int]) -> None:
    """Waits until a hundred more messages are acknowledged."""
    enough = len(acknowledged) + 100
    wait_for("a hundred messages", lambda: len(acknowledged) >= enough)


def test_a_manager_is_told_what_the_broker_does(tmp_path: Path) -> None:
    with manager(tmp_path, declare(tmp_path)) as it:
        with it.service(watchdog_seconds=0.2):
            assert "STATUS=3 agents, 0 connected, 0 turns" in it.heard()
            it.wait_told("WATCHDOG=1")
            with connect(operator_socket(it)) as client:
                assert client.broker().hive == "lab"
            assert "STOPPING=1" not in it.heard()
        assert it.heard().index("READY=1") < it.heard().index("STOPPING=1")
        assert operator_socket(it).is_socket(), "it belongs to the manager"


def test_a_broker_that_hangs_pings_no_more(tmp_path: Path) -> None:
    with (
        manager(tmp_path, declare(tmp_path)) as it,
        it.service(watchdog_seconds=0.2) as process,
    ):
        it.wait_told("WATCHDOG=1")
        process.send_signal(signal.SIGSTOP)
        try:
            it.heard()
            assert it.is_silent_for(0.5)
        finally:
            process.send_signal(signal.SIGCONT)
        assert not it.is_silent_for(DEADLINE)


def test_what_comes_while_no_broker_runs_waits_for_the_next(tmp_path: Path) -> None:
    with manager(tmp_path, declare(tmp_path)) as it:
        with it.service():
            pass
        answers: list[str] = []

        def ask() -> None:
            with connect(operator_socket(it)) as client:
                answers.append(client.broker().hive)

        asking = threading.Thread(target=ask)
        asking.start()
        with it.service():
            asking.join(DEADLINE)
        assert answers == ["lab"]


def test_restarts_under_load_drop_no_request_and_no_message(tmp_path: Path) -> None:
    with manager(tmp_path, declare(tmp_path)) as it:
        acknowledged, trouble = list[int](), list[str]()
        done = threading.Event()

        def send(sender: int) -> None:
            number = 0
            while not done.is_set():
                number += 1
                try:
                    with connect(operator_socket(it)) as client:
                        new = NewMessage(to="idler", body=f"{sender}/{number}")
                        acknowledged.append(client.send(new).id)
                        # Not repeated if it fails: it must not.
                        client.act("idler", "pause", f"{number}")
                except HyperhiveError as error:
                    trouble.append(error.what)

        senders = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
        process = it.start()
        for sender in senders:
            sender.start()
        for _ in range(RESTARTS):
            wait_more(acknowledged)
            process.terminate()
            assert process.wait(DEADLINE) == 0, it.log.read_text()
            process = it.start()
        done.set()
        for sender in senders:
            sender.join(DEADLINE)
        stored = mail_of(it, "idler")
        process.terminate()
        assert process.wait(DEADLINE) == 0
    assert trouble == []
    assert {message.id for message in stored} == set(acknowledged)
    assert len({message.body for message in stored}) == len(stored), "none came twice"


def test_a_killed_broker_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    with manager(tmp_path, declare(tmp_path)) as it:
        process = it.start()
        with connect(operator_socket(it)) as client:
            first = client.send(NewMessage(to="idler", body="before")).id
        process.kill()
        process.wait(DEADLINE)
        ids: list[int] = []

        def send() -> None:
            with connect(operator_socket(it)) as client:
                ids.append(client.send(NewMessage(to="idler", body="after")).id)

        sending = threading.Thread(target=send)
        sending.start()
        with it.service():
            sending.join(DEADLINE)
            with connect(operator_socket(it)) as client:
                bodies = {m.id: m.body for m in client.messages(agent="idler", after=0, limit=9)}
        assert bodies == {first: "before", ids[0]: "after"}


def test_without_a_manager_it_makes_its_socket_and_takes_it_away(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    where = StatePaths.local(state).operator_socket
    words = ["serve", str(file), "--state", str(state), "--peers", "self"]
    with subprocess.Popen([HYPERHIVE, *words], stderr=subprocess.DEVNULL) as process:
        wait_for("the operator socket", where.is_socket)
        assert where.stat().st_mode & 0o777 == 0o660
        process.terminate()
        assert process.wait(DEADLINE) == 0
    assert not where.exists()


def test_a_passed_port_asks_for_the_token(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as port,
        manager(tmp_path, declare(tmp_path), dashboard=port) as it,
        it.service(),
    ):
        where = f"http://127.0.0.1:{port.getsockname()[1]}/api/v1/broker"
        file = it.state / "operator.token"
        assert file.stat().st_mode & 0o777 == 0o600
        assert httpx.get(where).status_code == 401
        shown = {"Authorization": f"Bearer {file.read_text().strip()}"}
        assert httpx.get(where, headers=shown).json()["hive"] == "lab"
        shown["Host"] = "attacker.example"
        assert httpx.get(where, headers=shown).status_code == 403
