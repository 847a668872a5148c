"""Turns through the broker: wake-ups, redelivery, restarts, and what each outcome leads to."""

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import pytest

from hyperhive.broker import agent_plane
from hyperhive.broker.core import Core
from hyperhive.broker.mail import compose
from hyperhive.store import agents, listing, messages
from hyperhive.wire.harness import OutcomeKind
from tests.integration.broker.plane import (
    agent_row,
    broker,
    connected,
    harness,
    in_state,
    mcp,
)


async def send(core: Core, to: str, body: str, sender: str = "operator") -> int:
    message = compose(core.hive, sender, to, body)
    return await core.store.write(messages.send, message, now=core.clock())


async def mail(core: Core, agent: str) -> list[dict[str, Any]]:
    return await core.store.read(listing.messages, agent=agent, after=0, limit=100)


def test_a_message_wakes_its_recipient_and_is_acked_with_the_turn(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            sent = await send(core, "alice", "find the bug")
            turn = await alice.turn()
            assert "find the bug" in turn.prompt
            assert (turn.model, turn.resume) == ("haiku", False)
            assert (await agent_row(core, "alice"))["state"] == "thinking"
            await alice.finish(turn.turn)
            (row,) = await mail(core, "alice")
            assert (row["id"], row["state"], row["attempts"]) == (sent, "acked", 0)
            await send(core, "alice", "and fix it")
            following = await alice.turn()
            assert (following.session, following.resume) == ("S", True)
            await alice.finish(following.turn)
            (done, _) = await core.store.read(listing.turns, agent="alice", after=0, limit=9)
            assert (done["outcome"], done["queued_at"] <= done["started_at"]) == ("ok", True)

    asyncio.run(main())


def test_the_mcp_sdk_is_loaded_when_a_turn_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It costs a second of a processor, which a broker that only starts does not spend."""
    loaded: list[bool] = []
    monkeypatch.setattr(agent_plane, "_import_mcp", lambda: loaded.append(True))

    async def main(turns: int) -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            for _ in range(turns):
                await send(core, "alice", "find the bug")
                await alice.finish((await alice.turn()).turn)

    asyncio.run(main(turns=0))
    assert loaded == []
    asyncio.run(main(turns=2))
    assert loaded == [True]


def test_mail_that_waits_is_delivered_when_the_harness_comes(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            await send(core, "alice", "early")
            async with harness(core, "alice") as alice:
                assert "early" in (await alice.turn()).prompt

    asyncio.run(main())


def test_a_harness_that_disconnects_gives_its_messages_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            await send(core, "alice", "once or twice")
            async with harness(core, "alice") as alice:
                first = await alice.turn()
                assert "repeat:" not in first.prompt
            await in_state(core, "alice", "offline")
            async with harness(core, "alice") as alice:
                second = await alice.turn()
                assert second.turn != first.turn
                assert "repeat: delivery 2" in second.prompt

    asyncio.run(main())


def test_a_harness_that_lost_its_turn_to_a_disconnect_is_told_to_forget_it(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            await send(core, "alice", "hello")
            async with harness(core, "alice") as alice:
                turn = await alice.turn()
            await in_state(core, "alice", "offline")
            async with connected(core, "alice") as alice:
                assert (await alice.hello("alice", running=turn.turn))["keep"] is False
                again = await alice.turn()
                await alice.finish(turn.turn)  # too late: it counts for nothing
                (row,) = await mail(core, "alice")
                assert row["state"] == "leased"
                await alice.finish(again.turn)
                (row,) = await mail(core, "alice")
                assert row["state"] == "acked"

    asyncio.run(main())


def test_a_turn_outlives_the_broker_and_its_message_comes_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "alice", "long work")
            turn = (await alice.turn()).turn
        async with broker(tmp_path) as core:
            assert (await agent_row(core, "alice"))["state"] == "offline"
            async with connected(core, "alice") as alice:
                assert (await alice.hello("alice", running=turn))["keep"] is True
                assert (await agent_row(core, "alice"))["state"] == "thinking"
                await alice.finish(turn)
                await alice.finish(turn)  # the answer was lost; it is said again
                # What the turn wanted to say while the broker was away may be lost.
                again = await alice.turn()
                assert "repeat: delivery 2" in again.prompt
                await alice.finish(again.turn)
                (row,) = await mail(core, "alice")
                assert (row["state"], row["attempts"]) == ("acked", 0)

    asyncio.run(main())


def test_a_turn_without_the_hives_tools_does_not_count(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "alice", "hello")
            turn = await alice.turn()
            await alice.finish(turn.turn, mcp_failed=["hyperhive"])
            row = await agent_row(core, "alice")
            assert (row["state"], row["reason"]) == ("failed", "the turn had no hyperhive tools")
            (row,) = await mail(core, "alice")
            assert (row["state"], row["attempts"]) == ("queued", 1)

    asyncio.run(main())


def test_a_turn_that_the_harness_does_not_know_is_given_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "alice", "hello")
            await alice.turn()
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            assert "repeat: delivery 2" in (await alice.turn()).prompt

    asyncio.run(main())


def test_a_harness_that_refuses_a_turn_loses_its_connection_and_no_message(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            async with harness(core, "alice") as alice:
                alice.accepts = False
                await send(core, "alice", "hello")
                await alice.closed()
            await in_state(core, "alice", "offline")
            (row,) = await mail(core, "alice")
            assert (row["state"], row["attempts"]) == ("queued", 1)

    asyncio.run(main())


def test_each_outcome_leads_to_its_state(tmp_path: Path) -> None:
    cases = {
        OutcomeKind.FAILED: "failed",
        OutcomeKind.TIMEOUT: "failed",
        OutcomeKind.RATE_LIMITED: "rate_limited",
        OutcomeKind.OVERLOADED: "rate_limited",
        OutcomeKind.NEEDS_LOGIN: "needs_login",
    }

    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "alice", "hello")
            for kind, state in cases.items():
                turn = await alice.turn()
                await alice.finish(turn.turn, kind, detail=f"it was {kind}")
                row = await agent_row(core, "alice")
                assert (row["state"], row["reason"]) == (state, f"it was {kind}")
                assert (row["until"] is None) == (kind is OutcomeKind.NEEDS_LOGIN)
                await core.store.write(agents.set_paused, "alice", False, "", now=core.clock())
            assert "repeat: delivery 6" in (await alice.turn()).prompt

    asyncio.run(main())


def test_a_hold_ends_by_itself(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "alice", "hello")
            turn = await alice.turn()
            soon = time.time() + 0.2
            await alice.finish(turn.turn, OutcomeKind.RATE_LIMITED, retry_at=soon)
            await alice.turn()
            assert time.time() >= soon

    asyncio.run(main())


def test_a_session_that_claude_has_lost_is_begun_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "alice", "one")
            turn = await alice.turn()
            await alice.finish(turn.turn, session="OLD")
            await send(core, "alice", "two")
            turn = await alice.turn()
            assert (turn.session, turn.resume) == ("OLD", True)
            await alice.finish(turn.turn, OutcomeKind.FAILED, session=None, session_missing=True)
            await core.store.write(agents.set_paused, "alice", False, "", now=core.clock())
            turn = await alice.turn()
            assert turn.resume is False
            assert re.fullmatch(r"[0-9a-f-]{36}", turn.session)

    asyncio.run(main())


def test_two_agents_work_at_the_same_time_and_one_never_twice(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            broker(tmp_path) as core,
            harness(core, "alice") as alice,
            harness(core, "bob") as bob,
        ):
            for n in range(3):
                await send(core, "alice", f"a{n}")
                await send(core, "bob", f"b{n}")
            for n in range(3):
                turns = await alice.turn(), await bob.turn()
                assert f"\na{n}\n" in turns[0].prompt
                assert f"\nb{n}\n" in turns[1].prompt
                assert alice.turns.empty()
                await alice.finish(turns[0].turn)
                await bob.finish(turns[1].turn)

    asyncio.run(main())


def test_what_a_turn_sends_wakes_others_and_what_it_received_is_its_lease(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with (
            broker(tmp_path) as core,
            harness(core, "alice") as alice,
            harness(core, "boss") as boss,
        ):
            await send(core, "alice", "one")
            await send(core, "alice", "two")
            turn = await alice.turn()
            assert "unread after this: 1" in turn.prompt
            async with mcp(core, "alice") as tools:
                got = await tools.tool("recv")
                assert [m["body"] for m in got["messages"]] == ["two"]
                sent = await tools.tool("send", to="manager", body="three")
                woken = await boss.turn()
                assert f"id: {sent['id']}\nfrom: alice\n" in woken.prompt
            await alice.finish(turn.turn)
            states = {row["body"]: row["state"] for row in await mail(core, "alice")}
            assert states == {"one": "acked", "two": "acked", "three": "leased"}

    asyncio.run(main())
