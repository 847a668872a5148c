"""Plans end in what is desired, wherever they begin and wherever a run before was cut short."""

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.deploy.desired import Desired, DesiredAgent, FormerAgent, Run
from hyperhive.deploy.plan import plan
from tests.unit.deploy.modelled_host import (
    ALICE,
    DROP_IN,
    PLACE,
    RANGES,
    ModelledHost,
    carry_out,
    check,
    conf_of,
    meddle,
)

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
    assert plan(desired, host.observed, PLACE).all == ()
