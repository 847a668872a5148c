"""The stand-in's process: flags and stdin in, events out, exit codes as the CLI's."""

import json
import os
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

if not __package__:  # started by path: see `launcher`
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from hyperhive.testing.scripted_claude import flags, script, session
from hyperhive.testing.scripted_claude.events import Event, Events
from hyperhive.testing.scripted_claude.mcp_client import McpError, McpServer
from hyperhive.testing.scripted_claude.permissions import Rules
from hyperhive.testing.scripted_claude.results import no_conversation, result
from hyperhive.testing.scripted_claude.signals import Signalled, Signals
from hyperhive.testing.scripted_claude.tools import Tools
from hyperhive.testing.scripted_claude.turn import Crash, Turn
from hyperhive.testing.scripted_claude.wake import parse_wake

MODELS: Final = {
    "default": "claude-opus-5-5",
    "fable": "claude-fable-5-2",
    "haiku": "claude-haiku-5-5",
    "opus": "claude-opus-5-5",
    "sonnet": "claude-sonnet-5-5",
}
"""The CLI's aliases; another name is taken as it is."""

NO_PROMPT: Final = (
    "Error: Input must be provided either through stdin or as a prompt argument when using --print"
)


def main(argv: list[str], environment: Mapping[str, str]) -> int:
    """Run one turn, and return the exit code."""
    signals = Signals()
    signals.install()
    try:
        line = flags.parse(argv)
        if line.given("--version"):
            _print(f"{flags.VERSION} (Claude Code)\n")
            return 0
        if line.given("--help"):
            _print(f"{flags.HELP}\n")
            return 0
        return _run(line, environment, signals)
    except (flags.UsageError, session.SessionError, script.ScriptError) as error:
        print(error, file=sys.stderr)
        return 1
    except Crash as crash:
        return crash.code
    except Signalled as signalled:
        return 128 + signalled.number
    except BrokenPipeError:
        return 1  # nobody reads the events any more


def _run(line: flags.CommandLine, environment: Mapping[str, str], signals: Signals) -> int:
    _check(line)
    rules = _rules(line)
    configured = _mcp_servers(line)
    with signals.interruptible():
        prompt = sys.stdin.buffer.read().decode("utf-8", "replace")
    if not prompt.strip():
        raise flags.UsageError(NO_PROMPT)
    scene = _scene(prompt, environment)
    home = environment.get("CLAUDE_CONFIG_DIR") or str(Path.home() / ".claude")
    model = line.value("--model") or "default"
    identifier = line.value("--resume") or line.value("--session-id") or str(uuid.uuid4())
    events = Events(identifier, MODELS.get(model, model), time.time)
    projects = Path(home, "projects")
    try:
        current = (
            session.resume(projects, identifier)
            if line.given("--resume")
            else session.begin(projects, identifier)
        )
    except session.UnknownSession as error:
        _tell(no_conversation(events, str(error)))
        raise
    servers: dict[str, McpServer] = {}
    try:
        for name, config in configured.items():
            try:
                servers[name] = McpServer(name, config, signals.interruptible)
            except McpError:
                continue  # init tells that it failed; the turn goes on without it
        connected = _connect(servers, environment)
        tools = sorted(line.rules("--tools"))
        mcp_tools = [
            f"mcp__{name}__{tool}" for name in sorted(connected) for tool in servers[name].tools
        ]
        _tell(
            events.init(
                os.getcwd(),  # noqa: PTH109 - a string is wanted
                [*tools, *mcp_tools],
                {name: name in connected for name in configured},
                line.value("--permission-mode") or "default",
                "ANTHROPIC_API_KEY" if environment.get("ANTHROPIC_API_KEY") else "none",
            )
        )
        current.record({"type": "user", "message": {"role": "user", "content": prompt}})

        def tell(event: Event) -> None:
            _tell(event)
            current.record(event)

        turn = Turn(events, tell, Tools(tools, connected, signals), rules, signals)
        begun = time.monotonic()
        ending = turn.run(scene)
        turn.figures.duration_ms = round((time.monotonic() - begun) * 1000)
        current.totals.add(turn.figures.run)
        turn.figures.session = current.totals
        _tell(result(events, ending, turn.figures))
        return 1 if ending.api is not None else 0
    finally:
        current.close()
        for server in servers.values():
            server.close()


def _check(line: flags.CommandLine) -> None:
    """Refuse what the CLI refuses before it reads its input."""
    if not line.given("--print") or line.value("--output-format") != "stream-json":
        raise flags.UsageError("error: only --print --output-format stream-json is scripted")
    if not line.given("--verbose"):
        raise flags.UsageError(
            "Error: When using --print, --output-format=stream-json requires --verbose"
        )
    if line.given("--session-id") and line.given("--resume"):
        raise flags.UsageError(
            "Error: --session-id with --continue or --resume also needs --fork-session."
        )
    for name in ("--system-prompt-file", "--append-system-prompt-file"):
        path = line.value(name)
        if path is not None and not Path(path).is_file():
            raise flags.UsageError(f"Error: System prompt file not found: {path}")


def _rules(line: flags.CommandLine) -> Rules:
    permissions: dict[str, Any] = {}
    settings = line.value("--settings")
    if settings is not None:
        path = Path(settings)
        if not path.is_file():
            raise flags.UsageError(f"Error: Settings file not found: {settings}")
        try:
            permissions = json.loads(path.read_bytes()).get("permissions", {})
        except (ValueError, AttributeError):
            permissions = {}  # the CLI, too, goes on silently without its settings
    return Rules(
        allow=[*line.rules("--allowedTools"), *permissions.get("allow", [])],
        deny=[*line.rules("--disallowedTools"), *permissions.get("deny", [])],
    )


def _mcp_servers(line: flags.CommandLine) -> dict[str, Mapping[str, Any]]:
    servers: dict[str, Mapping[str, Any]] = {}
    for config in line.values.get("--mcp-config", []):
        path = Path(config)
        if not path.is_file():
            raise flags.UsageError(
                f"Error: Invalid MCP configuration:\nMCP config file not found: {config}"
            )
        try:
            servers |= json.loads(path.read_bytes())["mcpServers"]
        except (ValueError, KeyError, TypeError) as error:
            raise flags.UsageError(f"Error: Invalid MCP configuration:\n{error}") from None
    return servers


def _connect(
    servers: Mapping[str, McpServer], environment: Mapping[str, str]
) -> dict[str, McpServer]:
    """The servers that answer within $MCP_TIMEOUT milliseconds."""
    deadline = time.monotonic() + int(environment.get("MCP_TIMEOUT") or 30_000) / 1000
    connected = {}
    for name, server in servers.items():
        try:
            server.connect(deadline)
        except McpError:
            continue
        connected[name] = server
    return connected


def _scene(prompt: str, environment: Mapping[str, str]) -> script.Scene:
    """What the script says to do about the prompt."""
    rules = script.load(Path(environment.get("SCRIPTED_CLAUDE_SCRIPT") or script.BUILT_IN))
    wake = parse_wake(prompt)
    if wake is None:
        return script.Scene([script.Say("The script is about messages, and this is none.")])
    agent, _, _ = environment.get("HYPERHIVE_TURN", "").partition(":")
    return script.choose(rules, agent, wake)


def _tell(event: Event) -> None:
    _print(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")


def _print(text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
