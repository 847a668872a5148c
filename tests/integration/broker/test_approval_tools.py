"""The manager's tools, over the socket: what they do, and that nobody else has them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hyperhive.broker.core import Core
from hyperhive.broker.tools import MANAGER_TOOLS, TOOLS
from hyperhive.log_events import LogEvent
from hyperhive.wire.commit_calls import with_commit
from hyperhive.wire.jsonrpc import RpcError
from tests.integration.broker.calling import Calling, calling
from tests.integration.broker.managing import in_a_turn, refusal
from tests.integration.broker.plane import broker, mcp
from tests.integration.broker.proposing import (
    ALICE,
    TOML,
    WHO,
    Proposed,
    approval,
    deploying,
    every,
    refs,
    run_git,
)

CALLS: dict[str, dict[str, Any]] = {
    "request_apply_commit": {"agent": "alice", "commit": "0" * 40},
    "request_spawn": {"name": "carol"},
    "list_approvals": {},
    "cancel_approval": {"id": 1},
    "get_logs": {"agent": "alice"},
    "start": {"agent": "alice"},
    "stop": {"agent": "alice"},
    "restart": {"agent": "alice"},
}
"""Every tool of the manager's, and arguments that it takes."""


async def apply(boss: Calling, proposed: Proposed, commit: str, **more: Any) -> dict[str, Any]:
    """Call request_apply_commit through what the bridge does to the line of a call."""
    arguments = {"agent": "alice", "commit": commit, **more}
    params = {"name": "request_apply_commit", "arguments": arguments}
    line = json.dumps({"id": 1, "method": "tools/call", "params": params}).encode() + b"\n"
    directory = str(proposed.directory.parent.parent)
    bridged = json.loads(with_commit(line, directory))["params"]["arguments"]
    answer: dict[str, Any] = await boss.tool("request_apply_commit", **bridged)
    return answer


def test_every_tool_of_the_managers_is_called_here() -> None:
    assert [tool.name for tool in MANAGER_TOOLS] == list(CALLS)


def test_only_the_manager_sees_them(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            broker(tmp_path) as core,
            mcp(core, "boss") as boss,
            mcp(core, "alice") as alice,
        ):
            managers = (await boss.call("tools/list", {}))["tools"]
            agents = (await alice.call("tools/list", {}))["tools"]
            assert [tool["name"] for tool in agents] == [tool.name for tool in TOOLS]
            assert [tool["name"] for tool in managers] == [
                *(tool["name"] for tool in agents),
                *CALLS,
            ]
            for tool in managers[len(agents) :]:
                assert len(tool["description"]) > 30
                schema = tool["inputSchema"]
                assert schema["additionalProperties"] is False
                for argument in schema.get("properties", {}).values():
                    assert len(argument["description"]) > 10
            # What the bridge adds is not the model's to give.
            apply_commit = managers[len(agents)]["inputSchema"]
            assert list(apply_commit["properties"]) == [
                "agent",
                "commit",
                "description",
                "supersede",
            ]
            assert "objects" not in json.dumps(managers)

    asyncio.run(main())


def test_another_agents_call_is_refused_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, calling(core, "alice") as alice:
            for name, arguments in CALLS.items():
                said = await refusal(alice.tool(name, **arguments))
                assert f"there is no tool '{name}'" in said
                assert "request_spawn" not in said.partition("use one of")[2]
            said = await refusal(alice.tool("approve", id=1))
            assert "there is no tool 'approve'" in said
            assert await every(core) == []

    asyncio.run(main())
    logged = [
        (entry["HYPERHIVE_AGENT"], entry["HYPERHIVE_TOOL"])
        for record in caplog.records
        if (entry := getattr(record, "journal", {})).get("MESSAGE_ID") == LogEvent.TOOL_REFUSED
    ]
    assert logged == [("alice", name) for name in CALLS]


def test_nobody_decides_over_a_socket_of_an_agents(tmp_path: Path) -> None:
    async def body(core: Core, boss: Calling, proposed: Proposed) -> None:
        await apply(boss, proposed, proposed.commit())
        for name in ("approve", "approve_commit", "decide", "deny", "allow_rule", "begin"):
            assert "there is no tool" in await refusal(boss.tool(name, id=1))
        for method in ("approve", "approvals.approve", "hyperhive/approve"):
            with pytest.raises(RpcError):
                await boss.tools.call(method, {"id": 1})
            with pytest.raises(RpcError, match="no method"):
                await boss.harness.call(method, {"id": 1})
        assert (await approval(core, 1)).state == "pending"

    in_a_turn(tmp_path, body)


def test_outside_of_a_turn_nothing_is_done(tmp_path: Path) -> None:
    async def body(core: Core, boss: Calling, proposed: Proposed) -> None:
        commit = proposed.commit()
        await boss.finish()
        for asked in (
            apply(boss, proposed, commit),
            boss.tool("request_spawn", name="carol"),
            boss.tool("cancel_approval", id=1),
            boss.tool("start", agent="alice"),
            boss.tool("stop", agent="alice"),
            boss.tool("restart", agent="alice"),
        ):
            assert "no turn of yours is running" in await refusal(asked)
        assert await every(core) == []

    in_a_turn(tmp_path, body)


