"""`hyperhive doctor` on a real host: good as it is, and what is broken there is found."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from hyperhive.hive.host_paths import NIX_DAEMON
from tests.e2e.environment import HYPERHIVE
from tests.e2e.hive import Hive

NOT_HERE: Final = (
    "systemd 252",
    "nix 2.8.0",
    "control groups",
    "the clock",
    "private networks lead to eth0",
)
"""How lines begin that tell the truth about a testbed, wherever it runs."""

RULESET: Final = "/etc/hyperhive/ruleset.nft"
PROFILES: Final = "/nix/var/nix/profiles"


def troubles(hive: Hive, *words: str) -> dict[str, str]:
    """What the doctor finds to be not good, each with its mend; the testbed's own left out."""
    done = hive.hyperhive("doctor", "--json", *words, check=False)
    found = json.loads(done.stdout)
    assert done.returncode == any(one["level"] == "fail" for one in found), done.stderr
    return {
        one["what"]: one["mend"]
        for one in found
        if one["level"] != "ok" and not one["what"].startswith(NOT_HERE)
    }


@contextmanager
def broken(hive: Hive, wrong: Sequence[str], mended: Sequence[str]) -> Iterator[None]:
    """One thing made wrong inside until the end of the block."""
    hive.testbed.run(wrong)
    try:
        yield
    finally:
        hive.testbed.run(mended)


def test_a_host_with_a_running_hive_is_good(hive: Hive) -> None:
    assert troubles(hive) == {}


def test_what_is_broken_is_found(hive: Hive) -> None:
    bob, alice = hive.uids("bob"), hive.uids("alice")
    sockets, state = "/run/hyperhive/agents/bob", "/var/lib/hyperhive/agents/bob/state"
    store = "/var/lib/hyperhive/hive.sqlite"
    leader = hive.testbed.run(["machinectl", "show", "-p", "Leader", "--value", "h-alice"]).stdout
    there = ["nsenter", f"--target={leader.strip()}", "--mount", "--"]
    breaks: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
        f"{sockets} has mode 2755, should have 2750": (
            ["chmod", "2755", sockets],
            ["chmod", "2750", sockets],
        ),
        f"{state} is 0:{bob.agent}'s, should be {bob.agent}:{bob.agent}'s": (
            ["chown", "root", state],
            ["chown", str(bob.agent), state],
        ),
        f"{store} is open to others: 0606": (["chmod", "0606", store], ["chmod", "0600", store]),
        "firewall: the kernel has no table inet hyperhive": (
            ["nft", "delete", "table", "inet", "hyperhive"],
            ["nft", "--file", RULESET],
        ),
        "the host does not forward IPv4: private networks lead nowhere": (
            ["sysctl", "-w", "net.ipv4.ip_forward=0"],
            ["sysctl", "-w", "net.ipv4.ip_forward=1"],
        ),
        f"alice: /etc/subuid: eve has uid {alice.base}, in the range {alice.base} to"
        f" {alice.last}": (
            ["sh", "-c", f"cp /etc/subuid /run/subuid; echo eve:{alice.base}:1 >>/etc/subuid"],
            ["cp", "/run/subuid", "/etc/subuid"],
        ),
        f"alice: its container can write to the host's {PROFILES}": (
            [*there, "mount", "--bind", "/state", PROFILES],
            [*there, "umount", PROFILES],
        ),
        "alice: its container can reach the host's Nix daemon": (
            [*there, "mount", "--bind", "/state", str(NIX_DAEMON)],
            [*there, "umount", str(NIX_DAEMON)],
        ),
    }
    with ExitStack() as all_broken:
        for wrong, mended in breaks.values():
            all_broken.enter_context(broken(hive, wrong, mended))
        found = troubles(hive)
    assert set(found) == set(breaks)
    assert all(found.values()), "each with its mend"
    assert troubles(hive) == {}


def test_units_that_fail_are_found_and_shown(hive: Hive) -> None:
    notify, catalog = "hyperhive-notify.service", "hyperhive-catalog.service"
    deploy = "hyperhive-deploy@nobody.service"
    # As they are described, they fail: the one for good, the other again and again.
    for unit in (catalog, notify):
        fails = "[Service]\nExecStart=\nExecStart=/bin/false\n"
        hive.host.write(f"{drop_in(unit)}/fails.conf", fails)
    hive.host.write(f"{drop_in(notify)}/again.conf", "[Service]\nRestartSec=1h\n")
    try:
        hive.testbed.systemctl("daemon-reload")
        for unit in (notify, catalog, deploy):
            hive.testbed.run(["systemctl", "restart", unit], check=False)
        found = troubles(hive)
        shown = hive.hyperhive("status").stdout
    finally:
        for unit in (notify, catalog):
            hive.testbed.run(["rm", "-r", drop_in(unit)])
        hive.testbed.systemctl("daemon-reload")
        hive.testbed.systemctl("restart", notify, catalog)
        hive.testbed.systemctl("reset-failed", deploy)
    assert found == {
        f"{notify} ends again and again: exit-code": mend_of(notify),
        f"{catalog} has failed: exit-code": mend_of(catalog),
        f"{deploy} has failed: exit-code": mend_of(deploy),
    }
    for unit in (notify, catalog, deploy):
        assert f"failed: journalctl -u {unit}" in shown.splitlines()
    assert troubles(hive) == {}


def drop_in(unit: str) -> str:
    """Where a unit is described otherwise, until the next boot."""
    return f"/run/systemd/system/{unit}.d"


def mend_of(unit: str) -> str:
    """What is said of a unit that fails."""
    return f"journalctl -u {unit}; then systemctl start {unit}"


def test_who_is_not_root_is_told_what_only_root_can_see(hive: Hive) -> None:
    done = hive.testbed.run([HYPERHIVE, "doctor", "--json"], user="nobody", check=False)
    found = json.loads(done.stdout)
    hidden = [one for one in found if one["mend"] == "run hyperhive doctor as root"]
    assert {one["level"] for one in hidden} == {"warn"}
    assert any(one["what"].startswith("firewall: not known") for one in hidden)
    assert not any("flakes" in one["what"] for one in found if one["level"] == "fail")
