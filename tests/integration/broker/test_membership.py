"""The hive of a running broker changes: agents come and go, and get other settings."""

import asyncio
import os
import shutil
import time
from pathlib import Path

import pytest

from hyperhive.broker.core import Core
from hyperhive.broker.daemon import running_broker
from hyperhive.broker.peers import AllowedUids
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.store import messages
from hyperhive.store.approval_states import ApprovalKind
from hyperhive.store.messages import NewMessage
from hyperhive.store.transaction import Transaction
from tests.integration.broker.approving import approved, spawning
from tests.integration.broker.plane import (
    DEADLINE,
    HIVE,
    ToolError,
    agent_row,
    broker,
    connected,
    harness,
    in_state,
    mcp,
    until,
)

CARL = AgentName("carl")


async def send(core: Core, to: str, body: str = "Hello.") -> None:
    await core.store.write(messages.send, NewMessage("operator", to, body), now=core.clock())


def sockets_of(core: Core, name: str) -> list[str]:
    directory = core.paths.agent(AgentName(name)).sockets
    return sorted(path.name for path in directory.glob("*.sock"))


def test_a_spawned_agent_is_a_member_once_it_is_being_built(tmp_path: Path) -> None:
    async def body() -> None:
        async with broker(tmp_path) as core:
            files = {"agent.toml": 'model = "opus"\n'}
            id = await approved(core, "carl", files, ApprovalKind.SPAWN, "Tests things")
            assert CARL not in core.hive.agents, "approved, and nothing begun"
            assert sockets_of(core, "carl") == []
            await core.approvals.begin(id)
            assert core.hive.agents[CARL].description == "Tests things"
            async with harness(core, "carl") as carl:
                await in_state(core, "carl", "idle")
                await send(core, "carl")
                turn = await carl.turn()
                assert (turn.turn, turn.model) == (1, "opus")
                assert "- `boss` (the manager)\n" in turn.roster
                await carl.finish(turn.turn)
            async with harness(core, "bob") as bob:
                await send(core, "bob")
                assert "- `carl`: Tests things\n" in (await bob.turn()).roster

    asyncio.run(body())


def test_a_spawn_that_is_begun_again_is_listened_for_again(tmp_path: Path) -> None:
    async def body() -> None:
        async with broker(tmp_path) as core:
            id = await spawning(core, "carl")
            before = sockets_of(core, "carl")
            # As root does that was cut short: it puts back what there was, which is nothing.
            shutil.rmtree(core.paths.agent(CARL).sockets)
            await core.approvals.begin(id)
            assert sockets_of(core, "carl") == before != []
            async with harness(core, "carl"):
                await in_state(core, "carl", "idle")

    asyncio.run(body())


def test_agents_may_write_to_it_and_it_to_them(tmp_path: Path) -> None:
    async def body() -> None:
        async with (
            broker(tmp_path) as core,
            harness(core, "bob") as bob,
            mcp(core, "bob") as tools,
        ):
            await send(core, "bob")
            turn = await bob.turn()
            with pytest.raises(ToolError, match="carl"):
                await tools.tool("send", to="carl", body="Hi.")
            await spawning(core, "carl")
            await tools.tool("send", to="carl", body="Hi.")
            listed = await tools.tool("list_agents")
            assert "carl" in {agent["name"] for agent in listed["agents"]}
            async with harness(core, "carl") as carl:
                assert "Hi." in (await carl.turn()).prompt
            await bob.finish(turn.turn)

    asyncio.run(body())


def test_one_that_could_not_be_made_is_gone_again(tmp_path: Path) -> None:
    async def body() -> None:
        async with broker(tmp_path) as core:
            id = await spawning(core, "carl")
            async with harness(core, "carl") as carl, harness(core, "bob") as bob:
                await send(core, "carl")
                await carl.turn()
                await core.approvals.finish(id, error="no hello")
                await carl.closed()
                assert CARL not in core.hive.agents
                assert sockets_of(core, "carl") == []
                row = await agent_row(core, "carl")
                assert (row["declared"], row["turn"]) == (0, None), "its turn is lost"
                with pytest.raises(OSError):
                    async with connected(core, "carl"):
                        pass
                await send(core, "bob")
                assert "carl" not in (await bob.turn()).roster
                said = core.store.read(lambda db: list(db.query("SELECT body FROM messages")))
                assert not any("crash" in each["body"] for each in await said)
            again = await spawning(core, "carl")
            assert again != id
            async with harness(core, "carl") as carl:
                assert "Hello." in (await carl.turn()).prompt, "its mail has waited"

    asyncio.run(body())


