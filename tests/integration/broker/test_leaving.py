"""A harness that was told to end says so; one that says nothing has died."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hyperhive.broker.core import Core
from hyperhive.store import listing
from hyperhive.wire.harness import Leaving, Outcome, OutcomeKind, TurnFinished
from hyperhive.wire.jsonrpc import ErrorCode, RpcError
from hyperhive.wire.records import to_json
from tests.integration.broker.plane import (
    FakeHarness,
    agent_row,
    broker,
    connected,
    harness,
    in_state,
    until,
)
from tests.integration.broker.test_turns import send


async def leave(harness: FakeHarness, reason: str = "it was told to end") -> None:
    """Says that it leaves; the broker has it on disk then."""
    assert await harness.call("leaving", to_json(Leaving(reason))) == {}


async def events(core: Core, kind: str) -> list[dict[str, Any]]:
    """Every event of a kind."""
    found = await core.store.read(listing.events, agent=None, after=0, limit=1000)
    return [event for event in found if event["kind"] == kind]


async def crash(core: Core, agent: str) -> dict[str, Any]:
    """The first harness crash that is told, which must be this agent's."""

    async def look() -> bool:
        return bool(await events(core, "harness_crash"))

    await until(core, f"{agent}'s harness_crash", look)
    first = (await events(core, "harness_crash"))[0]
    assert first["agent"] == agent
    return first


def test_who_leaves_is_offline_at_once_and_the_next_can_come(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as first:
            await leave(first, "restarted for new settings")
            row = await agent_row(core, "alice")
            assert (row["state"], row["reason"]) == ("offline", "restarted for new settings")
            await send(core, "alice", "hello")
            async with harness(core, "alice") as second:
                turn = await second.turn()
                assert first.turns.empty()
                first.writer.close()
                await second.finish(turn.turn)
                assert (await agent_row(core, "alice"))["state"] == "idle"

    asyncio.run(main())


def test_after_leaving_nothing_else_is_taken(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as it:
            await leave(it)
            for method in ("leaving", "turn.finished"):
                with pytest.raises(RpcError) as caught:
                    await it.call(method, to_json(Leaving("again")))
                assert caught.value.code == ErrorCode.HELLO_FIRST

    asyncio.run(main())


def test_leaving_comes_after_hello_and_has_a_reason(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, connected(core, "alice") as it:
            with pytest.raises(RpcError) as caught:
                await it.call("leaving", to_json(Leaving("early")))
            assert caught.value.code == ErrorCode.HELLO_FIRST
            await it.hello("alice")
            with pytest.raises(RpcError) as caught:
                await it.call("leaving", {})
            assert caught.value.code == ErrorCode.INVALID_PARAMS

    asyncio.run(main())


def test_whatever_a_reason_holds_is_one_short_line(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as it:
            await leave(it, "\ud800 one\ntwo " + "x" * 1000)
            reason = (await agent_row(core, "alice"))["reason"]
            assert reason.startswith("? one two xxx")
            assert len(reason) == 200

    asyncio.run(main())


def test_the_turn_of_one_that_leaves_goes_back_and_is_no_failed_attempt(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            await send(core, "alice", "work")
            async with harness(core, "alice") as it:
                turn = (await it.turn()).turn
                await leave(it)
            (ended,) = await events(core, "turn_finished")
            assert (ended["turn"], ended["data"]["outcome"]) == (turn, OutcomeKind.CANCELLED)
            assert ended["data"]["detail"] == "the harness left: it was told to end"
            (message,) = await core.store.read(listing.messages, agent="alice", after=0, limit=9)
            assert (message["state"], message["attempts"]) == ("queued", 0)
            await crash_of_bob_alone(core)

    asyncio.run(main())


def test_one_that_leaves_with_its_turns_end_is_given_no_other(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as it:
            await send(core, "alice", "work")
            outcome = Outcome(OutcomeKind.CANCELLED, "the harness was stopped")
            finished = TurnFinished((await it.turn()).turn, outcome, leaving="it was told to end")
            await it.call("turn.finished", to_json(finished))
            row = await agent_row(core, "alice")
            assert (row["state"], row["reason"]) == ("offline", "it was told to end")
            async with harness(core, "alice") as second:
                again = await second.turn()
                assert "repeat: delivery 2" in again.prompt
                await second.finish(again.turn)
                assert it.turns.empty()
                (message,) = await core.store.read(
                    listing.messages, agent="alice", after=0, limit=9
                )
                assert (message["state"], message["attempts"]) == ("acked", 0)
                await leave(second)
            assert len(await events(core, "turn_finished")) == 2
            await crash_of_bob_alone(core)

    asyncio.run(main())


async def crash_of_bob_alone(core: Core) -> None:
    """Waits for a crash of bob's harness, before which every other is told."""
    async with harness(core, "bob"):
        pass
    await crash(core, "bob")


def test_one_that_dies_is_told_of_though_the_broker_ends_in_between(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            await send(core, "alice", "work")
            async with harness(core, "alice") as it:
                turn = (await it.turn()).turn
            await in_state(core, "alice", "offline")
        async with broker(tmp_path) as core:
            assert (await crash(core, "alice"))["data"] == {"turn": turn}
            found = await core.store.read(listing.messages, agent="boss", after=0, limit=9)
            assert [one["sender"] for one in found] == ["system"]

    asyncio.run(main())


def test_a_call_that_cannot_be_understood_does_not_leave_its_agent_connected(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as it:
            asking = asyncio.create_task(it.call("turn.events", {"turn": 2**70, "events": []}))
            await in_state(core, "alice", "offline")
            asking.cancel()

    asyncio.run(main())
    assert "a connection to harness.sock failed" in caplog.text
