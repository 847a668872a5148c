"""Calls of tools that wait: side by side, told of, given up; with claude's own timeouts."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from hyperhive.broker.mcp_session import serve_tools
from hyperhive.broker.tools import TOOLS, ToolAnswer
from hyperhive.harness.claude import Claude
from hyperhive.harness.command import bridge_command
from hyperhive.harness.invocation import Invocation, Place, plan
from hyperhive.wire.harness import TurnRun
from hyperhive.wire.jsonrpc import MAX_LINE
from hyperhive.wire.settings import HarnessSettings
from hyperhive.wire.sockets import address
from tests.integration.broker.plane import DEADLINE, McpClient, broker, harness, mcp, mcp_session
from tests.integration.broker.test_turns import send
from tests.scripted_api import ScriptedApi, Step, ToolUse

OFTEN = 0.01
"""Seconds between two notifications."""


@dataclass
class Waiting:
    """A tool that waits for a test, and takes its time to clean up."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    cleaned: asyncio.Event = field(default_factory=asyncio.Event)
    served: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, name: str, arguments: dict[str, Any]) -> ToolAnswer:
        match name:
            case "wait":
                self.begun.set()
                try:
                    await self.release.wait()
                finally:
                    for _ in range(10):  # as a write to the store would
                        await asyncio.sleep(0)
                    self.cleaned.set()
            case "recv":
                await asyncio.sleep(arguments.get("wait_seconds", 0))
            case "bug":
                raise ZeroDivisionError
        return ToolAnswer(f"{name} is done", {"name": name})


def declared() -> list[dict[str, Any]]:
    """Return what tools/list says: claude calls no other."""
    return [tool.declaration for tool in TOOLS]


@asynccontextmanager
async def serving(path: Path, tools: Waiting, progress_seconds: float) -> AsyncIterator[None]:
    """A server of tools on a socket."""
    async with asyncio.TaskGroup() as group:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve_tools(tools.run, declared, reader, writer, progress_seconds)
            finally:
                tools.served.set()
                writer.close()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.append(group.create_task(serve(reader, writer)))

        connections: list[asyncio.Task[None]] = []
        with address(path) as where:
            server = await asyncio.start_unix_server(accept, where, limit=MAX_LINE)
        try:
            yield
        finally:
            server.close()
            for connection in connections:
                connection.cancel()


def calling(client: McpClient, name: str, token: str | None = None) -> "tuple[int, Answer]":
    meta = {"_meta": {"progressToken": token}} if token else {}
    return client.begin("tools/call", {"name": name, "arguments": {}, **meta})


Answer = asyncio.Future[Any]


