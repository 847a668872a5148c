"""A harness that runs the real claude CLI, with a broker, an MCP server and an API around it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hyperhive.wire.harness import Outcome, TurnEvent, TurnEventKind
from tests.integration.harness.fake_broker import FakeBroker
from tests.integration.harness.fake_mcp import PROPOSING_TOOL, FakeMcp
from tests.integration.harness.running import running_harness, settings_for
from tests.scripted_api import Step, ToolUse

SECONDS: Final = 60


class Hive:
    """The parts; made by `hive`."""

    def __init__(self, directory: Path, broker: FakeBroker, mcp: FakeMcp) -> None:
        self.work = directory / "state" / "work"
        self.directory = directory
        self.broker = broker
        self.mcp = mcp

    def turn(self, turn: int = 1, prompt: str = "wake", **members: Any) -> Outcome:
        """Run a turn to its end."""
        self.broker.run_turn(turn, prompt, **members)
        return self.broker.outcome(turn, SECONDS)

    @property
    def version(self) -> tuple[int, ...]:
        """claude's version."""
        return tuple(map(int, self.broker.hello()["claude"]["version"].split(".")))

    def told(self, turn: int, kind: TurnEventKind) -> list[TurnEvent]:
        """The events of one kind in a turn."""
        return [event for event in self.broker.events(turn) if event.kind is kind]

    def results(self, turn: int = 1) -> list[tuple[str, bool]]:
        """What the tools of a turn said, and whether that is an error."""
        return [
            (event.data["content"], event.data["error"])
            for event in self.told(turn, TurnEventKind.TOOL_RESULT)
        ]


@contextmanager
def hive(
    directory: Path, claude: Path, url: str, key: str | None = "dummy", **members: Any
) -> Iterator[Hive]:
    """A hive whose settings have these members."""
    settings = settings_for(directory, claude=str(claude), **members)
    sockets = Path(settings.sockets)
    for stale in sockets.iterdir():
        stale.unlink()
    caller = {"ANTHROPIC_BASE_URL": url} | ({"ANTHROPIC_API_KEY": key} if key else {})
    with (
        FakeBroker(sockets) as broker,
        FakeMcp(sockets, *([PROPOSING_TOOL] if settings.proposed else [])) as mcp,
        running_harness(settings, caller),
    ):
        assert "problem" not in broker.hello()
        yield Hive(directory, broker, mcp)


def bash(command: str) -> Step:
    """The model runs a command."""
    return Step(tools=[ToolUse("Bash", {"command": command})])
