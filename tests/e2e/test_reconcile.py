"""Reconcile on a whole host: agents that come, change, go and return; runs that are cut short."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from hyperhive.hive.uids import UidRange
from hyperhive.log_events import LogEvent
from hyperhive.operator.hosting_models import Container
from tests.e2e.environment import HYPERHIVE
from tests.e2e.hive import STANDARD, Hive
from tests.e2e.host import HIVE_FILE, RECONCILE, UNITS

pytestmark = pytest.mark.slow

MOVED: Final = UidRange(1048576)
FILES: Final = 40_000
"""As many as take root a good part of a second."""

# Makes a tree of files of one owner: FILES, over 40 directories.
_FILL: Final = """
import os, sys
top, uid, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.mkdir(top)
for number in range(40):
    os.mkdir(f"{top}/{number}")
    directory = os.open(f"{top}/{number}", os.O_RDONLY)
    for file in range(files // 40):
        os.close(os.open(str(file), os.O_CREAT | os.O_WRONLY, dir_fd=directory))
        os.chown(str(file), uid, uid, dir_fd=directory)
    os.chown(f"{top}/{number}", uid, uid)
os.chown(top, uid, uid)
"""

# A nix that begins when the real one is there again.
_WAITS: Final = """\
#!/bin/sh
while [ -e /opt/nix/bin/nix.real ]; do sleep 0.05; done
exec /opt/nix/bin/nix "$@"
"""


def with_agents(**agents: Any) -> dict[str, Any]:
    """The standard hive with further agents, or with other values of its own."""
    return {**STANDARD, "agents": {**STANDARD["agents"], **agents}}


def state_of(hive: Hive, agent: str) -> Path:
    """An agent's own directory, as this machine sees it."""
    return hive.testbed.path(f"/var/lib/hyperhive/agents/{agent}/state")


def run_of(hive: Hive, agent: str) -> str:
    """What tells one run of an agent's container from another."""
    return hive.testbed.show(hive.unit(agent), "InvocationID")


class Journal:
    """What reconcile says from here on."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._begin = self._read("--lines=1")[-1]["__CURSOR"]

    def changes(self) -> Mapping[str, str]:
        """What was last done for each agent."""
        entries = self._read(f"--after-cursor={self._begin}")
        events = (LogEvent.AGENT_RECONCILED, LogEvent.AGENT_RECONCILE_FAILED)
        return {
            entry["HYPERHIVE_AGENT"]: entry["HYPERHIVE_CHANGES"]
            for entry in entries
            if entry.get("MESSAGE_ID") in events
        }

    def _read(self, *words: str) -> list[dict[str, Any]]:
        command = ["journalctl", "--output=json", "--all", "--no-pager", *words]
        lines = self._hive.testbed.run(command).stdout.splitlines()
        return [json.loads(line) for line in lines]


def test_a_second_run_changes_nothing(hive: Hive) -> None:
    runs = [run_of(hive, agent) for agent in STANDARD["agents"]]
    journal = Journal(hive)
    hive.testbed.systemctl("start", RECONCILE)
    assert journal.changes() == dict.fromkeys(STANDARD["agents"], "")
    assert [run_of(hive, agent) for agent in STANDARD["agents"]] == runs
    preview = hive.hyperhive("reconcile", "--dry-run").stdout
    assert preview == "".join(f"{agent}: nothing to do\n" for agent in ("alice", "bob", "manager"))


def test_two_at_once_come_one_after_the_other(hive: Hive) -> None:
    both = [hive.testbed.start([HYPERHIVE, "reconcile", "--json"]) for _ in range(2)]
    for one in both:
        out, err = one.communicate(timeout=60)
        assert one.returncode == 0, err
        assert [agent["error"] for agent in json.loads(out)] == ["", "", ""]


def test_one_that_does_not_build_stops_no_other(hive: Hive) -> None:
    run, journal = run_of(hive, "bob"), Journal(hive)
    extra = hive.testbed.path("/var/lib/hyperhive/deploy/agents/bob/extra.nix")
    extra.write_text('throw "bob is to fail"')
    before = hive.edit(alice={"limits": {"tasks": 700}}, bob={"extra_nix": True})
    try:
        with pytest.raises(AssertionError, match=RECONCILE):
            hive.testbed.systemctl("start", RECONCILE)
        assert journal.changes() == {
            "alice": "write its unit's settings",
            "bob": "",
            "manager": "",
        }
        assert run_of(hive, "bob") == run
        assert hive.testbed.show(RECONCILE, "SubState") == "failed", "it is not tried again"
    finally:
        extra.unlink()
        hive.testbed.path(HIVE_FILE).write_text(before)
        hive.testbed.systemctl("start", RECONCILE)


def test_what_a_boot_took_away_is_there_before_an_agent_starts(hive: Hive) -> None:
    unit = hive.unit("bob")
    limits = hive.testbed.show(unit, "TasksMax")
    hive.hyperhive("agent", "stop", "bob")
    boot_away(hive, unit)
    assert hive.testbed.show(unit, "TasksMax") != limits
    hive.hyperhive("agent", "start", "bob")
    assert hive.testbed.show(unit, "TasksMax") == limits
    assert "hyperhive-firewall.service" in hive.testbed.show(unit, "Requires")

    run, journal = run_of(hive, "bob"), Journal(hive)
    boot_away(hive, unit)
    hive.testbed.systemctl("start", RECONCILE)
    assert journal.changes()["bob"] == "write its unit's settings; restart"
    assert run_of(hive, "bob") != run


def boot_away(hive: Hive, unit: str) -> None:
    """Take away what a unit has in /run, as a boot does."""
    shutil.rmtree(hive.testbed.path(f"/run/systemd/system/{unit}.d"))
    hive.testbed.systemctl("daemon-reload")


def test_a_broker_that_comes_late_finds_its_agents_started(hive: Hive) -> None:
    broker = ["hyperhive.socket", "hyperhive.service"]
    unit = hive.testbed.path(UNITS / broker[1])
    quick = "/run/systemd/system/hyperhive-reconcile.service.d/quick.conf"
    hive.testbed.systemctl("stop", *broker, hive.unit("bob"))
    hive.testbed.path("/run/hyperhive/operator.sock").unlink()
    away = unit.rename(unit.with_suffix(".away"))
    hive.host.write(quick, "[Service]\nRestartSec=200ms\n")
    hive.testbed.systemctl("daemon-reload")
    try:
        # Whoever asked for it, as a switch does, hears of it at once.
        with pytest.raises(AssertionError, match=RECONCILE):
            hive.testbed.systemctl("start", RECONCILE)
        assert hive.testbed.show(hive.unit("bob"), "ActiveState") == "inactive"
    finally:
        away.rename(unit)
        hive.testbed.systemctl("daemon-reload")
        hive.testbed.systemctl("start", *broker)
    hive.wait_states({"bob": "idle"})
    hive.testbed.path(quick).unlink()
    hive.testbed.systemctl("daemon-reload")


def test_an_agent_comes_changes_goes_and_is_purged(hive: Hive) -> None:
    alice = run_of(hive, "alice")
    hive.declare(with_agents(carl={"limits": {"memory": "1G"}}))
    hive.send("carl", "hello")
    assert hive.wait_mail("carl got: hello").sender == "carl"
    assert run_of(hive, "alice") == alice, "others keep running"
    hive.inside("carl", ["touch", "/state/mine"])

    carl, bob, journal = run_of(hive, "carl"), run_of(hive, "bob"), Journal(hive)
    greeting = {"environment": {"GREETING": "hello"}}
    hive.edit(carl={"limits": {"memory": "2G"}}, bob=greeting)
    hive.testbed.systemctl("start", RECONCILE)
    assert journal.changes()["carl"] == "write its unit's settings"
    assert hive.testbed.show(hive.unit("carl"), "MemoryMax") == str(2 * 2**30)
    assert run_of(hive, "carl") == carl, "a limit takes no restart"
    assert journal.changes()["bob"] == "build its system; switch to its system"
    assert run_of(hive, "bob") == bob, "another system takes no restart"
    assert "GREETING" in hive.inside("bob", ["cat", "/etc/hyperhive/agent.json"]).stdout

    journal = Journal(hive)
    hive.declare(STANDARD)
    assert journal.changes()["carl"].startswith("stop; remove its systems")
    assert hive.testbed.show(hive.unit("carl"), "ActiveState") == "inactive"
    assert not hive.testbed.path("/etc/nixos-containers/h-carl.conf").exists()
    assert (state_of(hive, "carl") / "mine").exists()

    hive.hyperhive("agent", "purge", "carl", "--confirm", "carl")
    left = hive.testbed.run(["find", "/var/lib", "/nix/var/nix", "/etc", "/run", "-name", "*carl*"])
    assert left.stdout == ""


def test_a_destroyed_agent_comes_back_with_what_it_knew(hive: Hive) -> None:
    hive.inside("bob", ["touch", "/state/mine"])
    hive.hyperhive("agent", "destroy", "bob")
    assert not hive.testbed.path("/etc/nixos-containers/h-bob.conf").exists()
    journal = Journal(hive)
    hive.testbed.systemctl("start", RECONCILE)
    assert "bob" not in journal.changes(), "nothing is left to be removed"

    with builds_waiting(hive):
        starting = hive.testbed.start([HYPERHIVE, "agent", "start", "bob"])
        deploy = "hyperhive-deploy@bob.service"
        building = "building the system of bob"
        hive.testbed.wait_for(
            "the build", lambda: hive.testbed.show(deploy, "StatusText") == building
        )
        # What knew that root is at work on him is gone, and the unit is at work still.
        hive.testbed.systemctl("kill", "--signal=KILL", "--kill-whom=main", "hyperhive.service")
        starting.communicate()
        destroying = hive.testbed.start([HYPERHIVE, "agent", "destroy", "bob"])
        with hive.client() as client:
            hive.testbed.wait_for(
                "the wish", lambda: wanted_of(client.containers(), "bob") == "destroyed"
            )
    said, _ = destroying.communicate()
    assert "there is no container now" in said
    assert not hive.testbed.path("/etc/nixos-containers/h-bob.conf").exists()

    hive.hyperhive("agent", "start", "bob")
    hive.wait_states({"bob": "idle"})
    assert hive.inside("bob", ["ls", "/state/mine"]).stdout == "/state/mine\n"


@contextmanager
def builds_waiting(hive: Hive) -> Iterator[None]:
    """No build goes on meanwhile."""
    nix = hive.testbed.path("/opt/nix/bin/nix")
    real = nix.rename(nix.with_name("nix.real"))
    hive.host.write("/opt/nix/bin/nix", _WAITS, mode=0o755)
    try:
        yield
    finally:
        real.rename(nix)


def wanted_of(containers: Sequence[Container], agent: str) -> str | None:
    """What the operator wants of an agent's container."""
    return next(one.wanted for one in containers if one.agent == agent)


def test_another_range_though_root_is_killed_in_the_middle(hive: Hive) -> None:
    state, old = state_of(hive, "alice"), hive.uids("alice")
    filled = f"/var/lib/hyperhive/agents/alice/state/{os.getpid()}"
    hive.testbed.run(["python3", "-c", _FILL, filled, str(old.agent), str(FILES)])
    some = [state / filled.rpartition("/")[2] / str(number) / "7" for number in range(40)]
    hive.edit(alice={"uid_base": MOVED.base})
    reconciling = hive.testbed.start(["systemctl", "start", RECONCILE])

    def some_are_moved() -> bool:
        return any(file.lstat().st_uid == MOVED.agent for file in some)

    try:
        hive.testbed.wait_for("a file that changed hands", some_are_moved)
        hive.testbed.systemctl("kill", "--kill-whom=main", "--signal=KILL", RECONCILE)
    finally:
        reconciling.communicate()
    assert state.stat().st_uid == old.agent, "the kill came too late to be in the middle"
    assert hive.testbed.show(hive.unit("alice"), "ActiveState") == "inactive"

    journal = Journal(hive)
    hive.declare(with_agents(alice={"uidBase": MOVED.base}))
    assert journal.changes()["alice"].startswith(f"give state/ to uids {MOVED.base}…")
    hive.wait_states({"alice": "idle"})
    owned = hive.testbed.run(
        ["find", "/var/lib/hyperhive/agents/alice/state", "/var/lib/hyperhive/agents/alice/claude",
         "-not", "(", "-uid", str(MOVED.agent), "-gid", str(MOVED.agent), ")"]
    )  # fmt: skip
    assert set(owned.stdout.split()) <= _of_containers_root(hive)
    assert hive.inside("alice", ["stat", "-c", "%u:%g", "/state"]).stdout == "1000:1000\n"
    hive.send("alice", "are you there")
    hive.wait_mail("alice got: are you there")

    journal = Journal(hive)
    hive.testbed.systemctl("start", RECONCILE)
    assert set(journal.changes().values()) == {""}
    hive.testbed.run(["rm", "-r", filled])


def _of_containers_root(hive: Hive) -> set[str]:
    """What the container's root made in the agent's directories, as it may."""
    found = hive.testbed.run(
        ["find", "/var/lib/hyperhive/agents/alice/state", "/var/lib/hyperhive/agents/alice/claude",
         "-uid", str(MOVED.root)]
    )  # fmt: skip
    return set(found.stdout.split())
