"""What the operator changes in an agent's loop, over HTTP."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hyperhive.store.naps import begin_nap
from hyperhive.store.questions import NewQuestion, ask
from hyperhive.wire.harness import OutcomeKind, TurnKind
from tests.integration.broker.plane import DEADLINE, FakeHarness, harness, in_state
from tests.integration.operator.serving import Operator, with_operator

HOSTILE = [
    "",
    " ",
    "-p",
    "--model",
    "opus\n",
    "opus\x00",
    "opus sonnet",
    "o" * 300,
    "\x1b[31m",
    "é",
]
"""What must never reach claude's arguments as a model."""


async def first_turn(operator: Operator, alice: FakeHarness, **outcome: Any) -> None:
    """A turn that begins a conversation and ends well."""
    await operator.ask("POST", "messages", {"to": "alice", "body": "hello"}, status=201)
    turn = await alice.turn()
    await alice.finish(turn.turn, session=turn.session, **outcome)


@pytest.mark.parametrize(
    ("wish", "state", "note"),
    [
        ({}, "acked", "lunch"),
        ({"messages": "back"}, "leased", ""),
        ({"messages": "drop"}, "dropped", "lunch"),
    ],
    ids=["done", "back", "drop"],
)
def test_a_cancelled_turns_message_becomes_what_the_operator_chose(
    tmp_path: Path, wish: dict[str, str], state: str, note: str
) -> None:
    async def body(operator: Operator) -> None:
        async with harness(operator.core, "alice") as alice:
            await operator.ask("POST", "messages", {"to": "alice", "body": "work"}, status=201)
            turn = (await alice.turn()).turn
            said = await operator.ask("POST", "agents/alice/cancel", wish | {"reason": "lunch"})
            assert said["ended"] == [f"turn {turn}"]
            assert said["agent"]["name"] == "alice"
            async with asyncio.timeout(DEADLINE):
                assert await alice.cancelled.get() == turn
            await alice.finish(turn, OutcomeKind.CANCELLED)
            if state == "leased":
                assert (await alice.turn()).turn != turn
            (message,) = await operator.ask("GET", "messages?agent=alice")
            assert (message["state"], message["note"]) == (state, note)
            first = (await operator.ask("GET", "turns?agent=alice"))[0]
            assert (first["outcome"], first["cancel_reason"]) == ("cancelled", "lunch")

    with_operator(tmp_path, body)


