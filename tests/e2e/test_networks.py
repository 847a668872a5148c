"""Containers without a network of their own: none at all, or the host's."""

from typing import Final

from tests.e2e.hive import STANDARD, Hive

NETWORKS: Final = {"alone": {"network": "none"}, "beside": {"network": "host"}}
NAMESPACE: Final = ["readlink", "/proc/self/ns/net"]


def test_no_network_and_the_hosts(hive: Hive) -> None:
    hive.declare({**STANDARD, "agents": NETWORKS})
    hive.wait_states(dict.fromkeys(NETWORKS, "idle"))

    (loopback,) = hive.inside("alone", ["ip", "-brief", "link"]).stdout.splitlines()
    assert loopback.startswith("lo ")
    assert hive.inside("alone", ["ip", "route"]).stdout == ""

    of_host = hive.testbed.run(NAMESPACE).stdout
    assert hive.inside("beside", NAMESPACE).stdout == of_host
    assert hive.inside("alone", NAMESPACE).stdout != of_host
    mapped = hive.inside("beside", ["cat", "/proc/self/uid_map"]).stdout.split()
    assert mapped == ["0", str(hive.uids("beside").base), "65536"], "its users are not the host's"

    for agent in NETWORKS:
        hive.send(agent, "hello")
        assert hive.wait_mail(f"{agent} got: hello").sender == agent
