"""A container's root against the host's: what it leaves for that to follow, and to wait for."""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

from hyperhive.log_events import LogEvent
from tests.e2e.hive import Hive
from tests.e2e.host import HIVE_FILE, RECONCILE
from tests.e2e.testbed import as_uid

ROOT: Final = "/var/lib/nixos-containers/h-alice"
MENDS: Final = "hyperhive-root@h-alice.service"
CLOSED: Final = "/srv/closed"
ROUNDS: Final = (
    (
        "dev", "etc/machine-id", "etc/resolv.conf", "proc", "root", "run", "sys", "tmp", "usr/bin",
        "var/lib/private", "var/log/journal",
    ),
    ("etc", "usr", "var/lib", "var/log"),
    ("var",),
)  # fmt: skip
"""Every place of the tree that the host's root goes to; those of one round are in none of another
of it."""

# Puts links in the place of what is in a tree, as its owner.
_SET_TRAPS: Final = """
import json, os, sys
root, traps = sys.argv[1], json.loads(sys.argv[2])
for number, (place, target) in enumerate(traps.items()):
    if os.path.lexists(f"{root}/{place}"):
        os.rename(f"{root}/{place}", f"{root}/former-{number}-{os.getpid()}")
    os.symlink(target, f"{root}/{place}")
"""

# Takes up no system, says a lot, and leaves somebody behind who keeps the pipe for ever.
_SWITCHES_NOTHING: Final = """\
#!/bin/sh
systemd-run --quiet --scope --unit=stays sleep 600 &
until systemctl --quiet is-active stays.scope; do sleep 0.05; done
yes 'the host is to log this' | head -n 300000 >&2
head -c 5000000 /dev/zero >&2
"""


@pytest.fixture
def closed(hive: Hive) -> Iterator[list[str]]:
    """Closed directories of the host's, one for each place: each line of it says what one is."""
    hive.testbed.run(["mkdir", "--mode=700", CLOSED])
    for place in (place for places in ROUNDS for place in places):
        hive.testbed.run(["mkdir", "--mode=700", target(place)])
    yield listed(hive)
    hive.testbed.run(["rm", "-r", CLOSED])


def target(place: str) -> str:
    """The closed directory that a link at `place` leads to."""
    return f"{CLOSED}/{place.replace('/', '-')}"


def listed(hive: Hive) -> list[str]:
    """What is in the closed directories: paths, modes, owners."""
    found = hive.testbed.run(["find", CLOSED, "-printf", "%p %M %U %G\\n"]).stdout
    return sorted(found.splitlines())


def set_traps(hive: Hive, traps: Mapping[str, str]) -> None:
    """Put links into alice's tree, as nobody but her root."""
    words = ["python3", "-c", _SET_TRAPS, ROOT, json.dumps(traps)]
    hive.testbed.run(as_uid(hive.uids("alice").base, *words, group="hyperhive"))


