"""Approvals in a hive without containers: real harnesses run with what the operator approves."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hyperhive.broker.core import Core
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import OPERATOR, AgentName
from hyperhive.store import approval_rows
from hyperhive.store.approval_states import ApprovalState
from hyperhive.store.containers import UnfitWishError
from tests.integration.broker.plane import agent_row, in_state
from tests.integration.hive.deploying import (
    ALICE,
    NEW,
    acked,
    deployed,
    ended,
    local_hive,
    message,
    propose,
    send,
    settings,
    starts,
    turns_of,
    work,
)

CARL = AgentName("carl")


def on_hive(
    directory: Path, body: Callable[[Core], Awaitable[None]], hello_seconds: float = 30.0
) -> None:
    """Runs a coroutine function with a hive whose agents are idle."""

    async def main() -> None:
        async with local_hive(directory, hello_seconds) as core:
            for name in core.hive.agents:
                await in_state(core, name, "idle")
            await body(core)

    asyncio.run(main())


def test_the_next_turn_has_the_new_model_and_the_new_rule(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        turn = await acked(core, await send(core, "alice", "one"))
        assert turn["model"] == "haiku"
        assert not (work(core) / "one").exists(), "not allowed yet"
        done = await deployed(core, await propose(core, NEW))
        assert (done.state, done.error) == (ApprovalState.DEPLOYED, "")
        turn = await acked(core, await send(core, "alice", "two"))
        assert turn["model"] == "opus"
        assert (work(core) / "two").exists()
        assert await starts(core) == 2

    on_hive(tmp_path, body)


def test_the_manager_knows_where_it_proposes(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        proposed, record = str(core.paths.proposed), str(core.paths.proposals)
        boss, alice = settings(core, "boss"), settings(core, "alice")
        assert (boss["proposed"], boss["proposals"]) == (proposed, record)
        assert f"`{proposed}/NAME/config`" in boss["system_prompt"]
        assert f"`{record}/NAME`" in boss["system_prompt"]
        assert alice.keys() & {"proposed", "proposals"} == set()
        assert core.paths.agent(ALICE).config.is_dir()

    on_hive(tmp_path, body)


def test_a_turn_that_runs_is_ended_and_its_message_comes_again(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        id = await send(core, "alice", "wait")
        await in_state(core, "alice", "thinking")
        assert (await deployed(core, await propose(core, NEW))).error == ""
        await in_state(core, "alice", "thinking")
        again = await message(core, id)
        assert (again["deliveries"], again["attempts"]) == (2, 0)
        turns = await turns_of(core, id)
        assert [turn["model"] for turn in turns] == ["haiku", "opus"]
        assert turns[0]["outcome"] == "cancelled"

    on_hive(tmp_path, body)


def test_a_harness_that_says_no_hello_runs_with_the_old_settings_again(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        before = settings(core)
        done = await deployed(core, await propose(core, NEW))
        assert done.state is ApprovalState.FAILED
        assert "did not say hello with the new settings in 0.001 s" in done.error
        assert settings(core) == before
        await in_state(core, "alice", "idle")
        turn = await acked(core, await send(core, "alice", "one"))
        assert turn["model"] == "haiku"
        assert not (work(core) / "one").exists()

    on_hive(tmp_path, body, hello_seconds=0.001)


def test_a_stopped_agent_gets_the_settings_and_stays_stopped(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        await core.lifecycle.stop(ALICE, "lunch", OPERATOR)
        id = await send(core, "alice", "one")
        assert (await deployed(core, await propose(core, NEW))).error == ""
        assert (await agent_row(core, "alice"))["state"] == "offline"
        assert "Bash(touch *)" in settings(core)["allow"]
        await core.lifecycle.start(ALICE, OPERATOR)
        assert (await acked(core, id))["model"] == "opus"
        assert (work(core) / "one").exists()

    on_hive(tmp_path, body)


def test_a_model_alone_needs_no_new_harness(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        done = await deployed(core, await propose(core, {"agent.toml": 'model = "opus"\n'}))
        assert done.error == ""
        assert (await acked(core, await send(core, "alice", "one")))["model"] == "opus"
        assert await starts(core) == 1

    on_hive(tmp_path, body)


def test_a_new_agent_runs_and_is_there_after_a_restart(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        toml = NEW["agent.toml"]
        asked = await core.approvals.submit_spawn("boss", "carl", "Tests things", toml)
        assert (await deployed(core, asked.id)).error == ""
        await in_state(core, "carl", "idle")
        assert core.paths.agent(CARL).work.is_dir()

    async def after(core: Core) -> None:
        assert core.hive.agents[CARL].description == "Tests things"

    on_hive(tmp_path, body)
    on_hive(tmp_path, after)


def test_a_new_agent_that_says_no_hello_is_gone_again(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        asked = await core.approvals.submit_spawn("boss", "carl", "Tests things")
        done = await deployed(core, asked.id)
        assert done.state is ApprovalState.FAILED
        assert CARL not in core.hive.agents
        paths = core.paths.agent(CARL)
        assert not paths.home.exists()
        assert not list(paths.sockets.glob("*"))
        assert (await agent_row(core, "carl"))["declared"] == 0

    on_hive(tmp_path, body, hello_seconds=0.001)


def test_the_operator_removes_a_spawned_agent(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        asked = await core.approvals.submit_spawn("boss", "carl", "Tests things")
        assert (await deployed(core, asked.id)).error == ""
        await in_state(core, "carl", "idle")
        with pytest.raises(UnfitWishError, match="not destroyed"):
            await core.lifecycle.purge(CARL, "enough")
        await core.lifecycle.destroy(CARL, "enough")
        await in_state(core, "carl", "offline")
        assert CARL in core.hive.agents
        pending = await propose(core, NEW, "carl")
        await core.lifecycle.purge(CARL, "enough")
        assert CARL not in core.hive.agents
        cancelled = await core.store.read(approval_rows.get, pending)
        assert (cancelled.state, cancelled.decided_by, cancelled.reason, cancelled.tagged) == (
            ApprovalState.CANCELLED,
            OPERATOR,
            "carl was purged",
            True,
        )
        paths = core.paths.agent(CARL)
        assert not paths.proposals.exists()
        assert not paths.home.exists()
        assert not list(paths.sockets.glob("*"))
        for remove in (core.lifecycle.destroy, core.lifecycle.purge):
            with pytest.raises(HyperhiveError, match="no containers"):
                await remove(ALICE, "enough")

    async def after(core: Core) -> None:
        assert CARL not in core.hive.agents

    on_hive(tmp_path, body)
    on_hive(tmp_path, after)


def test_what_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        paths = core.paths.agent(ALICE)
        paths.settings.with_suffix(".new").mkdir()
        done = await deployed(core, await propose(core, NEW))
        assert done.state is ApprovalState.FAILED
        assert "Is a directory" in done.error
        assert "Errno" not in done.error

    on_hive(tmp_path, body)


def test_what_was_begun_when_the_hive_ended_is_done_at_the_next_start(tmp_path: Path) -> None:
    async def body(core: Core) -> None:
        id = await propose(core, NEW)
        await core.approvals.approve(id, "operator")
        await core.approvals.begin(id)

    async def after(core: Core) -> None:
        assert (await ended(core, 1)).state is ApprovalState.DEPLOYED
        assert (await acked(core, await send(core, "alice", "one")))["model"] == "opus"
        assert (work(core) / "one").exists()

    on_hive(tmp_path, body)
    on_hive(tmp_path, after)
