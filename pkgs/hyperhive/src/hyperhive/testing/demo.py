"""`make demo`: a hive with a scripted model, seen from the operator's side.

Starts `hyperhive up` on a state directory of its own, writes to the manager, shows what is said
and done until the answers are here, and leaves nothing behind. What the manager proposes on the way
is the operator's to decide, who is asked where there is a terminal.
"""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final

import httpx

from hyperhive.testing.demo_screen import Screen
from hyperhive.wire.sockets import address

QUESTION: Final = (
    "I need a build machine. What has this one to offer? And please have someone write a welcome"
    " for the agents that will work here."
)
ANSWERS_FROM: Final = frozenset({"alice", "bob", "manager"})
"""Whose messages the operator waits for."""

DEADLINE: Final = 60.0
"""Seconds that all of it may take."""

STOP_SECONDS: Final = 20.0
"""How long the hive may take to stop; then it is killed."""

POLL_SECONDS: Final = 0.1
PATIENCE: Final = 0.4
"""Seconds between something and its showing."""

LOG_LINES: Final = 25
_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_BUSY: Final = frozenset({"starting", "offline", "thinking", "compacting"})

Row = dict[str, Any]
Ask = Callable[[str], str]
"""Puts a question to whoever is at the terminal; the answer."""


class NotDelivered(Exception):
    """The answers did not come; the text says what was waited for."""


class Hive:
    """A running `hyperhive up`, and the operator's connection to it."""

    def __init__(self, file: Path, state: Path) -> None:
        """Start the hive declared in `file`."""
        self.log = state / "log"
        self._log = self.log.open("wb")
        command = "from hyperhive.cli.main import main; main()"
        arguments = ["up", str(file), "--state", str(state), "--claude", "scripted"]
        # In a session of its own: Ctrl-C reaches the demo alone, which then stops the hive.
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        socket = state / "run" / "operator.sock"
        socket.parent.mkdir(mode=0o700, exist_ok=True)  # else a long address could not be opened
        self._open = contextlib.ExitStack()
        transport = httpx.HTTPTransport(uds=self._open.enter_context(address(socket)))
        self._http = httpx.Client(transport=transport, base_url="http://hive/api/v1", timeout=10)
        self._seen_message = 0
        self._seen_event = 0

    def agents(self) -> list[Row]:
        """Every agent, as it is now; none before the broker answers.

        Raises:
            NotDelivered: the hive has ended.
        """
        try:
            return self._get("agents")
        except httpx.TransportError:
            return []

    def send(self, to: str, body: str) -> None:
        """Send the operator's message."""
        self._http.post("messages", json={"to": to, "body": body}).raise_for_status()

    def approvals(self) -> list[Row]:
        """Approvals that wait for the operator or are being done."""
        return self._get("approvals")

    def approval(self, id: int) -> Row:
        """One approval, with what it changes."""
        row: Row = self._http.get(f"approvals/{id}").raise_for_status().json()
        return row

    def decide(self, id: int, *, approve: bool) -> bool:
        """Decide on an approval; whether that was still to be decided."""
        verb, body = ("approve", {}) if approve else ("deny", {"reason": "not now"})
        answer = self._http.post(f"approvals/{id}/{verb}", json=body)
        if answer.status_code == httpx.codes.CONFLICT:
            return False
        answer.raise_for_status()
        return True

    def news(self) -> list[Row]:
        """Messages and events that came since the last time."""
        messages = self._get("messages", after=self._seen_message)
        events = self._get("events", after=self._seen_event)
        self._seen_message = max([self._seen_message, *(row["id"] for row in messages)])
        self._seen_event = max([self._seen_event, *(row["id"] for row in events)])
        return sorted(
            [*messages, *events], key=lambda row: float(row.get("at") or row["created_at"])
        )

    def stop(self) -> None:
        """End the hive, whatever it takes; a second Ctrl-C does not leave half of it behind."""
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        self._http.close()
        self._open.close()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def _get(self, what: str, **query: int) -> list[Row]:
        """Rows of the API.

        Raises:
            NotDelivered: the hive has ended.
        """
        if self.process.poll() is not None:
            raise NotDelivered(f"hyperhive up ended with status {self.process.returncode}")
        rows: list[Row] = self._http.get(what, params=query).raise_for_status().json()
        return rows


