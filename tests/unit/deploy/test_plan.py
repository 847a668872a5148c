"""What is planned for an agent, case by case."""

from dataclasses import replace

import pytest

from hyperhive.deploy.desired import FormerAgent, Run
from hyperhive.deploy.ownership import Owner
from hyperhive.deploy.plan import Observed, plan
from hyperhive.errors import HyperhiveError
from tests.unit.deploy.modelled_host import (
    ALICE,
    DROP_IN,
    FIRST,
    PLACE,
    SECOND,
    THIRD,
    ModelledHost,
    agent,
    carry_out,
    check,
    conf_of,
    fresh,
    meddle,
    words,
)


def test_a_new_agent_is_made_and_started() -> None:
    assert words(agent(), ModelledHost()) == [
        "write its unit's settings",
        "build its system",
        "make alice/",
        "make state/",
        "make claude/",
        "make alice/",
        "make config/",
        "own its sockets",
        "write its conf",
        "start",
    ]


def test_a_second_run_has_nothing_to_do() -> None:
    assert words(agent(), fresh(agent())) == []


def test_limits_are_applied_while_it_runs() -> None:
    changed = agent(drop_in=DROP_IN.replace(b"1G", b"2G"))
    assert words(changed, fresh(agent())) == ["write its unit's settings"]


def test_a_device_takes_a_restart() -> None:
    changed = agent(drop_in=DROP_IN + b"DeviceAllow=/dev/net/tun rwm\n")
    assert words(changed, fresh(agent())) == ["write its unit's settings", "restart"]


def test_another_conf_takes_a_restart_also_when_the_last_run_ended_before_it() -> None:
    host = fresh(agent())
    changed = agent(conf=conf_of(FIRST, "PRIVATE_NETWORK=1"))
    assert words(changed, host) == ["write its conf", "restart"]
    carry_out(host, plan(changed, host.observed, PLACE), most=2)
    assert words(changed, host) == ["restart"]


def test_what_was_started_with_some_of_the_old_and_some_of_the_new_is_restarted() -> None:
    host = fresh(agent())
    changed = agent(conf=conf_of(FIRST, "PRIVATE_NETWORK=1"), drop_in=DROP_IN + b"Nice=1\n")
    carry_out(host, plan(changed, host.observed, PLACE), most=2)
    host.stop("failed")
    host.start()
    assert words(agent(), host) == ["write its unit's settings", "restart"]


def test_settings_that_were_taken_back_before_anything_was_started_take_no_restart() -> None:
    host = fresh(agent())
    changed = agent(drop_in=DROP_IN + b"Nice=1\n")
    carry_out(host, plan(changed, host.observed, PLACE), most=2)
    carry_out(host, plan(agent(), host.observed, PLACE))
    assert host.started == 1
    check(host, agent())


def test_other_sources_are_built_and_switched_to_while_it_runs() -> None:
    host = fresh(agent())
    todo = plan(agent(digest="d2"), host.observed, PLACE)
    assert [step.words for step in todo.all] == ["build its system", "switch to its system"]
    carry_out(host, todo, most=1)
    assert words(agent(digest="d2"), host) == ["switch to its system"]


def test_what_crashes_again_and_again_takes_up_another_system_with_a_restart() -> None:
    host = fresh(agent())
    host.stop("activating")
    assert words(agent(), host) == []
    assert words(agent(digest="d2"), host) == ["build its system", "restart"]


def test_another_range_is_taken_up_while_it_is_down() -> None:
    moved = agent(uids=SECOND, config_uids=SECOND, conf=conf_of(SECOND), digest="d2")
    assert words(moved, fresh(agent())) == [
        "build its system",
        "stop",
        "give state/ to uids 589824…655359",
        "give claude/ to uids 589824…655359",
        "give config/ to uids 589824…655359",
        "own its sockets",
        "write its conf",
        "start",
    ]


def test_another_managers_range_stops_nobody() -> None:
    moved = agent(config_uids=THIRD)
    assert words(moved, fresh(agent())) == ["give config/ to uids 655360…720895"]


