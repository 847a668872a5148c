"""The agents' sockets: identity, framing, and what a bad peer gets."""

import asyncio
import os
import socket
import tempfile
from pathlib import Path

import pytest

from hyperhive.broker import harness_session
from hyperhive.hive.names import AgentName
from hyperhive.wire.jsonrpc import MAX_LINE, ErrorCode, RpcError
from tests.integration.broker.plane import agent_row, broker, connected, harness, in_state
from tests.tools import need


def test_a_harness_that_says_hello_makes_its_agent_idle(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            assert (await agent_row(core, "alice"))["state"] == "offline"
            async with harness(core, "alice"):
                row = await agent_row(core, "alice")
                assert (row["state"], row["claude"]) == ("idle", "2.1.330")
            await in_state(core, "alice", "offline")

    asyncio.run(main())


def test_a_harness_that_claims_another_name_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, connected(core, "alice") as liar:
            with pytest.raises(RpcError) as caught:
                await liar.hello("bob")
            assert caught.value.code == ErrorCode.NOT_THIS_AGENT
            assert (await agent_row(core, "bob"))["state"] == "offline"
            assert (await agent_row(core, "alice"))["state"] == "offline"
            await liar.hello("alice")

    asyncio.run(main())
    assert "alice: its harness claims to be 'bob'; refused" in caplog.text


def test_a_second_harness_is_refused_while_the_first_is_connected(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            async with harness(core, "alice"), connected(core, "alice") as second:
                with pytest.raises(RpcError) as caught:
                    await second.hello("alice")
                assert caught.value.code == ErrorCode.ALREADY_CONNECTED
            await in_state(core, "alice", "offline")
            async with harness(core, "alice"):
                pass

    asyncio.run(main())


def test_nothing_is_taken_before_hello_and_no_other_protocol(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core, connected(core, "alice") as it:
            with pytest.raises(RpcError) as caught:
                await it.call("turn.finished", {})
            assert caught.value.code == ErrorCode.HELLO_FIRST
            with pytest.raises(RpcError) as caught:
                await it.hello("alice", protocol=99)
            assert caught.value.code == ErrorCode.UNSUPPORTED_PROTOCOL
            await it.hello("alice")
            with pytest.raises(RpcError) as caught:
                await it.hello("alice")
            assert caught.value.code == ErrorCode.INVALID_REQUEST
            with pytest.raises(RpcError) as caught:
                await it.call("turn.approve", {})
            assert caught.value.code == ErrorCode.METHOD_NOT_FOUND
            with pytest.raises(RpcError) as caught:
                await it.call("turn.events", {"turn": "one"})
            assert caught.value.code == ErrorCode.INVALID_PARAMS
            with pytest.raises(RpcError) as caught:
                await it.call("turn.events", {"turn": 99, "events": []})
            assert caught.value.code == ErrorCode.UNKNOWN_TURN

    asyncio.run(main())


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"this is not JSON\n", "not JSON"),
        (b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * MAX_LINE + b'"}\n', "line too long"),
        (b'{"jsonrpc":"2.0","id":1', "ended in the middle of a line"),
    ],
    ids=["not JSON", "over the limit", "cut off"],
)
def test_a_broken_line_ends_its_connection_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sent: bytes, said: str
) -> None:
    async def main() -> None:
        async with broker(tmp_path) as core:
            async with harness(core, "bob"):
                path = core.paths.agent(AgentName("alice")).harness_socket
                reader, writer = await asyncio.open_unix_connection(str(path))
                writer.write(sent)
                writer.write_eof()
                async with asyncio.timeout(10):
                    answer = await reader.read()
                if not said.startswith("ended"):
                    assert said.encode() in answer
                writer.close()
                assert (await agent_row(core, "bob"))["state"] == "idle"
            async with harness(core, "alice"):
                pass

    asyncio.run(main())
    assert said in caplog.text


def test_a_connection_that_says_nothing_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(harness_session, "HELLO_SECONDS", 0.05)

    async def main() -> None:
        async with broker(tmp_path) as core, connected(core, "alice") as silent:
            await silent.closed()

    asyncio.run(main())
    assert "harness said no hello" in caplog.text


def test_the_kernel_says_who_connects(caplog: pytest.LogCaptureFixture) -> None:
    uid = 65534
    knock = "import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(1)"
    need("another user to connect as", os.getuid() == 0, "run the tests as root")

    async def main(state: Path) -> None:
        async with broker(state) as core:
            paths = core.paths.agent(AgentName("alice"))
            for directory in (state, core.paths.run, paths.sockets.parent, paths.sockets):
                directory.chmod(0o755)
            for path in (paths.harness_socket, paths.mcp_socket):
                path.chmod(0o666)  # as in a container, where the peer's uid alone decides
                process = await asyncio.create_subprocess_exec(
                    "/usr/bin/python3", "-I", "-c", knock, str(path), user=uid
                )
                async with asyncio.timeout(10):
                    assert await process.wait() == 0

    # Not below pytest's directory, which is closed to other users.
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(main(Path(directory)))
    for name in ("harness.sock", "mcp.sock"):
        assert f"alice: {name} refused pid" in caplog.text
    assert f"of uid {uid}" in caplog.text


def test_sockets_are_gone_when_the_broker_has_ended(tmp_path: Path) -> None:
    async def main() -> Path:
        async with broker(tmp_path) as core:
            path = core.paths.agent(AgentName("alice")).harness_socket
            assert path.is_socket()
            return path

    path = asyncio.run(main())
    assert not path.exists()
    leftover = socket.socket(socket.AF_UNIX)
    leftover.bind(str(path))
    leftover.close()  # what a killed broker leaves is no obstacle
    assert asyncio.run(main()) == path


def test_a_long_state_path_is_no_obstacle(tmp_path: Path) -> None:
    async def main() -> None:
        deep = tmp_path / ("d" * 60) / ("e" * 60)
        async with broker(deep) as core, harness(core, "alice"):
            assert (await agent_row(core, "alice"))["state"] == "idle"

    asyncio.run(main())