def converse(hive: Hive, screen: Screen, ask: Ask | None, seconds: float) -> None:
    """Have the whole conversation.

    Args:
        ask: who decides on proposals; None: they are approved.
        seconds: how long all of it may take, but for that.

    Raises:
        NotDelivered: it was not over in time, or the hive ended.
    """
    deadline = time.monotonic() + seconds
    screen.waiting("Starting a manager and two agents")
    wait(lambda: settled(hive.agents()), "the agents to be ready", deadline)
    screen.blank()
    hive.send("manager", QUESTION)
    heard: set[str] = set()
    held: list[Row] = []
    pending: list[int] = []

    def over() -> bool:
        open_approvals = hive.approvals()
        pending[:] = [row["id"] for row in open_approvals if row["state"] == "pending"]
        # In this order: who is told what became of an approval has mail when that is no more open.
        busy = not settled(hive.agents())
        held.extend(hive.news())
        heard.update(row["from"] for row in held if row.get("to") == "operator")
        done = heard >= ANSWERS_FROM and not open_approvals
        ended = not busy and (done or bool(pending))
        # An event reaches the broker a moment after it happened: with a little patience what is
        # shown comes in the order in which it was said and done.
        shown = [row for row in held if ended or moment(row) < time.time() - PATIENCE]
        for row in sorted(shown, key=moment):
            held.remove(row)
            if row.get("from") == "system":
                continue  # the events tell the same
            if "body" in row:
                screen.message(row["from"], row["to"], row["body"])
            else:
                screen.event(row)
        return ended

    def answered() -> None:
        wait(over, "every answer to reach the operator", deadline)

    answered()
    while pending:
        began = time.monotonic()
        for id in list(pending):
            decide(hive, screen, ask, hive.approval(id))
        deadline += time.monotonic() - began
        answered()


def decide(hive: Hive, screen: Screen, ask: Ask | None, approval: Row) -> None:
    """Show what is proposed, and have it decided."""
    screen.proposal(approval)
    answer = "" if ask is None else ask(screen.question())
    approve = not answer.strip().lower().startswith("n")
    done = hive.decide(approval["id"], approve=approve)
    screen.decided(approve=approve, asked=ask is not None, in_time=done)


def moment(row: Row) -> float:
    """When a message was sent or an event happened, in seconds since the epoch."""
    return float(row["created_at" if "body" in row else "at"])


def settled(agents: Sequence[Row]) -> bool:
    """Whether every agent is there and has nothing to do."""
    return bool(agents) and all(a["state"] not in _BUSY and not a["unread"] for a in agents)


def wait(happened: Callable[[], bool], what: str, deadline: float) -> None:
    """Wait for something that only asking tells.

    Raises:
        NotDelivered: the deadline has passed.
    """
    while not happened():
        if time.monotonic() > deadline:
            raise NotDelivered(f"waited for {what}, in vain")
        time.sleep(POLL_SECONDS)


def main(argv: Sequence[str]) -> int:
    """Run the demo with the hive in `argv[0]`; returns the exit code."""
    file = Path(argv[0] if argv else "examples/hive.toml")
    screen = Screen(sys.stdout, colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    for number in _ENDING:
        signal.signal(number, _interrupt)
    screen.opening()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hyperhive-demo-") as directory:
        hive = Hive(file, Path(directory))
        try:
            converse(hive, screen, input if sys.stdin.isatty() else None, DEADLINE)
        except (NotDelivered, httpx.HTTPError) as failure:
            hive.stop()
            lines = hive.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
            screen.failed(str(failure), lines)
            return 1
        except KeyboardInterrupt:
            screen.blank()
            return 130
        finally:
            hive.stop()
    screen.closing(time.monotonic() - begun, file)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
