"""Turns that are for no message, as a harness sees them."""

import asyncio
from pathlib import Path

from hyperhive.broker.wake_prompt import COMPACT
from hyperhive.store import listing
from hyperhive.store.agents import Compaction
from hyperhive.store.compaction import begin_anew, request_compaction, request_notes
from hyperhive.wire.harness import OutcomeKind, TurnEvent, TurnEventKind, TurnEvents, TurnKind
from hyperhive.wire.records import to_json
from tests.integration.broker.alice import first_turn, message_states, send, write
from tests.integration.broker.plane import (
    agent_row,
    broker,
    harness,
)


def test_a_full_context_is_checkpointed_then_compacted_before_the_next_message(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "one")
            turn = await alice.turn()
            await send(core, "two")
            await alice.finish(turn.turn, context_tokens=160_000, context_window=200_000)
            checkpoint = await alice.turn()
            assert (checkpoint.kind, checkpoint.resume) == (TurnKind.CHECKPOINT, True)
            assert "the context is 80 % full" in checkpoint.prompt
            assert "notes.md" in checkpoint.prompt
            assert (await agent_row(core, "alice"))["state"] == "compacting"
            await alice.finish(checkpoint.turn, context_tokens=161_000, context_window=200_000)
            compact = await alice.turn()
            assert (compact.kind, compact.prompt, compact.session) == (
                TurnKind.COMPACT,
                COMPACT,
                "S",
            )
            assert (await agent_row(core, "alice"))["state"] == "compacting"
            await alice.finish(compact.turn, context_tokens=9_000)
            after = await alice.turn()
            assert (after.kind, "two" in after.prompt) == (TurnKind.MESSAGE, True)
            assert (await agent_row(core, "alice"))["state"] == "thinking"

    asyncio.run(main())


def test_a_prompt_that_is_too_long_comes_again_after_a_compaction(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await first_turn(core, alice)
            await send(core, "long")
            turn = await alice.turn()
            await alice.finish(turn.turn, OutcomeKind.PROMPT_TOO_LONG, detail="too long")
            compact = await alice.turn()
            assert compact.kind is TurnKind.COMPACT
            await alice.finish(compact.turn)
            again = await alice.turn()
            assert "long" in again.prompt
            assert "repeat: delivery 2" in again.prompt
            await alice.finish(again.turn)
            assert [state for state, _ in await message_states(core)] == ["acked", "acked"]
            (row,) = await core.store.read(listing.messages, agent="alice", after=1, limit=9)
            assert row["attempts"] == 0

    asyncio.run(main())


def test_claudes_own_compaction_shows_while_it_lasts(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "hello")
            turn = await alice.turn()
            seen = []
            for seq, status in enumerate(("compacting", "success"), start=1):
                event = TurnEvent(seq, 1.0, TurnEventKind.COMPACTION, {"status": status})
                await alice.call("turn.events", to_json(TurnEvents(turn.turn, [event])))
                seen.append((await agent_row(core, "alice"))["state"])
            assert seen == ["compacting", "thinking"]

    asyncio.run(main())


def test_a_compaction_on_demand_waits_for_the_turn_and_survives_everyone(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await first_turn(core, alice)
            await write(core, request_compaction, Compaction.CHECKPOINT, "asked for")
            assert (await alice.turn()).kind is TurnKind.CHECKPOINT
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            # The harness knows of no turn any more: the one that ran is lost, what is due is not.
            again = await alice.turn()
            assert (again.kind, "asked for" in again.prompt) == (TurnKind.CHECKPOINT, True)

    asyncio.run(main())


def test_notes_are_compacted_when_nobody_waits(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await send(core, "one")
            turn = await alice.turn()
            await send(core, "two")
            await alice.finish(turn.turn, notes_bytes=70_000)
            turn = await alice.turn()
            assert turn.kind is TurnKind.MESSAGE
            await alice.finish(turn.turn, notes_bytes=70_000)
            notes = await alice.turn()
            assert (notes.kind, notes.resume, notes.prompt) == (TurnKind.NOTES, False, "")
            assert notes.session != "S"
            await alice.finish(notes.turn, session=notes.session, notes_bytes=9_000)
            await send(core, "three")
            assert (await alice.turn()).session == "S"
            await write(core, request_notes, "asked for")

    asyncio.run(main())


def test_a_new_session_begins_with_the_next_turn(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            await first_turn(core, alice)
            await send(core, "more")
            turn = await alice.turn()
            assert turn.resume
            await write(core, begin_anew, "asked for")
            await alice.finish(turn.turn)
            await send(core, "again")
            turn = await alice.turn()
            assert (turn.resume, turn.session == "S") == (False, False)

    asyncio.run(main())
