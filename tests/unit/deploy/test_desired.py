"""What is desired of an agent: the declaration, and what the operator said."""

import pytest

from hyperhive.deploy.desired import Desired, DesiredAgent, FormerAgent, Run, Wishes, desired_agent
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import parse_agent_name
from hyperhive.hive.uids import uid_range
from hyperhive.store.container_states import Wanted

ALICE, BOB, CARL = map(parse_agent_name, ("alice", "bob", "carl"))
FILES = {
    f"containers/h-{name}{suffix}": f"{name}{suffix}".encode()
    for name in (ALICE, BOB)
    for suffix in (".conf", ".service.d/hyperhive.conf")
}


def desired(name: str, wishes: Wishes | None, role: str = "agent") -> Desired:
    """What is desired in a hive of alice, who starts with it, and bob, who does not."""
    agents = {"alice": {"role": role}, "bob": {"autostart": False, "uid_base": 1048576}}
    hive = HiveConfig.model_validate({"hive": {"name": "lab"}, "agents": agents})
    return desired_agent(hive, parse_agent_name(name), wishes, FILES, "digest")


@pytest.mark.parametrize(
    ("name", "wish", "run"),
    [
        (ALICE, None, Run.UP),
        (ALICE, Wanted.RUNNING, Run.UP),
        (ALICE, Wanted.STOPPED, Run.DOWN),
        (BOB, None, Run.DOWN),
        (BOB, Wanted.RUNNING, Run.UP),
    ],
)
def test_the_operators_word_counts_before_the_declaration(
    name: str, wish: Wanted | None, run: Run
) -> None:
    found = desired(name, {parse_agent_name(name): wish})
    assert isinstance(found, DesiredAgent)
    assert found.run is run
    assert (found.conf, found.digest) == (f"{name}.conf".encode(), "digest")


@pytest.mark.parametrize("name", [ALICE, BOB])
def test_an_agent_that_the_broker_does_not_know_yet_is_as_declared(name: str) -> None:
    found = desired(name, {})
    assert isinstance(found, DesiredAgent)
    assert found.run is (Run.UP if name == ALICE else Run.DOWN)


def test_a_silent_broker_leaves_it_open() -> None:
    found = desired("alice", None)
    assert isinstance(found, DesiredAgent)
    assert found.run is Run.UNSAID


@pytest.mark.parametrize(
    ("name", "wish", "former"),
    [
        (ALICE, Wanted.DESTROYED, FormerAgent(ALICE, declared=True, purge=False)),
        (ALICE, Wanted.PURGED, FormerAgent(ALICE, declared=True, purge=True)),
        (CARL, None, FormerAgent(CARL, declared=False, purge=False)),
        (CARL, Wanted.RUNNING, FormerAgent(CARL, declared=False, purge=False)),
        (CARL, Wanted.PURGED, FormerAgent(CARL, declared=False, purge=True)),
    ],
)
def test_who_has_no_container(name: str, wish: Wanted | None, former: FormerAgent) -> None:
    assert desired(name, {parse_agent_name(name): wish}) == former


def test_proposals_are_written_by_the_manager_or_by_nobody_else() -> None:
    alone, led = desired("bob", {}), desired("bob", {}, role="manager")
    assert isinstance(alone, DesiredAgent)
    assert isinstance(led, DesiredAgent)
    assert alone.uids.base == alone.config_uids.base == 1048576
    assert led.config_uids == uid_range(ALICE)
