"""What keeps an agent from turns, and what ends them, as a harness sees it."""

import asyncio
import json
from pathlib import Path

import pytest

from hyperhive.broker.core import Core
from hyperhive.hive.load import parse_hive
from hyperhive.store import listing, questions, reminders
from hyperhive.store.cancelling import cancel
from hyperhive.store.model_choice import override_model
from hyperhive.store.naps import begin_nap, end_nap
from hyperhive.store.settlement import Cancellation, Fate
from hyperhive.store.transaction import Transaction
from hyperhive.wire.harness import OutcomeKind
from tests.integration.broker.alice import message_states, send, write
from tests.integration.broker.plane import (
    agent_row,
    broker,
    connected,
    harness,
    in_state,
    until,
)


def test_a_cancelled_turn_ends_and_its_message_is_done_with_a_note(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            for fate, expected in (
                (Fate.DONE, ("acked", "enough")),
                (Fate.DROPPED, ("dropped", "enough")),
            ):
                await send(core, "work")
                turn = await alice.turn()
                ended = await write(core, cancel, Cancellation(fate, "enough"))
                assert ended.ended == [f"turn {turn.turn}"]
                assert await alice.cancelled.get() == turn.turn
                await alice.finish(turn.turn, OutcomeKind.CANCELLED, detail="enough")
                assert (await message_states(core))[-1] == expected
            await send(core, "next")
            turn = await alice.turn()
            assert "before this: your last turn was ended: enough" in turn.prompt
            await write(core, cancel, Cancellation(Fate.BACK, "not now"))
            await alice.finish(await alice.cancelled.get(), OutcomeKind.CANCELLED)
            assert "repeat: delivery 2" in (await alice.turn()).prompt

    asyncio.run(main())


def test_a_wish_to_cancel_reaches_a_harness_that_was_away(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "work")
            turn = await alice.turn()
        async with broker(tmp_path) as core:
            await write(core, cancel, Cancellation(Fate.DONE, "enough"))
            async with harness(core, "alice", running=turn.turn) as alice:
                assert await alice.cancelled.get() == turn.turn

    asyncio.run(main())


def test_cancel_ends_a_wait_for_a_limit(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "hello")
            turn = await alice.turn()
            await alice.finish(turn.turn, OutcomeKind.RATE_LIMITED)
            await in_state(core, "alice", "rate_limited")
            await write(core, cancel, Cancellation(Fate.DONE, "go on"))
            assert "repeat: delivery 2" in (await alice.turn()).prompt

    asyncio.run(main())


def test_a_nap_lasts_until_its_time_or_its_cancel_or_the_operators_message(
    tmp_path: Path,
) -> None:
    async def nap(core: Core, seconds: float) -> float:
        end = core.clock() + seconds
        await write(core, begin_nap, end, "waiting for the build")
        return end

    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            end = await nap(core, 0.3)
            row = await agent_row(core, "alice")
            assert (row["state"], row["until"], row["reason"]) == (
                "napping",
                end,
                "waiting for the build",
            )
            await send(core, "later", sender="bob")
            turn = await alice.turn()
            assert core.clock() >= end
            await nap(core, 3600)
            await alice.finish(turn.turn)
            await in_state(core, "alice", "napping")
            await send(core, "not now", sender="bob")
            assert (await agent_row(core, "alice"))["state"] == "napping"
            await write(core, end_nap, "by the operator")
            turn = await alice.turn()
            await nap(core, 3600)
            await alice.finish(turn.turn)
            await in_state(core, "alice", "napping")
            await send(core, "wake up")
            assert "wake up" in (await alice.turn()).prompt

    asyncio.run(main())


def test_a_nap_survives_the_broker(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice"):
            await write(core, begin_nap, core.clock() + 3600, "")
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "later", sender="bob")
            assert (await agent_row(core, "alice"))["state"] == "napping"
            await write(core, cancel, Cancellation(Fate.DONE, "wake"))
            await alice.turn()

    asyncio.run(main())


def test_a_model_that_the_api_does_not_know_waits_for_another(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await write_model(core, "opsu")
            await send(core, "hello")
            turn = await alice.turn()
            assert turn.model == "opsu"
            await alice.finish(turn.turn, OutcomeKind.UNKNOWN_MODEL, detail="model: opsu")
            row = await agent_row(core, "alice")
            assert (row["state"], row["until"]) == ("failed", None)
            assert "hyperhive model alice NAME" in row["reason"]
            await write_model(core, None)
            turn = await alice.turn()
            assert turn.model == "haiku"
            row = await agent_row(core, "alice")
            assert (row["model_layer"], row["model_active"]) == ("hive", "haiku")
            assert row["model_switched_by"] == "operator"

    asyncio.run(main())


async def write_model(core: Core, model: str | None) -> None:
    await core.store.write(override_model, "alice", model, by="operator", now=core.clock())


def test_an_override_outlives_the_broker_and_a_new_declaration_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            await write_model(core, "opus")
        async with broker(tmp_path) as core:
            row = await agent_row(core, "alice")
            assert (row["model"], row["model_layer"]) == ("opus", "override")

    asyncio.run(main())


def test_without_claude_the_agent_says_so_and_keeps_its_mail(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            async with connected(core, "alice") as alice:
                await alice.hello("alice", claude=None, problem="claude is not installed: get it")
                await send(core, "hello")
                row = await agent_row(core, "alice")
                assert (row["state"], row["reason"]) == (
                    "failed",
                    "claude is not installed: get it",
                )
            await in_state(core, "alice", "offline")
            async with harness(core, "alice") as alice:
                await alice.turn()
                assert [state for state, _ in await message_states(core)] == ["leased"]

    asyncio.run(main())


def test_a_login_is_asked_for_until_a_new_harness_comes(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            async with harness(core, "alice") as alice:
                await send(core, "hello")
                await alice.finish((await alice.turn()).turn, OutcomeKind.NEEDS_LOGIN)
                await in_state(core, "alice", "needs_login")
                (told,) = await core.store.read(listing.messages, agent="boss", after=0, limit=9)
                notice = json.loads(told["body"])
                assert (notice["event"], notice["agent"]) == ("needs_login", "alice")
            await in_state(core, "alice", "offline")
            async with harness(core, "alice") as alice:
                await alice.turn()

    asyncio.run(main())


def test_what_falls_due_while_the_broker_is_away_is_done_when_it_is_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            now = core.clock()
            question = questions.NewQuestion(
                "alice", "operator", "tea?", (), False, now + 0.05, None
            )
            await core.store.write(questions.ask, question, now=now)
            await core.store.write(reminders.remind, "alice", "look", now + 0.05, now=now)
            soon = questions.NewQuestion("alice", "operator", "cake?", (), False, now + 0.4, None)
            await core.store.write(questions.ask, soon, now=now)
        async with broker(tmp_path) as core:

            async def told() -> bool:
                return len(await message_states(core)) == 3

            await until(core, "two questions to expire and a reminder", told)
            rows = await core.store.read(listing.messages, agent="alice", after=0, limit=9)
            assert {(row["sender"], row["body"], row["kind"]) for row in rows} == {
                ("system", "[expired]", "answer"),
                ("alice", "look", "reminder"),
            }

    asyncio.run(main())


def test_a_turn_of_an_agent_that_the_hive_has_no_more_gives_its_messages_back(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "hello")
            await alice.turn()
        without = parse_hive({"hive": {"name": "lab"}, "agents": {"bob": {}}}, "test")
        async with broker(tmp_path, without) as core:
            assert [state for state, _ in await message_states(core)] == ["queued"]
            assert (await agent_row(core, "alice"))["state"] == "offline"

    asyncio.run(main())


def test_trouble_with_questions_keeps_no_reminder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_tx: Transaction, *, now: float) -> float | None:
        raise ValueError(f"broken at {now}")

    async def main() -> None:
        monkeypatch.setattr(questions, "expire", fail)
        async with broker(tmp_path) as core:
            now = core.clock()
            await core.store.write(reminders.remind, "alice", "look", now + 0.05, now=now)

            async def told() -> bool:
                return len(await message_states(core)) == 1

            await until(core, "the reminder", told)

    asyncio.run(main())
    assert "what is due has to wait" in caplog.text
