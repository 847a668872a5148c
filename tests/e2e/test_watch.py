"""The watch tells the broker what becomes of containers, whoever is away meanwhile."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from hyperhive.operator.models import Event
from tests.e2e.hive import Hive

SECONDS: Final = 20.0
"""How long a container may take to be back."""
SOON: Final = 1.0
"""How long a crash may take to be in the manager's inbox."""
WATCH: Final = "hyperhive-watch.service"


class Watched:
    """Bob's container, and what the store says of it from now on."""

    def __init__(self, hive: Hive) -> None:
        self.hive = hive
        self.testbed = hive.testbed
        self.unit = hive.unit("bob")
        self.after = 0
        self.after = max((event.id for event in self.events()), default=0)

    def events(self, *kinds: str) -> list[Event]:
        """What was written of him."""
        with self.hive.client() as client:
            events = client.events(agent="bob", after=self.after, limit=1000)
        return [event for event in events if not kinds or event.kind in kinds]

    def crashes(self) -> list[dict[str, Any]]:
        """His container's crashes."""
        return [event.data for event in self.events("container_crash")]

    def wait_crash(self, seconds: float = SECONDS) -> dict[str, Any]:
        """The one crash that there is."""
        self.testbed.wait_for("the crash", lambda: self.crashes() or None, seconds)
        (crash,) = self.crashes()
        return crash

    def wait_state(self, state: str) -> None:
        """Wait until the broker knows the container to be so."""

        def look() -> bool:
            with self.hive.client() as client:
                found = {one.agent: one.state for one in client.containers()}
            return found["bob"] == state

        self.testbed.wait_for(f"bob's container to be {state}", look, SECONDS)

    def init(self) -> str:
        """The container's PID 1, as the host numbers it."""
        leader = self.testbed.run(["machinectl", "show", "h-bob", "--property=Leader", "--value"])
        return leader.stdout.strip()


@pytest.fixture
def watched(hive: Hive) -> Iterator[Watched]:
    watched = Watched(hive)
    yield watched
    hive.testbed.systemctl("start", "hyperhive.socket", "hyperhive.service", WATCH)
    hive.testbed.systemctl("reset-failed")
    hive.testbed.systemctl("start", watched.unit)


def test_a_killed_container_is_in_the_managers_inbox_within_a_second(watched: Watched) -> None:
    hive = watched.hive
    known = {message.id for message in hive.mail("manager")}
    nspawn = watched.testbed.show(watched.unit, "MainPID")
    watched.testbed.run(["kill", "-9", nspawn])
    begun = time.time()

    def look() -> Any:
        new = [m for m in hive.mail("manager") if m.id not in known and m.sender == "system"]
        return new[0] if new else None

    notice = watched.testbed.wait_for("a notice", look, SECONDS)
    assert notice.created_at - begun < SOON
    said = json.loads(notice.body)
    assert (said["event"], said["agent"]) == ("container_crash", "bob")
    assert (said["result"], said["status"]) == ("signal", "SIGKILL")
    assert any("Main process exited, code=killed" in line for line in said["lines"])
    watched.wait_state("running")
    assert len(watched.crashes()) == 1


def test_what_somebody_wants_is_no_crash(watched: Watched) -> None:
    watched.hive.hyperhive("agent", "stop", "bob")
    watched.wait_state("stopped")
    watched.hive.hyperhive("agent", "start", "bob")
    watched.wait_state("running")
    watched.testbed.systemctl("restart", watched.unit)
    watched.wait_state("running")
    states = [event.data["state"] for event in watched.events("container")]
    one_run = ["starting", "running"]
    assert states == ["stopping", "stopped", *one_run, "stopping", *one_run]
    assert watched.crashes() == []


def test_a_container_that_shuts_itself_down_has_not_crashed(watched: Watched) -> None:
    watched.hive.inside("bob", ["systemctl", "--no-block", "poweroff"])
    watched.wait_state("stopped")
    assert watched.events("container")[-1].data["reason"] == "the container shut itself down"
    assert watched.crashes() == []


def restart_dbus(watched: Watched) -> None:
    watched.testbed.systemctl("restart", "dbus.service")


def kill_watch(watched: Watched) -> None:
    watched.testbed.systemctl("kill", "--signal=KILL", WATCH)


def stop_broker(watched: Watched) -> None:
    watched.testbed.systemctl("stop", "hyperhive.socket", "hyperhive.service")


@pytest.mark.parametrize("be_away", [restart_dbus, kill_watch, stop_broker])
def test_a_crash_is_told_whoever_was_away(
    watched: Watched, be_away: Callable[[Watched], None]
) -> None:
    run = watched.testbed.show(watched.unit, "InvocationID")
    init = watched.init()  # A bus that was just restarted may not know who would tell.
    be_away(watched)
    watched.testbed.run(["kill", "-9", init])  # systemd starts the container again
    watched.testbed.wait_for(
        "another run",
        lambda: (
            watched.testbed.show(watched.unit, "InvocationID") != run
            and watched.testbed.show(watched.unit, "SubState") == "running"
        ),
        SECONDS,
    )
    watched.testbed.systemctl("start", "hyperhive.socket", "hyperhive.service", WATCH)
    crash = watched.wait_crash()
    assert crash["result"] in ("exit-code", "unknown")
    assert crash["lines"]
    watched.wait_state("running")