def test_a_nap_is_cancelled_and_nothing_is_not(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        async with harness(core, "alice"):
            now = core.clock()
            await core.store.write(begin_nap, "alice", now + 600, "tea", now=now)
            agent = await operator.ask("GET", "agents/alice")
            assert (agent["state"], agent["reason"], agent["until"]) == (
                "napping",
                "tea",
                now + 600,
            )
            said = await operator.ask("POST", "agents/alice/cancel", {})
            assert (said["ended"], said["agent"]["state"]) == (["its nap"], "idle")
            why = await operator.refused("POST", "agents/alice/cancel", {}, status=409)
            assert why.startswith("alice is idle: there is nothing to cancel; see")
            for wrong in ({"messages": "burn"}, {"force": True}, {"reason": "x" * 2000}):
                await operator.refused("POST", "agents/alice/cancel", wrong, status=422)

    with_operator(tmp_path, body)


def test_a_model_is_queued_used_and_reset(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        async with harness(operator.core, "alice") as alice:
            agent = await operator.ask("GET", "agents/alice")
            assert (agent["model"], agent["model_layer"]) == ("haiku", "hive")
            assert (agent["model_active"], agent["model_queued"]) == (None, None)
            agent = await operator.ask("PUT", "agents/alice/model", {"model": "sonnet"})
            assert (agent["model"], agent["model_queued"]) == ("sonnet", None)
            await first_turn(operator, alice)
            agent = await operator.ask("PUT", "agents/alice/model", {"model": "opus"})
            assert (agent["model_active"], agent["model_queued"]) == ("sonnet", "opus")
            assert (agent["model_layer"], agent["model_override"]) == ("override", "opus")
            assert agent["model_switched_by"] == "operator"
            assert agent["model_switched_at"] <= operator.core.clock()
            await first_turn(operator, alice)
            agent = await operator.ask("GET", "agents/alice")
            assert (agent["model_active"], agent["model_queued"]) == ("opus", None)
            agent = await operator.ask("DELETE", "agents/alice/model")
            assert (agent["model"], agent["model_layer"]) == ("haiku", "hive")
            assert (agent["model_queued"], agent["model_override"]) == ("haiku", None)

    with_operator(tmp_path, body)


def test_what_is_no_model_never_gets_near_claude(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        for name in HOSTILE:
            why = await operator.refused("PUT", "agents/alice/model", {"model": name}, status=422)
            assert why.startswith("body.model: not a name of a model; use an alias")
        await operator.refused("PUT", "agents/alice/model", {}, status=422)
        assert (await operator.ask("GET", "agents/alice"))["model"] == "haiku"

    with_operator(tmp_path, body)


def test_conversations_and_notes_are_made_shorter_on_demand(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        why = await operator.refused("POST", "agents/alice/compact", {}, status=409)
        assert why.startswith("alice has no conversation yet; ask again once")
        why = await operator.refused("POST", "agents/alice/compact-notes", status=409)
        assert why.startswith("alice has no notes yet; ask again once")
        async with harness(operator.core, "alice") as alice:
            await first_turn(
                operator, alice, notes_bytes=2048, context_tokens=126, context_window=200
            )
            agent = await operator.ask("GET", "agents/alice")
            assert (agent["notes_bytes"], agent["context_tokens"]) == (2048, 126)
            agent = await operator.ask("POST", "agents/alice/pause", {})
            agent = await operator.ask("POST", "agents/alice/compact", {"checkpoint": True})
            assert (agent["compaction"], agent["compaction_reason"]) == (
                "checkpoint",
                "by the operator",
            )
            agent = await operator.ask("POST", "agents/alice/compact-notes")
            assert agent["notes_due"] == "by the operator"
            await operator.ask("POST", "agents/alice/resume")
            turn = await alice.turn()
            assert turn.kind is TurnKind.CHECKPOINT
            shown = (await operator.ask("GET", "turns"))[-1]
            assert (shown["kind"], shown["message"]) == ("checkpoint", None)

    with_operator(tmp_path, body)


def test_a_new_session_has_no_context_yet(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        async with harness(operator.core, "alice") as alice:
            await first_turn(operator, alice, context_tokens=126, context_window=200)
            before = await operator.ask("GET", "agents/alice")
            assert before["context_window"] == 200
            after = await operator.ask("POST", "agents/alice/new-session")
            assert (after["session"], after["context_tokens"]) == (None, None)
            await first_turn(operator, alice)
            again = await operator.ask("GET", "agents/alice")
            assert again["session"] not in (None, before["session"])
            assert again["context_tokens"] is None  # of the session before, not of this one

    with_operator(tmp_path, body)


def test_an_agent_says_that_it_is_paused_while_its_turn_goes_on(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        async with harness(operator.core, "alice") as alice:
            await operator.ask("POST", "messages", {"to": "alice", "body": "work"}, status=201)
            turn = await alice.turn()
            agent = await operator.ask("POST", "agents/alice/pause", {"reason": "lunch"})
            assert (agent["state"], agent["paused"]) == ("thinking", True)
            await alice.finish(turn.turn)
            await in_state(operator.core, "alice", "paused")

    with_operator(tmp_path, body)


def test_the_manager_is_found_by_its_role(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        now = operator.core.clock()
        new = NewQuestion("boss", "operator", "Why?", (), False, now + 60, None)
        await operator.core.store.write(ask, new, now=now)
        agent = await operator.ask("GET", "agents/manager")
        assert (agent["name"], agent["questions"]) == ("boss", 1)
        names = {row["name"]: row["questions"] for row in await operator.ask("GET", "agents")}
        assert names == {"alice": 0, "bob": 0, "boss": 1}

    with_operator(tmp_path, body)


def test_nothing_is_done_to_an_agent_that_is_not_there(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        for method, path, given in (
            ("GET", "", None),
            ("POST", "/cancel", {}),
            ("PUT", "/model", {"model": "opus"}),
            ("DELETE", "/model", None),
            ("POST", "/compact", {}),
            ("POST", "/compact-notes", None),
            ("POST", "/new-session", None),
        ):
            for name in ("carol", "operator", "al%00ice", "%F0%9F%90%9D", "x" * 300):
                why = await operator.refused(method, f"agents/{name}{path}", given, status=404)
                assert "; use one of: alice, bob, boss" in why

    with_operator(tmp_path, body)
