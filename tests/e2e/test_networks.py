"""Containers of every kind of network, each by itself and all at once."""

from typing import Final

import pytest

from hyperhive.operator.client import OperatorClient
from tests.e2e.hive import STANDARD, Hive
from tests.e2e.host import RECONCILE

AGENTS: Final = {"alone": {"network": "none"}, "beside": {"network": "host"}, "alice": {}}
CONTAINERS: Final = "hyperhive-containers.target"
NAMESPACE: Final = ["readlink", "/proc/self/ns/net"]


@pytest.fixture
def networks(_only_hive: Hive) -> Hive:
    """A hive with an agent of each kind."""
    declared = {**STANDARD, "agents": AGENTS}
    _only_hive.script()
    if _only_hive.declared != declared:
        _only_hive.declare(declared)
    _only_hive.wait_states(dict.fromkeys(AGENTS, "idle"), seconds=60)
    return _only_hive


def test_no_network_and_the_hosts(networks: Hive) -> None:
    hive = networks
    (loopback,) = hive.inside("alone", ["ip", "-brief", "link"]).stdout.splitlines()
    assert loopback.startswith("lo ")
    assert hive.inside("alone", ["ip", "route"]).stdout == ""

    of_host = hive.testbed.run(NAMESPACE).stdout
    assert hive.inside("beside", NAMESPACE).stdout == of_host
    assert hive.inside("alone", NAMESPACE).stdout != of_host
    mapped = hive.inside("beside", ["cat", "/proc/self/uid_map"]).stdout.split()
    assert mapped == ["0", str(hive.uids("beside").base), "65536"], "its users are not the host's"

    for agent in ("alone", "beside"):
        hive.send(agent, "hello")
        assert hive.wait_mail(f"{agent} got: hello").sender == agent


def test_one_target_stops_every_agent_and_reconcile_starts_them(networks: Hive) -> None:
    """Also one on the host's network, which needs no firewall that goes with the module."""
    hive = networks
    with hive.client() as client:
        before = {agent: newest(client, agent) for agent in AGENTS}

    hive.testbed.systemctl("stop", CONTAINERS, timeout=60)
    units = [hive.unit(agent) for agent in AGENTS]
    assert {hive.testbed.show(unit, "ActiveState") for unit in units} == {"inactive"}
    hive.wait_states(dict.fromkeys(AGENTS, "offline"))

    # What a switch and a boot do.
    hive.testbed.systemctl("start", CONTAINERS, RECONCILE, timeout=120)
    hive.wait_states(dict.fromkeys(AGENTS, "idle"), seconds=60)
    with hive.client() as client:
        kinds = {
            event.kind
            for agent, last in before.items()
            for event in client.events(agent=agent, after=last, limit=1000)
        }
    assert "container" in kinds
    assert not {"container_crash", "harness_crash", "wanted"} & kinds


def newest(client: OperatorClient, agent: str) -> int:
    """The id of the last event of an agent; 0: there is none."""
    events = client.events(agent=agent, after=None, limit=1)
    return max((event.id for event in events), default=0)
