"""The host's units at work: what polkit lets the broker do, name servers, retention, and more."""

import pytest

from tests.e2e.hive import Hive
from tests.e2e.host import Host

REFUSED = "Interactive authentication required"


@pytest.mark.parametrize(
    "words",
    [
        ["systemctl", "restart", "hyperhive-watch.service"],
        ["systemctl", "start", "hyperhive-reconcile.service"],
        ["systemctl", "stop", "hyperhive-firewall.service"],
        ["systemctl", "start", "container@other.service"],
        ["systemctl", "start", "container@h-.service"],
        ["systemctl", "reload", "container@h-alice.service"],
        ["systemctl", "kill", "container@h-alice.service"],
        ["systemctl", "set-property", "container@h-alice.service", "MemoryMax=1G"],
        ["systemctl", "daemon-reload"],
        ["systemd-run", "--unit=container@h-zed.service", "true"],
        ["systemd-run", "--unit=hyperhive-deploy@zed.service", "true"],
    ],
    ids=" ".join,
)
def test_the_broker_s_user_may_do_nothing_else(hive: Hive, words: list[str]) -> None:
    command = [words[0], "--no-ask-password", *words[1:]]
    done = hive.testbed.run(command, user="hyperhive", check=False)
    assert done.returncode != 0
    assert REFUSED in done.stderr


def test_the_broker_s_user_starts_and_stops_containers_and_deploys(hive: Hive) -> None:
    unit = hive.unit("bob")
    for verb, state in (("stop", "inactive"), ("start", "active"), ("restart", "active")):
        words = ["systemctl", "--no-ask-password", verb, unit]
        hive.testbed.run(words, user="hyperhive", timeout=60)
        assert hive.testbed.show(unit, "ActiveState") == state
    deploy = ["systemctl", "--no-ask-password", "start", "hyperhive-deploy@bob.service"]
    hive.testbed.run(deploy, user="hyperhive", timeout=60)
    assert hive.testbed.show("hyperhive-deploy@bob.service", "Result") == "success"
    hive.wait_states({"bob": "idle"})


def test_another_user_may_do_nothing_at_all(hive: Hive) -> None:
    words = ["systemctl", "--no-ask-password", "restart", hive.unit("bob")]
    done = hive.testbed.run(words, user="nobody", check=False)
    assert REFUSED in done.stderr


def test_retention_runs_when_its_timer_says(hive: Hive) -> None:
    hive.testbed.systemctl("start", "hyperhive-vacuum.service")
    assert hive.testbed.show("hyperhive-vacuum.service", "Result") == "success"
    assert hive.testbed.show("hyperhive-vacuum.timer", "ActiveState") == "active"


def test_containers_follow_the_host_s_name_servers(hive: Hive) -> None:
    host: Host = hive.host
    former = host.testbed.path("/etc/resolv.conf").read_text()
    try:
        host.write("/etc/resolv.conf", "nameserver 127.0.0.53\nnameserver 192.0.2.77\n")

        def seen() -> bool:
            text = hive.inside("alice", ["cat", "/etc/resolv.conf"]).stdout
            return "192.0.2.77" in text and "127.0.0.53" not in text

        hive.testbed.wait_for("alice's resolv.conf to change", seen)
        write = ["sh", "-c", "echo nameserver 192.0.2.66 > /run/hyperhive-resolver/resolv.conf"]
        assert hive.inside("alice", write, check=False).returncode != 0
    finally:
        host.write("/etc/resolv.conf", former)


def test_the_journal_explains_the_hive_s_events(hive: Hive) -> None:
    listed = hive.testbed.run(["journalctl", "--quiet", "--dump-catalog"]).stdout
    assert "HYPERHIVE" in listed.upper()


def test_a_container_with_a_network_ends_with_the_firewall(hive: Hive) -> None:
    hive.testbed.systemctl("stop", "hyperhive-firewall.service", timeout=60)
    try:
        assert hive.testbed.show(hive.unit("bob"), "ActiveState") == "inactive"
    finally:
        hive.testbed.systemctl("start", "hyperhive-firewall.service")
        for agent in hive.declared["agents"]:
            hive.testbed.systemctl("start", hive.unit(agent), timeout=60)
    hive.wait_states(dict.fromkeys(hive.declared["agents"], "idle"))