def test_a_commit_is_proposed_approved_and_told_of(tmp_path: Path) -> None:
    async def body(core: Core, boss: Calling, proposed: Proposed) -> None:
        deploys = deploying(core)
        commit = proposed.commit(TOML + '[bash]\nallow = ["git *"]\n')
        said = await apply(boss, proposed, commit, description="She needs it.")
        assert (said["id"], said["commit"], said["state"]) == (1, commit, "pending")
        assert refs(core) == {"refs/hyperhive/proposal/1": commit}
        # What is to be mended, the manager reads at once.
        assert len(said["warnings"]) == 1
        assert "git *" in said["warnings"][0]
        assert said["warnings"][0] in said["text"]
        assert "supersede=1" in said["text"]
        listed = await boss.tool("list_approvals")
        assert listed["approvals"][0]["description"] == "She needs it."
        assert "1 (pending): apply_commit of alice" in listed["text"]
        better = proposed.commit(TOML)
        again = await apply(boss, proposed, better, supersede=1)
        assert "It takes the place of approval 1." in again["text"]
        assert again["warnings"] == []
        await core.approvals.approve(2, WHO, better)
        assert await deploys.ended(2) == "deployed"
        assert core.hive.agents[ALICE].model == "opus"
        told = [
            (body["event"], body["id"])
            for message in (await boss.tool("recv", max=10))["messages"]
            if "event" in (body := json.loads(message["body"]))
        ]
        assert told == [("approval_resolved", 2), ("deployed", 2)]
        assert (await boss.tool("list_approvals"))["approvals"] == []

    in_a_turn(tmp_path, body)


def test_the_manager_reads_why_it_was_denied(tmp_path: Path) -> None:
    async def body(core: Core, boss: Calling, proposed: Proposed) -> None:
        await apply(boss, proposed, proposed.commit())
        await core.approvals.deny(1, WHO, "Opus is too dear.")
        (message,) = (await boss.tool("recv", wait_seconds=10))["messages"]
        said = json.loads(message["body"])
        assert message["from"] == "system"
        assert (said["event"], said["state"], said["agent"]) == (
            "approval_resolved",
            "denied",
            "alice",
        )
        assert said["reason"] == "Opus is too dear."

    in_a_turn(tmp_path, body)


def test_what_the_bridge_cannot_read_is_refused_in_its_words(tmp_path: Path) -> None:
    async def body(core: Core, boss: Calling, proposed: Proposed) -> None:
        proposed.commit()
        for commit in ("main", "HEAD", "refs/heads/main", "a" * 39, "A" * 40):
            assert "full id" in await refusal(apply(boss, proposed, commit))
        # It is nowhere, and so not in this repository.
        assert "0000" in await refusal(apply(boss, proposed, "0" * 40))
        (proposed.directory / "link").symlink_to("/etc/passwd")
        run_git(proposed.directory, "add", "link")
        linked = proposed.commit()
        assert "'link'" in await refusal(apply(boss, proposed, linked))
        # A call that goes past the bridge has no objects, or those of another commit.
        given = {"agent": "alice", "commit": "0" * 40}
        said = await refusal(boss.tool("request_apply_commit", **given))
        assert "the bridge of the manager's own container" in said
        commit = proposed.commit()
        assert await every(core) == []
        said = await refusal(boss.tool("request_apply_commit", **given, objects={"commit": commit}))
        assert "cannot be read" in said

    in_a_turn(tmp_path, body)


def test_an_agent_is_asked_for_and_withdrawn(tmp_path: Path) -> None:
    async def body(core: Core, boss: Calling, _proposed: Proposed) -> None:
        said = await boss.tool("request_spawn", name="carol", description="Tests things")
        assert refs(core, "carol") == {"refs/hyperhive/proposal/1": said["commit"]}
        assert "1 (pending): spawn of carol" in (await boss.tool("list_approvals"))["text"]
        assert "uid_base" in await refusal(
            boss.tool("request_spawn", name="dave", agent_toml="uid_base = 65536")
        )
        assert "reserved" in await refusal(boss.tool("request_spawn", name="operator"))
        said = await boss.tool("cancel_approval", id=1)
        assert said["state"] == "cancelled"
        assert "approval 1 was cancelled by boss" in await refusal(
            boss.tool("cancel_approval", id=1)
        )
        assert "there is no approval 9" in await refusal(boss.tool("cancel_approval", id=9))

    in_a_turn(tmp_path, body)


def test_a_rule_of_the_operators_is_not_the_managers_to_cancel(tmp_path: Path) -> None:
    async def body(core: Core, boss: Calling, _proposed: Proposed) -> None:
        await core.approvals.allow_rule("alice", "git push *")
        assert "submitted by operator" in await refusal(boss.tool("cancel_approval", id=1))

    in_a_turn(tmp_path, body)