async def soon(what: str, event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(DEADLINE):
            await event.wait()
    except TimeoutError:
        raise AssertionError(f"waited {DEADLINE:g} s for {what}") from None


async def answered(answer: Answer) -> Any:
    async with asyncio.timeout(DEADLINE):
        return (await answer)["structuredContent"]


def test_a_client_that_gave_a_token_is_told_that_its_call_runs(tmp_path: Path) -> None:
    async def main() -> None:
        tools = Waiting()
        async with (
            serving(tmp_path / "mcp.sock", tools, OFTEN),
            mcp_session(tmp_path / "mcp.sock") as client,
        ):
            _, silent = calling(client, "wait")
            _, told = calling(client, "wait", "some token")
            async with asyncio.timeout(DEADLINE):
                notes = [await client.told.get() for _ in range(3)]
            assert {note.method for note in notes} == {"notifications/progress"}
            assert {note.params["progressToken"] for note in notes} == {"some token"}
            assert notes[0].params["message"] == "wait is still running after 0.01 s"
            progress = [note.params["progress"] for note in notes]
            assert progress == sorted(set(progress))
            tools.release.set()
            assert await answered(silent) == await answered(told) == {"name": "wait"}

    asyncio.run(main())


def test_a_short_call_is_not_told_of(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            serving(tmp_path / "mcp.sock", Waiting(), DEADLINE),
            mcp_session(tmp_path / "mcp.sock") as client,
        ):
            assert await answered(calling(client, "recv", "token")[1]) is not None
            assert client.told.empty()

    asyncio.run(main())


def test_a_call_that_is_given_up_is_cancelled_and_cleans_up(tmp_path: Path) -> None:
    async def main() -> None:
        tools = Waiting()
        async with (
            serving(tmp_path / "mcp.sock", tools, OFTEN),
            mcp_session(tmp_path / "mcp.sock") as client,
        ):
            id, _ = calling(client, "wait", "token")
            await soon("the call to begin", tools.begun)
            client.notify("notifications/cancelled", {"requestId": id, "reason": "timed out"})
            await soon("the call to clean up", tools.cleaned)
            assert await client.call("ping", {}) == {}

    asyncio.run(main())


def test_a_call_whose_client_disconnects_is_cancelled_and_cleans_up(tmp_path: Path) -> None:
    async def main() -> None:
        tools = Waiting()
        async with serving(tmp_path / "mcp.sock", tools, OFTEN):
            async with mcp_session(tmp_path / "mcp.sock") as client:
                calling(client, "wait", "token")
                await soon("the call to begin", tools.begun)
            await soon("the call to clean up", tools.cleaned)
            await soon("the session to end", tools.served)

    asyncio.run(main())


def test_a_bug_in_a_tool_is_logged_and_the_session_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with (
            serving(tmp_path / "mcp.sock", Waiting(), OFTEN),
            mcp_session(tmp_path / "mcp.sock") as client,
        ):
            answer = await client.call("tools/call", {"name": "bug", "arguments": {}})
            assert answer["isError"]
            assert answer["structuredContent"]["error"] == "bug failed inside the hive"
            assert await client.call("ping", {}) == {}

    asyncio.run(main())
    (logged,) = (r for r in caplog.records if r.levelno == logging.ERROR)
    assert logged.getMessage() == "the tool bug failed"
    assert logged.exc_info is not None


def test_a_recv_that_waits_does_not_hold_up_a_send(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            broker(tmp_path) as core,
            harness(core, "alice") as alice,
            mcp(core, "alice") as tools,
        ):
            await send(core, "alice", "go")
            await alice.turn()
            arguments = {"name": "recv", "arguments": {"wait_seconds": 180}}
            _, received = tools.begin("tools/call", arguments)
            assert (await tools.tool("send", to="operator", body="hi"))["id"] == 2
            assert not received.done()
            await send(core, "alice", "more")
            (message,) = (await answered(received))["messages"]
            assert message["body"] == "more"

    asyncio.run(main())


async def run_claude(
    directory: Path, claude: Path, tools: Waiting, call: ToolUse, **timeouts: int
) -> str:
    """The result of a call by claude, as a harness runs it; `timeouts` are variables (ms).

    Without MCP_TOOL_TIMEOUT among them, claude is given none for the server either.
    """
    for name in ("state", "config", "tmp"):
        (directory / name).mkdir()
    settings = HarnessSettings(
        name="alice",
        hive="lab",
        sockets=str(directory),
        state=str(directory / "state"),
        config=str(directory / "config"),
        allow=["mcp__hyperhive"],
        environment={name: str(value) for name, value in timeouts.items()},
    )
    run = TurnRun(1, "wake", "claude-sonnet-5-5", "5b6b2f0e-0000-4000-8000-000000000001", False)
    place = Place(str(directory), str(directory / "tmp"), str(directory / "state"))
    with ScriptedApi([Step(tools=[call]), Step(text="Done.")]) as api:
        invocation = plan(
            settings,
            run,
            Claude(str(claude), "", prompt_snapshot=False),
            place,
            caller={"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "dummy"},
            credentials={},
            bridge=bridge_command(str(directory)),
        )
        if "MCP_TOOL_TIMEOUT" not in timeouts:
            invocation = _without_timeout(invocation)
        _write(invocation.files)
        async with serving(directory / "mcp.sock", tools, progress_seconds=0.5):
            await _execute(invocation)
        (result,) = api.calls[-1].results
        return result


def _without_timeout(invocation: Invocation) -> Invocation:
    files = dict(invocation.files)
    (path,) = (path for path in files if path.endswith("mcp.json"))
    servers = json.loads(files[path])
    del servers["mcpServers"]["hyperhive"]["timeout"]
    return replace(invocation, files={**files, path: json.dumps(servers).encode()})


def _write(files: dict[str, bytes]) -> None:
    for path, content in files.items():
        Path(path).write_bytes(content)


async def _execute(invocation: Invocation) -> None:
    process = await asyncio.create_subprocess_exec(
        *invocation.argv,
        cwd=invocation.work,
        env=invocation.environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(90):
            output, _ = await process.communicate(invocation.prompt)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()


@pytest.mark.claude
def test_a_call_of_claudes_outlasts_the_timeout_for_other_servers(
    tmp_path: Path, claude_cli: Path
) -> None:
    call = ToolUse("mcp__hyperhive__recv", {"wait_seconds": 3})
    result = asyncio.run(run_claude(tmp_path, claude_cli, Waiting(), call, MCP_TOOL_TIMEOUT=1000))
    assert json.loads(result) == {"name": "recv"}


@pytest.mark.claude
@pytest.mark.slow
def test_progress_keeps_claude_from_giving_a_silent_call_up(
    tmp_path: Path, claude_cli: Path
) -> None:
    """claude looks every 30 s, so that the call lasts longer than that."""
    call = ToolUse("mcp__hyperhive__recv", {"wait_seconds": 35})
    result = asyncio.run(
        run_claude(tmp_path, claude_cli, Waiting(), call, CLAUDE_CODE_MCP_TOOL_IDLE_TIMEOUT=5000)
    )
    assert json.loads(result) == {"name": "recv"}
