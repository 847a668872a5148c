"""The tools of the stand-in: Bash and Write, and whatever the MCP servers have."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from hyperhive.testing.scripted_claude.mcp_client import McpError, McpServer
from hyperhive.testing.scripted_claude.permissions import directory_of_cd
from hyperhive.testing.scripted_claude.signals import Signalled, Signals

_NO_OUTPUT: Final = "(Bash completed with no output)"


@dataclass
class Answer:
    """What a tool gave back.

    Attributes:
        text: for the script's placeholder.
        content, raw: `content` of the tool_result block, and `tool_use_result` of its event.
    """

    text: str
    content: object
    raw: object
    failed: bool = False


class Killed(Exception):
    """SIGTERM came while a tool ran, which has been ended; `answer` is what is told of it."""

    def __init__(self, signalled: Signalled, answer: Answer) -> None:
        super().__init__()
        self.signalled = signalled
        self.answer = answer


class Tools(NamedTuple):
    """The tools of one run.

    Attributes:
        available: built-in tools that the flags allow to exist.
        servers: connected MCP servers by name.
    """

    available: Sequence[str]
    servers: Mapping[str, McpServer]
    signals: Signals

    def exists(self, name: str) -> bool:
        """Whether there is such a tool."""
        if not name.startswith("mcp__"):
            return name in ("Bash", "Write") and name in self.available
        server, _, tool = name.removeprefix("mcp__").partition("__")
        return server in self.servers and tool in self.servers[server].tools

    def run(self, name: str, input: Mapping[str, Any], use: str) -> Answer:
        """Call a tool that exists and is allowed.

        Args:
            use: the id of the tool_use block.

        Raises:
            Signalled: by SIGINT.
            Killed: by SIGTERM.
        """
        match name:
            case "Bash":
                return self._bash(str(input.get("command", "")))
            case "Write":
                return _write(str(input.get("file_path", "")), str(input.get("content", "")))
            case _:
                return self._mcp(name, input, use)

    def _mcp(self, name: str, input: Mapping[str, Any], use: str) -> Answer:
        server, _, tool = name.removeprefix("mcp__").partition("__")
        try:
            result = self.servers[server].call(tool, input, use)
        except McpError as error:
            return _failed(str(error))
        except Signalled as signalled:
            if signalled.terminate:
                raise Killed(signalled, _failed("Connection closed")) from None
            raise
        content = result.get("content", [])
        text = "\n".join(block["text"] for block in content if block.get("type") == "text")
        if result.get("isError"):
            return _failed(text)
        if "structuredContent" in result:
            structured = result["structuredContent"]
            text = json.dumps(structured, ensure_ascii=False, separators=(",", ":"))
            return Answer(text, text, {"content": text, "structuredContent": structured})
        return Answer(text, content, content)

    def _bash(self, command: str) -> Answer:
        directory = directory_of_cd(command)
        if directory is not None:
            return _change_directory(directory)
        # In a session of its own, as with the CLI: ending the CLI's process group leaves it alive.
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            bufsize=0,
        )
        assert process.stdout is not None
        printed = bytearray()
        try:
            with self.signals.interruptible():
                while part := process.stdout.read(65536):
                    printed += part
                process.wait()
        except Signalled as signalled:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if signalled.terminate:
                killed = _failed(f"Exit code 137\n{printed.decode(errors='replace')}".strip())
                raise Killed(signalled, killed) from None
            raise
        finally:
            process.stdout.close()
        output = printed.decode(errors="replace").rstrip("\n")
        if process.returncode != 0:
            return _failed(f"Exit code {process.returncode}\n{output}".rstrip("\n"))
        raw = {"stdout": output, "stderr": "", "interrupted": False, "isImage": False}
        return Answer(output, output or _NO_OUTPUT, raw | {"noOutputExpected": False})


def _change_directory(directory: str) -> Answer:
    """The CLI's shell stays where a command has gone, and what is relative follows it."""
    try:
        os.chdir(directory)
    except OSError as error:
        return _failed(f"Exit code 1\ncd: {directory}: {error.strerror}")
    raw = {"stdout": "", "stderr": "", "interrupted": False, "isImage": False}
    return Answer("", _NO_OUTPUT, raw | {"noOutputExpected": True})


def _write(name: str, text: str) -> Answer:
    path = Path(name)
    try:
        before = path.read_text() if path.exists() else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        return _failed(f"{name}: {error.strerror}")
    kind = "create" if before is None else "update"
    told = (
        f"File created successfully at: {name}"
        if before is None
        else f"The file {name} has been updated successfully."
    )
    raw = {"type": kind, "filePath": name, "content": text, "structuredPatch": []}
    return Answer(told, told, raw | {"originalFile": before, "userModified": False})


def _failed(text: str) -> Answer:
    return Answer(text, text, f"Error: {text}", failed=True)
