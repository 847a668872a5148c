"""Messages, leases and turns: at least once, in order, and never silently twice."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from hyperhive.store import agents, listing, messages, turn_ends, turns
from hyperhive.store.agents import AgentState, Hold, HoldKind, Standing
from hyperhive.store.container_rows import Link
from hyperhive.store.database import Store
from hyperhive.store.messages import MAX_ATTEMPTS, Delivery, KeyReusedError, NewMessage
from hyperhive.store.settlement import Fate, Settlement
from hyperhive.store.turns import BegunTurn, Overdue, UnknownTurnError, Waiting
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnEvent, TurnEventKind
from tests.unit.store.conftest import Body, opened

WithStore = Callable[[Body], None]
OK = Outcome(OutcomeKind.OK, session="S")
BAD = Outcome(OutcomeKind.FAILED, "it broke")


async def send(store: Store, text: str = "hello", **more: str) -> int:
    return await store.write(
        messages.send,
        NewMessage("operator", "alice", text, idempotency_key=more.get("key")),
        now=1.0,
    )


async def begin(store: Store, now: float = 2.0) -> BegunTurn:
    begun = await look(store, now)
    assert isinstance(begun, BegunTurn)
    return begun


async def look(store: Store, now: float = 2.0) -> BegunTurn | Overdue | Waiting:
    return await store.write(
        turns.begin, "alice", fresh_session="S", wake_for_operator=True, now=now
    )


def message_of(turn: BegunTurn) -> Delivery:
    assert turn.delivery is not None
    return turn.delivery


async def end(store: Store, turn: int, outcome: Outcome, settlement: Settlement) -> bool:
    return await store.write(turn_ends.end, "alice", turn, outcome, settlement, now=3.0)


async def standing(store: Store) -> Standing:
    return (await store.write(agents.read_agent, "alice")).standing


def test_a_turn_takes_the_oldest_message_and_acks_it(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        first, second = await send(store, "one"), await send(store, "two")
        turn = await begin(store)
        assert (message_of(turn).id, message_of(turn).body, turn.unread) == (first, "one", 1)
        assert (turn.session, turn.resume) == ("S", False)
        assert (await standing(store)).state is AgentState.THINKING
        waiting = await look(store, 2.0)
        assert isinstance(waiting, Waiting)
        assert await end(store, turn.id, OK, Settlement(Fate.DONE))
        assert not await end(store, turn.id, BAD, Settlement(Fate.FAILED))
        rows = await store.read(listing.messages, agent="alice", after=0, limit=9)
        assert [(row["id"], row["state"]) for row in rows] == [(first, "acked"), (second, "queued")]
        next_turn = await begin(store)
        assert (message_of(next_turn).id, next_turn.resume) == (second, True)

    with_store(body)


def test_a_failed_turn_gives_its_messages_back_in_their_old_place(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        ids = [await send(store, str(n)) for n in range(3)]
        turn = await begin(store)
        taken = await store.write(messages.lease, "alice", turn.id, 1)
        assert [delivery.id for delivery in taken] == [ids[1]]
        await end(store, turn.id, BAD, Settlement(Fate.FAILED))
        again = await begin(store)
        assert (message_of(again).id, message_of(again).delivery, again.unread) == (ids[0], 2, 2)
        rest = await store.write(messages.lease, "alice", again.id, 5)
        assert [(d.id, d.delivery) for d in rest] == [(ids[1], 2), (ids[2], 1)]

    with_store(body)


def test_the_fifth_failed_attempt_makes_a_dead_letter_and_tells_the_operator(
    with_store: WithStore,
) -> None:
    async def body(store: Store) -> None:
        dead = await send(store)
        for _ in range(MAX_ATTEMPTS):
            turn = await begin(store)
            await end(store, turn.id, BAD, Settlement(Fate.FAILED))
        rows = await store.read(listing.messages, agent=None, after=0, limit=9)
        assert [(row["id"], row["state"]) for row in rows[:1]] == [(dead, "dead")]
        notice = rows[1]
        assert (notice["sender"], notice["recipient"], notice["in_reply_to"]) == (
            "system",
            "operator",
            dead,
        )
        assert "it broke" in notice["body"]
        waiting = await look(store, 9.0)
        assert waiting == Waiting(None)

    with_store(body)


def test_a_return_that_is_nobodys_failure_is_not_counted_but_said(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        await send(store)
        for _ in range(MAX_ATTEMPTS * 2):
            turn = await begin(store)
            await end(store, turn.id, Outcome(OutcomeKind.RATE_LIMITED), Settlement(Fate.BACK))
        (row,) = await store.read(listing.messages, agent="alice", after=0, limit=9)
        assert (row["state"], row["attempts"], row["deliveries"]) == ("queued", 0, 10)

    with_store(body)


def test_a_hold_keeps_the_agent_from_turns_until_its_time(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        await send(store)
        turn = await begin(store)
        hold = Hold(HoldKind.RATE_LIMITED, "429", 100.0)
        limited = Outcome(OutcomeKind.RATE_LIMITED)
        await end(store, turn.id, limited, Settlement(Fate.BACK, hold=hold))
        assert await standing(store) == Standing(AgentState.RATE_LIMITED, "429", 100.0)
        early = await look(store, 99.0)
        assert early == Waiting(100.0)
        assert message_of(await begin(store, now=100.0)).delivery == 2

    with_store(body)


def test_a_paused_agent_ends_its_turn_and_begins_none(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        await send(store)
        await send(store)
        turn = await begin(store)
        await store.write(agents.set_paused, "alice", True, "enough", now=2.0)
        assert (await standing(store)).state is AgentState.THINKING
        await end(store, turn.id, OK, Settlement(Fate.DONE))
        assert await standing(store) == Standing(AgentState.PAUSED, "enough")
        await store.write(agents.set_paused, "alice", False, "", now=2.0)
        assert message_of(await begin(store)).delivery == 1

    with_store(body)


def test_the_idempotency_key_delivers_once_and_refuses_another_message(
    with_store: WithStore,
) -> None:
    async def body(store: Store) -> None:
        first = await send(store, "one", key="k")
        assert await send(store, "one", key="k") == first
        with pytest.raises(KeyReusedError):
            await send(store, "two", key="k")
        assert len(await store.read(listing.messages, agent="alice", after=0, limit=9)) == 1

    with_store(body)


def test_events_that_are_said_again_are_stored_once_and_only_for_own_turns(
    with_store: WithStore,
) -> None:
    async def body(store: Store) -> None:
        await send(store)
        turn = await begin(store)
        said = [
            TurnEvent(1, 5.0, TurnEventKind.INIT, {"session": "S2"}),
            TurnEvent(2, 6.0, TurnEventKind.TEXT, {"text": "\ud800 oops"}),
        ]
        for _ in range(2):
            await store.write(turns.record, "alice", turn.id, said, now=6.0)
        rows = await store.read(listing.events, agent="alice", after=0, limit=99)
        kinds = [row["kind"] for row in rows if row["kind"].startswith("turn.")]
        assert kinds == ["turn.init", "turn.text"]
        assert (await store.write(agents.read_agent, "alice")).session == "S2"
        with pytest.raises(UnknownTurnError):
            await store.write(turns.record, "bob", turn.id, said, now=6.0)
        with pytest.raises(UnknownTurnError):
            await store.write(turns.executed, "bob", turn.id, at=1.0)

    with_store(body)


def test_every_change_of_state_is_an_event_with_its_reason(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        await send(store)
        turn = await begin(store)
        await end(store, turn.id, OK, Settlement(Fate.DONE))
        await store.write(agents.set_paused, "alice", True, "enough", now=9.0)
        await store.write(agents.set_link, "alice", Link.OFFLINE, "gone", now=9.0)
        rows = await store.read(listing.events, agent="alice", after=0, limit=99)
        changes = [
            (row["data"]["was"], row["data"]["state"], row["data"].get("reason"))
            for row in rows
            if row["kind"] == "state"
        ]
        assert changes == [
            ("offline", "idle", None),
            ("idle", "thinking", f"turn {turn.id}"),
            ("thinking", "idle", None),
            ("idle", "paused", "enough"),
            ("paused", "offline", "gone"),
        ]

    with_store(body)


def test_a_new_broker_keeps_the_turn_until_the_harness_says_what_runs(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path / "hive.sqlite", "alice") as store:
            await send(store)
            turn = await begin(store)
        async with opened(tmp_path / "hive.sqlite") as store:
            assert (await standing(store)).state is AgentState.OFFLINE
            (row,) = await store.read(listing.messages, agent="alice", after=0, limit=9)
            assert row["state"] == "leased"
            assert await store.write(turn_ends.lost, "alice", "gone", now=5.0) == turn.id
            (row,) = await store.read(listing.messages, agent="alice", after=0, limit=9)
            assert (row["state"], row["attempts"]) == ("queued", 1)

    asyncio.run(main())


def test_pages_are_in_order_from_either_end(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        ids = [await send(store, str(n)) for n in range(5)]
        newest = await store.read(listing.messages, agent=None, after=None, limit=2)
        assert [row["id"] for row in newest] == ids[-2:]
        following = await store.read(listing.messages, agent="alice", after=ids[0], limit=2)
        assert [row["id"] for row in following] == ids[1:3]
        earlier = await store.read(
            listing.messages, agent="alice", after=None, before=ids[3], limit=2
        )
        assert [row["id"] for row in earlier] == ids[1:3]
        between = await store.read(
            listing.messages, agent=None, after=ids[0], before=ids[3], limit=9
        )
        assert [row["id"] for row in between] == ids[1:3]
        assert await store.read(listing.messages, agent="bob", after=None, limit=2) == []

    with_store(body)