def test_a_deployed_agent_is_there_after_a_restart_of_the_broker(tmp_path: Path) -> None:
    async def body() -> None:
        async with broker(tmp_path) as core:
            await core.approvals.finish(await spawning(core, "carl", "Tests"))
        async with broker(tmp_path) as core:
            assert core.hive.agents[CARL].description == "Tests"
            async with harness(core, "carl"):
                await in_state(core, "carl", "idle")
                assert (await agent_row(core, "carl"))["model"] == "opus"

    asyncio.run(body())


def test_a_deployed_change_switches_the_model_and_says_by_what(tmp_path: Path) -> None:
    async def body() -> None:
        async with broker(tmp_path) as core:
            id = await approved(core, "alice", {"agent.toml": 'model = "opus"\n'})
            await core.approvals.begin(id)
            assert (await agent_row(core, "alice"))["model"] == "haiku", "not before it is done"
            await core.approvals.finish(id)
            row = await agent_row(core, "alice")
            assert (row["model"], row["model_layer"]) == ("opus", "approved")
            assert row["model_switched_by"] == f"approval {id}"
            assert core.hive.agents[AgentName("alice")].model == "opus"
            async with harness(core, "alice") as alice:
                await send(core, "alice")
                assert (await alice.turn()).model == "opus"

    asyncio.run(body())


def test_a_failed_change_leaves_the_agent_as_it_was(tmp_path: Path) -> None:
    async def body() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            before = core.members
            id = await approved(core, "alice", {"agent.toml": 'model = "opus"\n'})
            await core.approvals.begin(id)
            await core.approvals.finish(id, error="it does not build")
            assert core.hive == before.hive
            await send(core, "alice")
            assert (await alice.turn()).model == "haiku", "its harness is connected all the time"

    asyncio.run(body())


def test_what_does_not_fit_the_declaration_any_more_is_left_out(tmp_path: Path) -> None:
    def spoil(tx: Transaction, *, now: float) -> None:
        tx.connection.execute(
            "UPDATE agents SET approved = ?, since = ? WHERE name = 'alice'",
            ('{"agent.toml": "network = \\"host\\""}', now),
        )

    async def body() -> None:
        async with broker(tmp_path) as core:
            await core.store.write(spoil, now=core.clock())
        async with broker(tmp_path) as core:
            assert core.hive.agents == HIVE.agents
            assert "network" in core.members.problems[AgentName("alice")].what

    asyncio.run(body())


def test_an_agent_whose_deploy_is_about_to_end_is_given_no_turn(tmp_path: Path) -> None:
    async def body() -> None:
        async with broker(tmp_path) as core, harness(core, "alice") as alice:
            with core.harnesses.held("alice"):
                await send(core, "alice")
                async with harness(core, "bob") as bob:
                    await send(core, "bob")
                    await bob.turn()
                assert alice.turns.empty()
            await send(core, "alice", "Once more.")
            assert "Hello." in (await alice.turn()).prompt

    asyncio.run(body())


def test_the_sockets_of_a_new_agent_wait_for_their_directory(tmp_path: Path) -> None:
    own = AllowedUids(frozenset({os.getuid(), 7}), frozenset({os.getuid()}))

    async def body() -> None:
        paths = StatePaths.local(tmp_path)
        async with running_broker(HIVE, paths, lambda *_: own, time.time) as core:
            await spawning(core, "carl")
            directory = core.paths.agent(CARL).sockets
            assert not directory.exists(), "root makes it"
            directory.mkdir(parents=True)
            async with asyncio.timeout(DEADLINE):
                while sockets_of(core, "carl") != ["harness.sock", "mcp.sock"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)  # nothing tells of it
            async with harness(core, "carl"):
                await in_state(core, "carl", "idle")

    asyncio.run(body())


def test_the_settings_of_a_connected_harness_are_known(tmp_path: Path) -> None:
    async def body() -> None:
        async with broker(tmp_path) as core:
            async with harness(core, "alice", settings="d1"):
                assert (await agent_row(core, "alice"))["harness_settings"] == "d1"

            async def gone() -> bool:
                return (await agent_row(core, "alice"))["harness_settings"] is None

            await until(core, "no settings without a harness", gone)

    asyncio.run(body())
