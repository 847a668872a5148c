"""Starting and stopping units over D-Bus, with a real systemd at the other end."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.e2e.environment import INTERPRETER
from tests.e2e.host import Host
from tests.e2e.testbed import Testbed

UNITS: Final = {
    "quick": "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true",
    "bad": "Type=oneshot\nExecStart=/bin/false",
    "crashing": "ExecStart=/bin/false\nRestart=always\nRestartSec=10min",
    "slow": "Type=oneshot\nExecStart=/bin/sleep infinity",
}
SYNCHRONOUS: Final = """
import json, sys
from dataclasses import asdict
from hyperhive.errors import HyperhiveError
from hyperhive.systemd.units import UnitBus

try:
    with UnitBus() as bus:
        *words, = sys.argv[1:]
        arguments = [float(word) if word[0].isdigit() else word for word in words[1:]]
        found = getattr(bus, words[0])(*arguments)
except HyperhiveError as error:
    said = {"error": error.what, "todo": error.todo}
else:
    each = found if isinstance(found, list) else [found] if found else []
    said = {"found": [asdict(one) for one in each]}
print(json.dumps(said))
"""
SIDE_BY_SIDE: Final = """
import asyncio, json
from hyperhive.systemd.async_units import AsyncUnits

async def main():
    units = AsyncUnits()
    slow = asyncio.create_task(units.start("bus-slow.service", 60))
    results = await asyncio.gather(
        units.start("bus-quick.service"),
        units.restart("bus-quick.service"),
        units.start("bus-bad.service"),
        units.start("bus-absent.service"),
        return_exceptions=True,
    )
    waits = not slow.done()
    await units.stop("bus-slow.service")
    results += await asyncio.gather(slow, return_exceptions=True)
    print(json.dumps([waits, *(result and result.what for result in results)]))

asyncio.run(main())
"""


@pytest.fixture
def units(host: Host) -> Iterator[Testbed]:
    testbed = host.testbed
    for name, text in UNITS.items():
        testbed.unit(f"bus-{name}.service", f"[Service]\n{text}\n")
    yield testbed
    for name in UNITS:
        testbed.systemctl("stop", f"bus-{name}.service")
        testbed.path(f"/etc/systemd/system/bus-{name}.service").unlink()
    testbed.systemctl("reset-failed")
    testbed.systemctl("daemon-reload")


def ask(testbed: Testbed, *words: str, user: str | None = None) -> dict[str, Any]:
    """What a method of UnitBus's gives, or its error."""
    printed = testbed.run([INTERPRETER, "-c", SYNCHRONOUS, *words], user=user).stdout
    said: dict[str, Any] = json.loads(printed)
    return said


def test_a_unit_is_started_restarted_and_stopped(units: Testbed) -> None:
    assert ask(units, "start", "bus-quick.service") == {"found": []}
    (first,) = ask(units, "status", "bus-quick.service")["found"]
    assert (first["load"], first["active"], first["result"]) == ("loaded", "active", "success")
    ask(units, "restart", "bus-quick.service")
    (second,) = ask(units, "list", "bus-*.service")["found"]
    assert (second["name"], second["active"]) == ("bus-quick.service", "active")
    assert len(second["invocation"]) == 32
    assert second["invocation"] != first["invocation"]
    ask(units, "stop", "bus-quick.service")
    assert units.show("bus-quick.service", "ActiveState") == "inactive"


def test_a_unit_that_fails_is_an_error_until_it_is_reset(units: Testbed) -> None:
    assert ask(units, "start", "bus-bad.service") == {
        "error": "bus-bad.service did not start: it failed",
        "todo": "journalctl -u bus-bad.service",
    }
    (failed,) = ask(units, "status", "bus-bad.service")["found"]
    assert (failed["active"], failed["result"], failed["exit_status"]) == ("failed", "exit-code", 1)
    ask(units, "reset_failed", "bus-bad.service")
    assert units.show("bus-bad.service", "ActiveState") == "inactive"


def test_a_unit_that_waits_to_be_started_again_is_started_at_once(units: Testbed) -> None:
    ask(units, "start", "bus-crashing.service")
    crashed = units.show("bus-crashing.service", "InvocationID")
    units.wait_for(
        "its pause",
        lambda: units.show("bus-crashing.service", "SubState") == "auto-restart",
    )
    assert ask(units, "start", "bus-crashing.service", "10") == {"found": []}
    assert units.show("bus-crashing.service", "InvocationID") != crashed


def test_a_unit_that_takes_too_long_is_left_to_go_on(units: Testbed) -> None:
    said = ask(units, "start", "bus-slow.service", "0.2")
    assert said["error"] == "bus-slow.service did not start: it is still at it"
    assert units.show("bus-slow.service", "ActiveState") == "activating"


def test_a_unit_that_does_not_exist(units: Testbed) -> None:
    (absent,) = ask(units, "status", "bus-absent.service")["found"]
    assert (absent["load"], absent["active"]) == ("not-found", "inactive")
    assert ask(units, "stop", "bus-absent.service") == {"found": []}
    assert ask(units, "reset_failed", "bus-absent.service") == {"found": []}
    said = ask(units, "start", "bus-absent.service")
    assert said["error"].startswith("systemd could not start bus-absent.service: Unit")


def test_a_user_whom_no_rule_lets_is_refused(units: Testbed) -> None:
    said = ask(units, "start", "bus-quick.service", user="nobody")
    assert said["error"].startswith("systemd does not let uid ")
    assert said["error"].endswith(" start bus-quick.service")
    assert "polkit" in said["todo"]
    (unit,) = ask(units, "status", "bus-quick.service", user="nobody")["found"]
    assert unit["active"] == "inactive"


def test_several_at_a_time_from_an_event_loop(units: Testbed) -> None:
    printed = units.run([INTERPRETER, "-c", SIDE_BY_SIDE]).stdout
    waits, quick, again, bad, absent, slow = json.loads(printed)
    assert waits
    assert (quick, again) == (None, None)
    assert bad == "bus-bad.service did not start: it failed"
    assert absent.startswith("systemd could not start bus-absent.service: Unit")
    assert slow == "bus-slow.service did not start: another job took its place"
