"""The broker is restarted and killed while messages come in: each that it acknowledged arrives."""

import threading
import time
from dataclasses import dataclass, field
from typing import Final

from hyperhive.errors import HyperhiveError
from hyperhive.operator.models import Message, NewMessage
from tests.e2e.hive import Hive

SENDERS: Final = 4
RATE: Final = 100.0
"""Messages a second, of all senders together."""
BROKER: Final = "hyperhive.service"

# One turn takes whatever has come meanwhile, so that hundreds of messages take few turns.
TAKE: Final = {"recv": {"max": 8}, "each": []}
RULE: Final = {
    "when": {"agent": "bob", "contains": "load"},
    "do": [*[TAKE] * 12, {"say": "Taken."}],
}


@dataclass
class Sender:
    """Sends at a steady pace from a thread, until it is told to end.

    Attributes:
        acknowledged: ids by what was sent.
        refused: what the client said of messages that it gave up.
        longest: seconds that the slowest send took.
    """

    hive: Hive
    number: int
    acknowledged: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    longest: float = 0.0

    def run(self, end: threading.Event) -> None:
        count = 0
        due = time.monotonic()
        while not end.is_set():
            body = f"load {self.number}.{count}"
            before = time.monotonic()
            try:
                with self.hive.client() as client:
                    new = NewMessage(to="bob", body=body, idempotency_key=body)
                    self.acknowledged[body] = client.send(new).id
            except HyperhiveError as error:
                self.refused.append(error.what)
            self.longest = max(self.longest, time.monotonic() - before)
            count += 1
            due += SENDERS / RATE
            end.wait(max(0.0, due - time.monotonic()))


def test_every_acknowledged_message_is_delivered(hive: Hive) -> None:
    hive.script([RULE])
    end = threading.Event()
    senders = [Sender(hive, number) for number in range(SENDERS)]
    threads = [threading.Thread(target=sender.run, args=(end,)) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        for disturb in (restart, kill):
            wait_sent(hive, senders, 100)
            disturb(hive)
        wait_sent(hive, senders, 50)
    finally:
        end.set()
        for thread in threads:
            thread.join()

    refused = [what for sender in senders for what in sender.refused]
    assert refused == [], "a send was given up while the broker restarted"
    acknowledged = {body: id for sender in senders for body, id in sender.acknowledged.items()}
    stored = {message.id: message.body for message in loads(hive)}
    assert {stored[id]: id for id in acknowledged.values()} == acknowledged
    assert len(set(stored.values())) == len(stored), "a message was stored twice"
    hive.testbed.wait_for(
        "every message to be delivered",
        lambda: all(message.state == "acked" for message in loads(hive)),
        seconds=60,
    )


def loads(hive: Hive) -> list[Message]:
    """What bob was sent by this test."""
    return [message for message in hive.mail("bob") if message.body.startswith("load ")]


def wait_sent(hive: Hive, senders: list[Sender], more: int) -> None:
    """Wait until `more` messages were acknowledged than now."""
    before = sum(len(sender.acknowledged) for sender in senders)
    hive.testbed.wait_for(
        f"{more} more acknowledged messages",
        lambda: sum(len(sender.acknowledged) for sender in senders) >= before + more,
    )


def restart(hive: Hive) -> None:
    """As a switch to another configuration does."""
    hive.testbed.systemctl("restart", BROKER)


def kill(hive: Hive) -> None:
    """As the kernel does when memory is short; systemd starts it again."""
    before = hive.testbed.show(BROKER, "InvocationID")
    hive.testbed.systemctl("kill", "--signal=SIGKILL", "--kill-whom=main", BROKER)

    def again() -> bool:
        now = hive.testbed.show(BROKER, "InvocationID")
        return now != before and hive.testbed.show(BROKER, "ActiveState") == "active"

    hive.testbed.wait_for("the broker to run again", again)
