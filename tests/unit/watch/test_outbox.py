"""What waits for the broker: in order, small, and no crash lost."""

import threading
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.names import AgentName
from hyperhive.operator.hosting_models import ContainerReport, CrashReport
from hyperhive.store.container_states import ContainerState
from hyperhive.watch.outbox import Outbox

ALICE, BOB = AgentName("alice"), AgentName("bob")
SECONDS: Final = 5.0


def state(at: float) -> ContainerReport:
    return ContainerReport(state=ContainerState.RUNNING, at=at)


def crash(at: float) -> ContainerReport:
    end = CrashReport(result="signal", status="SIGKILL")
    return ContainerReport(state=ContainerState.FAILED, at=at, crash=end)


def drained(outbox: Outbox) -> list[tuple[AgentName, ContainerReport]]:
    """Takes all that waits."""
    found = []
    while len(outbox):
        taken = outbox.take()
        assert taken is not None
        found.append(taken)
    return found


def test_of_states_only_the_last_waits() -> None:
    outbox = Outbox()
    for report in (state(1), state(2), crash(3), state(4), crash(5), state(6), state(7)):
        outbox.put(ALICE, report)
    outbox.put(BOB, state(8))
    assert drained(outbox) == [
        (ALICE, crash(3)),
        (ALICE, crash(5)),
        (ALICE, state(7)),
        (BOB, state(8)),
    ]


def test_what_comes_back_comes_before_what_is_newer() -> None:
    outbox = Outbox()
    outbox.put(ALICE, state(4))
    outbox.put_first(ALICE, crash(3))
    outbox.put_first(ALICE, state(2))
    assert drained(outbox) == [(ALICE, crash(3)), (ALICE, state(4))]


def test_an_agent_with_trouble_lets_the_others_go_first() -> None:
    outbox = Outbox()
    outbox.put(ALICE, crash(1))
    outbox.put(ALICE, state(2))
    outbox.put(BOB, state(3))
    taken = outbox.take()
    assert taken == (ALICE, crash(1))
    outbox.put_first(*taken)
    assert drained(outbox) == [(BOB, state(3)), (ALICE, crash(1)), (ALICE, state(2))]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.sampled_from([ALICE, BOB]), st.booleans()),
            st.tuples(st.sampled_from(["take", "fail"]), st.just(ALICE), st.just(False)),
        )
    )
)
def test_every_crash_and_the_last_state_arrive_in_order(
    steps: list[tuple[str, AgentName, bool]],
) -> None:
    outbox = Outbox()
    put: dict[AgentName, list[ContainerReport]] = {ALICE: [], BOB: []}
    got: dict[AgentName, list[ContainerReport]] = {ALICE: [], BOB: []}
    for at, (step, agent, crashed) in enumerate(steps):
        if step == "put":
            report = crash(at) if crashed else state(at)
            put[agent].append(report)
            outbox.put(agent, report)
        elif len(outbox):
            taken = outbox.take()
            assert taken is not None
            if step == "take":
                got[taken[0]].append(taken[1])
            else:
                outbox.put_first(*taken)
    waiting = len(outbox)
    for agent, report in drained(outbox):
        got[agent].append(report)
    for agent, reports in put.items():
        assert [one for one in got[agent] if one.crash] == [one for one in reports if one.crash]
        assert [one.at for one in got[agent]] == sorted(one.at for one in got[agent])
        assert got[agent][-1:] == reports[-1:]
    assert waiting <= sum(one.crash is not None for reports in put.values() for one in reports) + 2


def test_closing_ends_every_wait() -> None:
    outbox = Outbox()
    found: list[object] = []
    waits = [
        threading.Thread(target=lambda: found.append(outbox.take())),
        threading.Thread(target=lambda: found.append(outbox.pause(SECONDS * 10))),
    ]
    for thread in waits:
        thread.start()
    outbox.close()
    for thread in waits:
        thread.join(SECONDS)
    assert sorted(map(str, found)) == ["False", "None"], f"not both ended within {SECONDS} s"


def test_a_pause_that_is_over_leaves_it_open() -> None:
    assert Outbox().pause(0)