class Journal:
    """What the host's journal has of alice from here on."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._begin = self._read("--lines=1")[-1]["__CURSOR"]

    def mended(self) -> list[str]:
        """What was taken away before a start."""
        mends = (each for each in self._entries() if each.get("MESSAGE_ID") == LogEvent.ROOT_MENDED)
        return [each["MESSAGE"].split()[1] for each in mends]

    def said(self) -> str:
        """All of it, a line for each entry."""
        return "\n".join(each["MESSAGE"] for each in self._entries())

    def _entries(self) -> list[dict[str, Any]]:
        # With a match journalctl leaves out the first entry that comes after a cursor.
        entries = self._read(f"--after-cursor={self._begin}")
        return [each for each in entries if each.get("HYPERHIVE_AGENT") == "alice"]

    def _read(self, *words: str) -> list[dict[str, Any]]:
        command = ["journalctl", "--output=json", "--all", "--no-pager", *words]
        lines = self._hive.testbed.run(command).stdout.splitlines()
        return [json.loads(line) for line in lines]


def run_of(hive: Hive, unit: str) -> str:
    """What tells one run of a unit from another."""
    return hive.testbed.show(unit, "InvocationID")


def test_the_host_s_root_follows_nothing_of_the_container_s(
    hive: Hive, closed: Sequence[str]
) -> None:
    conf = hive.testbed.path("/etc/nixos-containers/h-alice.conf")
    before = conf.read_text()
    assert "COPY_RESOLV_CONF=0" in before
    unit = hive.unit("alice")
    for places in ROUNDS:
        hive.testbed.systemctl("stop", unit)
        # Else the host's is not copied, and a link of its name leads nobody anywhere.
        conf.write_text(before.replace("COPY_RESOLV_CONF=0", "COPY_RESOLV_CONF=1"))
        set_traps(hive, {place: target(place) for place in places})
        journal = Journal(hive)
        hive.testbed.systemctl("start", unit)
        hive.wait_states({"alice": "idle"})
        conf.write_text(before)
        assert listed(hive) == closed
        assert sorted(journal.mended()) == sorted(f"/{place}" for place in places)
        owners = hive.inside("alice", ["stat", "-c", "%u", "/etc", "/var", "/var/lib", "/root"])
        assert owners.stdout.split() == ["0"] * 4
    hive.send("alice", "are you whole")
    hive.wait_mail("alice got: are you whole")


def test_nor_when_the_container_starts_again_by_itself(hive: Hive, closed: Sequence[str]) -> None:
    unit, journal = hive.unit("alice"), Journal(hive)
    first, mends = run_of(hive, unit), run_of(hive, MENDS)
    command = f"mv /var/lib /var/former; ln -s {target('var/lib')} /var/lib; systemctl reboot"
    hive.inside("alice", ["sh", "-c", command], check=False)
    hive.testbed.wait_for("another run of alice", lambda: run_of(hive, unit) not in {first, ""})
    hive.wait_states({"alice": "idle"})
    assert listed(hive) == closed
    assert journal.mended() == ["/var/lib"]
    assert run_of(hive, MENDS) != mends


def test_nor_after_a_crash_and_says_nothing_of_an_ordinary_tree(hive: Hive) -> None:
    unit, journal = hive.unit("alice"), Journal(hive)
    first, mends = run_of(hive, unit), run_of(hive, MENDS)
    hive.testbed.systemctl("kill", "--kill-whom=main", "--signal=KILL", unit)
    hive.testbed.wait_for("another run of alice", lambda: run_of(hive, unit) not in {first, ""})
    hive.wait_states({"alice": "idle"})
    assert journal.mended() == []
    assert run_of(hive, MENDS) != mends


def test_a_tree_that_cannot_be_mended_is_not_started(hive: Hive) -> None:
    hive.hyperhive("agent", "stop", "alice")
    base = hive.uids("alice").base
    words = ["sh", "-c", f"mv {ROOT}/root {ROOT}/former-root && touch {ROOT}/root"]
    hive.testbed.run(as_uid(base, *words, group="hyperhive"))
    hive.testbed.run(["mount", "--bind", "/etc/hostname", f"{ROOT}/root"])
    journal = Journal(hive)
    try:
        failed = hive.hyperhive("agent", "start", "alice", check=False)
        assert failed.returncode != 0
        assert hive.testbed.show(hive.unit("alice"), "ActiveState") == "inactive"
    finally:
        hive.testbed.run(["umount", f"{ROOT}/root"])
    assert "alice does not start: its file system cannot be made safe" in journal.said()
    hive.hyperhive("agent", "start", "alice")
    hive.wait_states({"alice": "idle"})


def test_a_switch_that_leaves_somebody_with_the_pipe_keeps_nobody(hive: Hive) -> None:
    hive.inside(
        "alice",
        ["sh", "-c",
         "mount -t tmpfs none /nix/var/nix/profiles && cd /nix/var/nix/profiles &&"
         " mkdir -p system/bin && cat > system/bin/switch-to-configuration &&"
         " chmod +x system/bin/switch-to-configuration"],
        input=_SWITCHES_NOTHING,
    )  # fmt: skip
    journal, begun = Journal(hive), time.monotonic()
    before = hive.edit(alice={"environment": {"GREETING": "hello"}})
    hive.testbed.systemctl("start", RECONCILE)
    assert time.monotonic() - begun < 60
    assert hive.testbed.show(RECONCILE, "Result") == "success"
    assert hive.inside("alice", ["systemctl", "is-active", "stays.scope"]).stdout == "active\n"
    said = journal.said()
    assert 0 < said.count("the host is to log this") <= 200
    assert re.search(r"alice: 29\d{4} more lines are left out", said)
    assert "switch to its system" in said
    hive.hyperhive("agent", "restart", "alice")
    hive.wait_states({"alice": "idle"})
    assert "GREETING" in hive.inside("alice", ["cat", "/etc/hyperhive/agent.json"]).stdout
    hive.testbed.path(HIVE_FILE).write_text(before)
    hive.testbed.systemctl("start", RECONCILE)
