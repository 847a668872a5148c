"""All agents at once: what stops them, as a host does that gives up its hive, and starts them."""

from hyperhive.operator.client import OperatorClient
from tests.e2e.hive import STANDARD, Hive
from tests.e2e.host import RECONCILE

CONTAINERS = "hyperhive-containers.target"
# One on the host's network is no part of the firewall, which goes with the module too.
ON_THE_HOST = {**STANDARD, "agents": {**STANDARD["agents"], "bob": {"network": "host"}}}


def test_one_target_stops_every_agent_and_reconcile_starts_them(hive: Hive) -> None:
    hive.declare(ON_THE_HOST)
    hive.wait_states(dict.fromkeys(ON_THE_HOST["agents"], "idle"), seconds=60)
    with hive.client() as client:
        before = {agent: newest(client, agent) for agent in hive.declared["agents"]}

    hive.testbed.systemctl("stop", CONTAINERS, timeout=60)
    units = [hive.unit(agent) for agent in hive.declared["agents"]]
    assert {hive.testbed.show(unit, "ActiveState") for unit in units} == {"inactive"}
    hive.wait_states(dict.fromkeys(hive.declared["agents"], "offline"))

    # What a switch and a boot do.
    hive.testbed.systemctl("start", CONTAINERS, RECONCILE, timeout=120)
    hive.wait_states(dict.fromkeys(hive.declared["agents"], "idle"), seconds=60)
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
