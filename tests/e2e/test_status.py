"""`hyperhive status` on a real host: with its broker, and without."""

import json
from typing import Any

from hyperhive.cli.output import display_width
from hyperhive.errors import NoBrokerError
from tests.e2e.hive import Hive

SOCKET = "hyperhive.socket"
BROKER = "hyperhive.service"


def status(hive: Hive, *, code: int = 0) -> dict[str, Any]:
    """The status for machines; the command must end with `code`."""
    done = hive.hyperhive("status", "--json", check=False)
    assert done.returncode == code, done.stderr
    return dict(json.loads(done.stdout))


def units(found: dict[str, Any]) -> dict[str, str]:
    """ActiveState of the host's units."""
    return {unit["name"]: unit["active"] for unit in found["units"]}


def agent(found: dict[str, Any], name: str) -> dict[str, Any]:
    """One agent of them."""
    return dict(next(one for one in found["agents"] if one["name"] == name))


def test_a_running_hive(hive: Hive) -> None:
    found = status(hive)
    uids = hive.uids("alice")
    main_pid = hive.testbed.systemctl("show", "--property=MainPID", "--value", BROKER)
    assert found["broker"]["pid"] == int(main_pid)
    assert (units(found)[SOCKET], units(found)[BROKER]) == ("active", "active")
    alice = agent(found, "alice")
    assert (alice["state"], alice["container"], alice["unit"]) == ("idle", "running", "active")
    assert (alice["first_uid"], alice["last_uid"]) == (uids.base, uids.last)
    assert (alice["network"], alice["claude"]) == ("private", "2.1.330")
    assert alice["system"]["path"].startswith("/nix/store/")
    shown = hive.hyperhive("status").stdout
    assert max(map(display_width, shown.splitlines())) <= 80
    told = hive.testbed.systemctl("show", "--property=StatusText", "--value", BROKER)
    assert told.strip() == "3 agents, 3 connected, 0 turns"


def test_a_stopped_agent(hive: Hive) -> None:
    hive.hyperhive("agent", "stop", "bob", "--reason", "lunch")
    hive.testbed.wait_for(
        "bob's container to be seen stopped",
        lambda: agent(status(hive), "bob")["container"] == "stopped",
        10,
    )
    bob = agent(status(hive), "bob")
    assert (bob["state"], bob["wanted"]) == ("offline", "stopped")
    assert bob["unit"] in (None, "inactive")
    hive.hyperhive("agent", "start", "bob")
    hive.wait_states({"bob": "idle"})


def test_without_a_broker_the_units_are_shown(hive: Hive) -> None:
    hive.testbed.systemctl("stop", BROKER, SOCKET)
    try:
        found = status(hive, code=NoBrokerError.exit_code)
        shown = hive.hyperhive("status", check=False)
    finally:
        hive.testbed.systemctl("start", SOCKET, BROKER)
    assert found["broker"] is None
    assert (units(found)[SOCKET], units(found)[BROKER]) == ("inactive", "inactive")
    alice = agent(found, "alice")
    assert (alice["state"], alice["unit"]) == (None, "active"), "containers go on without it"
    assert "systemctl start hyperhive.service" in shown.stderr
    hive.wait_states({"alice": "idle"})
