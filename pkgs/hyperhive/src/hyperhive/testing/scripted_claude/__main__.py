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
from hyperhive.testing.scripted_claude.compaction import Compaction, is_compaction
from hyperhive.testing.scripted_claude.events import Event, Events
from hyperhive.testing.scripted_claude.mcp_client import McpError, McpServer
from hyperhive.testing.scripted_claude.permissions import Rules
from hyperhive.testing.scripted_claude.results import no_conversation, result
from hyperhive.testing.scripted_claude.signals import Signalled, Signals
from hyperhive.testing.scripted_claude.stage import Crash, Stage
from hyperhive.testing.scripted_claude.steps import Say, ScriptError
from hyperhive.testing.scripted_claude.taken import Taken
from hyperhive.testing.scripted_claude.tools import Tools
from hyperhive.testing.scripted_claude.turn import Turn
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
    except (flags.UsageError, session.SessionError, ScriptError) as error:
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
    rules_of_script = script.load(_script(environment))
    home = Path(environment.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")
    model = line.value("--model") or "default"
    identifier = line.value("--resume") or line.value("--session-id") or str(uuid.uuid4())
    events = Events(identifier, MODELS.get(model, model), time.time)
    try:
        current = _session(line, home / "projects", identifier)
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
        init = events.init(
            os.getcwd(),  # noqa: PTH109 - a string is wanted
            [*tools, *mcp_tools],
            {name: name in connected for name in configured},
            line.value("--permission-mode") or "default",
            "ANTHROPIC_API_KEY" if environment.get("ANTHROPIC_API_KEY") else "none",
        )

        def tell(event: Event) -> None:
            _tell(event)
            current.record(event)

        agent, _, _ = environment.get("HYPERHIVE_TURN", "").partition(":")
        wake = parse_wake(prompt)
        proposed = next(iter(line.values.get("--add-dir", [])), "")
        names = (model, events.model)
        asked = script.Asked(agent, prompt, wake, names, current.compacted, proposed)
        scene = _scene(rules_of_script, asked, Taken(home))
        stage = Stage(events, tell, signals, environment)
        acting: Turn | Compaction
        if is_compaction(prompt):
            acting = Compaction(stage, current, init, prompt)
        else:
            tell(init)
            current.record({"type": "user", "message": {"role": "user", "content": prompt}})
            acting = Turn(stage, Tools(tools, connected, signals), rules, current.state)
        begun = time.monotonic()
        ending = acting.run(scene)
        acting.figures.duration_ms = round((time.monotonic() - begun) * 1000)
        current.state.totals.add(acting.figures.run)
        _tell(result(events, ending, acting.figures, current.state))
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


def _session(line: flags.CommandLine, projects: Path, identifier: str) -> session.Session:
    if line.given("--resume"):
        return session.resume(projects, identifier)
    if line.given("--no-session-persistence"):
        return session.begin_unkept(projects, identifier)
    return session.begin(projects, identifier)


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
        directories=[os.getcwd(), *line.values.get("--add-dir", [])],  # noqa: PTH109 - as above
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


def _script(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("SCRIPTED_CLAUDE_SCRIPT") or script.BUILT_IN)


def _scene(rules: list[script.Rule], asked: script.Asked, taken: Taken) -> script.Scene:
    """What the script says to do about the prompt."""
    scene = script.choose(rules, asked, taken.counts)
    if scene is None:
        # An answer of no words: where the prompt asks for a text to be kept, nothing is lost.
        return script.Scene([] if is_compaction(asked.prompt) else [Say("")])
    if scene.mark:
        taken.add(scene.mark)
    return scene


def _tell(event: Event) -> None:
    _print(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")


def _print(text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