def test_an_owner_within_the_range_needs_no_walk() -> None:
    host = fresh(agent())
    host.observed = replace(host.observed, state=Owner(FIRST.root, FIRST.root, 0o700))
    assert words(agent(), host) == ["own state/"]


def test_an_agent_that_does_not_run_is_built_all_the_same() -> None:
    todo = words(agent(Run.DOWN), ModelledHost())
    assert (todo[1], todo[-1]) == ("build its system", "write its conf")


def test_what_the_operator_has_start_is_not_restarted_by_the_next_run() -> None:
    host = fresh(agent(Run.DOWN))
    host.start()
    assert words(agent(), host) == []


def test_what_was_started_without_its_settings_is_restarted() -> None:
    host = fresh(agent())
    host.stop("inactive")
    meddle(host, "it was started before its settings came")
    done = ["own its sockets", "restart"]
    assert words(agent(), host) == ["write its unit's settings", *done]
    carry_out(host, plan(agent(), host.observed, PLACE), most=2)
    assert words(agent(), host) == done, "also by the run after one that was cut short"


def test_after_a_boot_a_container_is_started_with_its_settings() -> None:
    host = fresh(agent())
    meddle(host, "the host is booted")
    assert words(agent(), host) == ["write its unit's settings", "own its sockets", "start"]


def test_a_container_that_is_stopping_is_waited_for_before_it_starts() -> None:
    host = fresh(agent())
    host.observed = replace(host.observed, active="deactivating")
    assert words(agent(), host) == ["stop", "start"]


def test_a_rebuild_is_done_on_demand() -> None:
    todo = plan(agent(), fresh(agent()).observed, PLACE, rebuild=True)
    assert [step.words for step in todo.all] == ["build its system", "switch to its system"]


def test_an_agent_that_left_is_stopped_and_its_state_is_kept() -> None:
    assert words(FormerAgent(ALICE, declared=False, purge=False), fresh(agent())) == [
        "stop",
        "remove its systems",
        "remove its conf",
        "remove its unit's settings",
        "remove its sockets",
    ]


def test_the_broker_keeps_its_sockets_of_a_destroyed_agent() -> None:
    todo = words(FormerAgent(ALICE, declared=True, purge=False), fresh(agent()))
    assert "remove its sockets" not in todo


def test_a_purge_takes_state_and_the_containers_root() -> None:
    todo = words(FormerAgent(ALICE, declared=False, purge=True), fresh(agent()))
    gone = [PLACE.agent.home, PLACE.container.root, PLACE.agent.proposed]
    assert todo[-3:] == [f"remove {path}" for path in gone]


def test_a_purge_takes_what_was_approved_last_and_of_no_declared_agent() -> None:
    host = fresh(agent())
    host.observed = replace(host.observed, approved=True, proposals=True)
    kept = words(FormerAgent(ALICE, declared=True, purge=True), host)
    assert f"remove {PLACE.approved}" not in kept
    assert f"remove {PLACE.agent.proposals}" not in kept
    todo = words(FormerAgent(ALICE, declared=False, purge=True), host)
    assert todo[-2:] == [f"remove {PLACE.agent.proposals}", f"remove {PLACE.approved}"]


def test_a_container_of_somebody_else_is_not_stopped() -> None:
    assert words(FormerAgent(ALICE, declared=False, purge=False),
                 ModelledHost(Observed(active="active"))) == []  # fmt: skip


def test_without_the_broker_nothing_is_started_stopped_or_built() -> None:
    new = words(agent(Run.UNSAID), ModelledHost())
    assert new[-1] == "own its sockets", "no conf: it would be started without a system"
    changed = agent(Run.UNSAID, conf=conf_of(FIRST, "PRIVATE_NETWORK=1"), digest="d2")
    assert words(changed, fresh(agent())) == ["write its conf"]


def test_without_the_broker_a_running_agent_keeps_its_range() -> None:
    host = fresh(agent())
    moved = agent(Run.UNSAID, uids=SECOND, conf=conf_of(SECOND))
    with pytest.raises(HyperhiveError, match="uid range of alice changed"):
        carry_out(host, plan(moved, host.observed, PLACE))
    assert host.observed.conf == conf_of(FIRST)
