"""Two more agents in the standard hive, that do what a message tells them.

`worker` has the scripted claude and may run anything: it runs its message with sh. `real` has the
real claude; its model is `obedient_api`, which runs in the agent's own container.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hyperhive.operator.models import Cancel, Turn
from tests.e2e.environment import CHECKOUT, INTERPRETER
from tests.e2e.hive import STANDARD, Hive

SECRET: Final = "opens-nothing"
"""The value of a credential of both."""

API: Final = "http://127.0.0.1:8019"
"""The API of `real`, in its container."""
CLAUDE: Final = Path("/opt/claude/real/claude")
"""The real claude, in containers."""

_SECRET_FILE: Final = "/etc/hyperhive/secret"
_SCRIPTED: Final = Path("/opt/claude/bin/claude")
_FROM_OPERATOR: Final = {"agent": "worker", "from": "operator"}
_RULES: Final = [
    {"when": {**_FROM_OPERATOR, "attempt": 1}, "do": [{"bash": "sh -c {body}"}]},
    {"when": _FROM_OPERATOR, "do": [{"say": "Not again."}]},
]
_WORKER: Final[dict[str, Any]] = {
    "tools": {"allow": ["Bash"]},
    "nixDaemon": True,
    "credentials": {"TOKEN": _SECRET_FILE},
}
_REAL: Final[dict[str, Any]] = {
    "environment": {"ANTHROPIC_BASE_URL": API},
    "credentials": {"ANTHROPIC_API_KEY": _SECRET_FILE},
    "bash": {"allow": ["touch allowed*", "./deaf.sh"], "deny": ["touch allowed-not"]},
}


class Workers:
    """The hive with these agents.

    Args:
        claude: the real one; None: there is no agent `real`.
    """

    def __init__(self, hive: Hive, claude: Path | None) -> None:
        self.hive = hive
        self.testbed = hive.testbed
        agents = {**STANDARD["agents"], "worker": _WORKER}
        if claude is not None:
            agents["real"] = _REAL
            self._show(claude)
        hive.host.write(_SECRET_FILE, f"{SECRET}\n", mode=0o600)
        hive.script(_RULES)
        declared = {**STANDARD, "agents": agents}
        if hive.declared != declared:
            hive.declare(declared)
        if claude is not None:
            self._serve_api()
        hive.wait_states(dict.fromkeys(agents, "idle"))

    def state(self, agent: str) -> Path:
        """The agent's own directory, as this machine sees it."""
        return self.testbed.path(f"/var/lib/hyperhive/agents/{agent}/state")

    def config(self, agent: str) -> Path:
        """The configuration directory of the agent's claude, as this machine sees it."""
        return self.testbed.path(f"/var/lib/hyperhive/agents/{agent}/claude")

    def cancel(self, agent: str) -> None:
        """End what the agent does: its turn, or its wait after a failed one."""
        with self.hive.client() as client:
            client.cancel(agent, Cancel())

    def begin(self, agent: str, body: str) -> Turn:
        """The turn of a new message, once its claude is executed."""
        message = self.hive.send(agent, body)
        return self._turn(
            "claude executed", lambda t: t.message == message and t.executed_at is not None
        )

    def run(self, agent: str, body: str) -> Turn:
        """The turn of a new message, once it has ended."""
        message = self.hive.send(agent, body)
        return self._turn("a turn", lambda t: t.message == message and t.outcome is not None)

    def ended(self, turn: Turn) -> Turn:
        """A turn, once it has ended."""
        return self._turn("its end", lambda t: t.id == turn.id and t.outcome is not None)

    def repeated(self, turn: Turn) -> Turn:
        """The next turn of a turn's message, once that has ended."""
        return self._turn(
            "the message again",
            lambda t: t.id > turn.id and t.message == turn.message and t.outcome is not None,
        )

    def _turn(self, what: str, is_it: Callable[[Turn], bool]) -> Turn:
        def look() -> Turn | None:
            with self.hive.client() as client:
                turns = client.turns(agent=None, after=None, limit=20)
            return next(filter(is_it, turns), None)

        return self.testbed.wait_for(what, look)

    def results(self, turn: Turn) -> list[str]:
        """What the tools of a turn said."""
        with self.hive.client() as client:
            events = client.events(agent=turn.agent, after=0, limit=1000)
        told = [event for event in events if event.turn == turn.id]
        return [event.data["content"] for event in told if event.kind == "turn.tool_result"]

    def processes(self, agent: str) -> list[str]:
        """The living processes of the agent's user in its container, as command lines."""
        listed = self.hive.inside(agent, ["ps", "-u", "agent", "-o", "stat=,args="], check=False)
        return [line for line in listed.stdout.splitlines() if not line.startswith("Z")]

    def unit(self, agent: str, unit: str, name: str) -> str:
        """One property of a unit in an agent's container."""
        words = ["systemctl", "show", "--value", f"--property={name}", unit]
        return self.hive.inside(agent, words).stdout.strip()

    def _show(self, claude: Path) -> None:
        """Have the real claude in containers, and run it in the container of `real`."""
        if self.testbed.path(CLAUDE.parent).exists():
            return
        self.testbed.path(CLAUDE.parent).mkdir()
        assert claude.name == CLAUDE.name, f"{claude} has another name"
        self.testbed.mount(claude.resolve().parent, CLAUDE.parent)
        scripted = _SCRIPTED.with_name("scripted-claude")
        self.hive.host.write(scripted, self.testbed.path(_SCRIPTED).read_text(), mode=0o755)
        either = f"""\
#!/bin/sh
[ "$(uname -n)" = h-real ] && exec {CLAUDE} "$@"
exec {scripted} "$@"
"""
        self.hive.host.write(_SCRIPTED, either, mode=0o755)

    def _serve_api(self) -> None:
        """Start the API in the container of `real`."""
        log = self.testbed.path("/var/lib/nixos-containers/h-real/root/api.jsonl")
        if not log.exists():
            port = API.rpartition(":")[2]
            unit = ["--quiet", "--unit=api", f"--working-directory={CHECKOUT}"]
            words = [str(INTERPRETER), "-m", "tests.e2e.obedient_api", port, "/root/api.jsonl"]
            self.hive.inside("real", ["systemd-run", *unit, *words])
            self.testbed.wait_for("the API", log.exists)
