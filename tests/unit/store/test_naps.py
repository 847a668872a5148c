"""Naps: begun in a turn, ended by their time, the operator or a declared wish."""

from collections.abc import Callable

from hyperhive.store import listing, messages, turn_ends, turns
from hyperhive.store.agents import AgentState, Standing, read_agent
from hyperhive.store.database import Store
from hyperhive.store.messages import NewMessage
from hyperhive.store.naps import begin_nap, end_nap
from hyperhive.store.settlement import Cancellation, Fate, Settlement
from hyperhive.store.turns import NAP_GRACE, BegunTurn, Overdue, Waiting
from hyperhive.wire.harness import Outcome, OutcomeKind
from tests.unit.store.conftest import Body

WithStore = Callable[[Body], None]
OK = Outcome(OutcomeKind.OK, session="S")


async def send(store: Store, sender: str = "bob") -> int:
    return await store.write(messages.send, NewMessage(sender, "alice", "hello"), now=1.0)


async def look(
    store: Store, now: float, *, wake_for_operator: bool = True
) -> BegunTurn | Overdue | Waiting:
    return await store.write(
        turns.begin, "alice", fresh_session="S", wake_for_operator=wake_for_operator, now=now
    )


async def standing(store: Store) -> Standing:
    return (await store.write(read_agent, "alice")).standing


def test_a_turn_that_asked_for_a_nap_is_ended_after_a_grace(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        await send(store)
        turn = await look(store, 10.0)
        assert isinstance(turn, BegunTurn)
        await store.write(begin_nap, "alice", 5000.0, "the build", now=20.0)
        assert (await standing(store)).state is AgentState.THINKING
        assert await look(store, 21.0) == Waiting(20.0 + NAP_GRACE)
        overdue = await look(store, 20.0 + NAP_GRACE)
        assert overdue == Overdue(turn.id, "the agent asked for a nap, and went on")
        assert await look(store, 500.0) == overdue  # until the harness has heard it
        wish = (await store.write(turns.ending_turn, "alice", turn.id)).cancellation
        assert wish == Cancellation(Fate.DONE, "the agent asked for a nap, and went on")
        await store.write(
            turn_ends.end, "alice", turn.id, OK, Settlement(Fate.DONE, note=wish.reason), now=600.0
        )
        assert await standing(store) == Standing(AgentState.NAPPING, "the build", 5000.0)

    with_store(body)


def test_only_the_time_wakes_where_the_hive_says_so(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        await store.write(begin_nap, "alice", 100.0, "", now=1.0)
        await send(store, "operator")
        assert await look(store, 50.0, wake_for_operator=False) == Waiting(100.0)
        assert isinstance(await look(store, 100.0, wake_for_operator=False), BegunTurn)

    with_store(body)


def test_a_message_of_the_operators_wakes_and_anothers_does_not(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        await store.write(begin_nap, "alice", 100.0, "", now=1.0)
        first = await send(store)
        assert await look(store, 50.0) == Waiting(100.0)
        await send(store, "operator")
        turn = await look(store, 51.0)
        assert isinstance(turn, BegunTurn)
        assert turn.delivery is not None
        assert turn.delivery.id == first  # in their order all the same

    with_store(body)


def test_each_nap_and_its_end_are_events_with_their_reasons(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        assert not await store.write(end_nap, "alice", "nothing to end", now=1.0)
        await store.write(begin_nap, "alice", 100.0, "tired", now=1.0)
        await store.write(begin_nap, "alice", 200.0, "very tired", now=2.0)
        assert await store.write(end_nap, "alice", "enough", now=3.0)
        rows = await store.read(listing.events, agent="alice", after=0, limit=99)
        told = [(row["kind"], row["data"]) for row in rows if row["kind"].startswith("nap")]
        assert told == [
            ("nap", {"until": 100.0, "reason": "tired"}),
            ("nap", {"until": 200.0, "reason": "very tired"}),
            ("nap_ended", {"reason": "enough"}),
        ]
        assert (await standing(store)).state is AgentState.IDLE

    with_store(body)
