"""Plans end in what is desired, wherever they begin and wherever a run before was cut short."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.deploy.desired import Desired, DesiredAgent, FormerAgent, Run
from hyperhive.deploy.ownership import Owner
from hyperhive.deploy.plan import OWN_MODE, Observed, Plan, plan
from hyperhive.deploy.record import shape_digest
from hyperhive.deploy.steps import RemoveDropIn, WriteDropIn
from hyperhive.errors import HyperhiveError
from tests.unit.deploy.modelled_host import ALICE, PLACE, RANGES, ModelledHost, conf_of, range_of

FIRST, SECOND, THIRD = RANGES
DROP_IN = b"# Written by `hyperhive render`\n[Service]\nMemoryMax=1G\n"

desired_agents = st.builds(
    lambda uids, config, conf, drop_in, digest, run: DesiredAgent(
        ALICE, uids, config, conf_of(uids, conf), drop_in, digest, run
    ),
    st.sampled_from(RANGES),
    st.sampled_from(RANGES),
    st.sampled_from(["", "PRIVATE_NETWORK=1", "AUTO_START=1"]),
    st.sampled_from([DROP_IN, DROP_IN + b"TasksMax=5\n", DROP_IN + b"DeviceAllow=/dev/x\n"]),
    st.sampled_from(["d1", "d2"]),
    st.sampled_from([Run.UP, Run.DOWN]),
)
former_agents = st.builds(FormerAgent, st.just(ALICE), declared=st.booleans(), purge=st.booleans())
everything_desired = desired_agents | former_agents


def carry_out(host: ModelledHost, done: Plan, most: int = 1000) -> None:
    """Do the first steps of a plan, as far as `most`."""
    for step in done.early[:most]:
        host.apply(step)
    if most >= len(done.early):
        if any(isinstance(step, WriteDropIn | RemoveDropIn) for step in done.early):
            host.reload()
        for step in done.late[: most - len(done.early)]:
            host.apply(step)


def fresh(desired: Desired) -> ModelledHost:
    """A host on which a plan was carried out from nothing."""
    host = ModelledHost()
    carry_out(host, plan(desired, host.observed, PLACE))
    return host


def agent(run: Run = Run.UP, **values: object) -> DesiredAgent:
    """Alice in her first range."""
    made = DesiredAgent(ALICE, FIRST, FIRST, conf_of(FIRST), DROP_IN, "d1", run)
    return replace(made, **values)  # type: ignore[arg-type]


def words(desired: Desired, host: ModelledHost) -> list[str]:
    """What is to be done, in a few words each."""
    return [step.words for step in plan(desired, host.observed, PLACE).all]


def could_start(now: Observed) -> bool:
    """Whether systemd would start the container."""
    owners = (now.state, now.claude)
    return (
        now.active in ("inactive", "failed")
        and None not in (now.conf, now.drop_in)
        and now.system != ""
        and all(owner and owner.within(range_of(now.conf or b"")) for owner in owners)
    )


def meddle(host: ModelledHost, how: str) -> None:
    """Something happens that nobody planned."""
    now = host.observed
    match how:
        case "the container ends":
            host.stop("inactive")
        case "the container fails":
            host.stop("failed")
        case "it crashed, and is to be started again" if host.runs is not None:
            host.stop("activating")
        case "somebody starts it" if could_start(now):
            host.start()
        case "the host is booted":
            host.boot()
        case "it was started before its settings came" if could_start(now):
            host.boot()
            host.start()
        case "another system" if now.system:
            host.set_system("/nix/store/other")
        case "other permissions" if now.state is not None:
            host.observed = replace(now, state=replace(now.state, mode=0o777))
        case "root takes a directory" if now.claude is not None and host.runs is None:
            host.observed = replace(now, claude=Owner(0, 0, 0o755))
        case "the broker's sockets" if now.sockets is not None:
            host.observed = replace(now, socket_groups=frozenset({990}))


meddling = st.sampled_from([
    "nothing", "the container ends", "the container fails", "somebody starts it",
    "it crashed, and is to be started again", "the host is booted",
    "it was started before its settings came", "another system", "other permissions",
    "root takes a directory", "the broker's sockets",
])  # fmt: skip


@given(st.lists(st.tuples(everything_desired, meddling, st.integers(0, 14)), max_size=5),
       everything_desired)  # fmt: skip
def test_whatever_happened_before_one_run_ends_in_what_is_desired(
    history: list[tuple[Desired, str, int]], desired: Desired
) -> None:
    host = ModelledHost()
    reload_due = False
    for wanted, how, most in history:
        done = plan(wanted, host.observed, PLACE)
        carry_out(host, done, most)
        # A run that was cut short leaves a mark, and the next one has systemd read its units.
        if reload_due or most < len(done.early):
            reload_due = most < len(done.early)
            if not reload_due:
                host.reload()
        meddle(host, how)
    if reload_due:
        host.reload()
    carry_out(host, plan(desired, host.observed, PLACE))
    if host.observed.active == "activating":
        host.start()
    check(host, desired)
    assert words(desired, host) == []


def check(host: ModelledHost, desired: Desired) -> None:
    """The host is as desired."""
    now = host.observed
    if isinstance(desired, FormerAgent):
        assert host.runs is None
        assert (now.conf, now.drop_in, now.system, now.profiles) == (None, None, "", False)
        assert now.sockets is None or desired.declared
        if desired.purge:
            assert (now.home, now.root) == (None, False)
        return
    assert (now.conf, now.drop_in) == (desired.conf, desired.drop_in)
    for owner, uids in (
        (now.state, desired.uids),
        (now.claude, desired.uids),
        (now.config, desired.config_uids),
    ):
        assert owner == Owner(uids.agent, uids.agent, OWN_MODE)
    assert now.sockets == Owner(PLACE.broker, desired.uids.agent, 0o2750)
    assert now.system == f"/nix/store/{desired.digest}"
    assert (host.runs is not None) == (desired.run is Run.UP)
    if host.runs is not None:
        conf, drop_in, system = host.runs
        assert shape_digest(conf, drop_in) == shape_digest(desired.conf, desired.drop_in)
        assert system == now.system


def test_a_new_agent_is_made_and_started() -> None:
    assert words(agent(), ModelledHost()) == [
        "write its unit's settings",
        "build its system",
        "make alice/",
        "make state/",
        "make claude/",
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
    todo = plan(changed, host.observed, PLACE)
    assert [step.words for step in todo.all] == ["write its conf", "restart"]
    carry_out(host, todo, most=1)
    assert words(changed, host) == ["restart"]


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
    assert (todo[1], todo[-2]) == ("build its system", "write its conf")


def test_what_the_operator_has_start_is_not_restarted_by_the_next_run() -> None:
    host = fresh(agent(Run.DOWN))
    host.start()
    assert words(agent(), host) == []


def test_what_was_started_without_its_settings_is_restarted() -> None:
    host = fresh(agent())
    host.stop("inactive")
    meddle(host, "it was started before its settings came")
    todo = plan(agent(), host.observed, PLACE)
    done = ["own its sockets", "restart"]
    assert [step.words for step in todo.all] == ["write its unit's settings", *done]
    carry_out(host, todo, most=1)
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
    assert todo[-2:] == [f"remove {PLACE.agent.home}", f"remove {PLACE.container.root}"]


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
