"""Two more agents in the standard hive: `worker`, whose claude is the scripted one and may run any
command, and `real`, whose claude is the real one, with a scripted API in its own container.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.e2e.environment import CHECKOUT, INTERPRETER
from tests.e2e.hive import STANDARD, Hive

PORT: Final = 8019
API_LOG: Final = "/run/api.jsonl"
KEY: Final = "key-that-opens-nothing"
KEY_FILE: Final = "/etc/hyperhive/real.key"
REAL_CLAUDE: Final = Path("/opt/real-claude")
TURN_UNIT: Final = "hyperhive-turn-*.service"

_CLAUDE: Final = "/opt/claude/bin/claude"
_EITHER: Final = f"""\
#!/bin/sh
[ "$(uname -n)" = h-real ] && exec {REAL_CLAUDE}/claude "$@"
exec {_CLAUDE}-scripted "$@"
"""


def declared(claude: Path | None) -> Mapping[str, Any]:
    """The hive with both, or without the real one."""
    agents: dict[str, Any] = {
        "worker": {
            "tools": {"allow": ["Bash"]},
            "credentials": {"TOKEN": KEY_FILE},
        }
    }
    if claude is not None:
        agents["real"] = {
            "environment": {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{PORT}"},
            "credentials": {"ANTHROPIC_API_KEY": KEY_FILE},
            "bash": {"allow": ["touch allowed *", "./deaf.sh"], "deny": ["touch allowed but-denied"]},
        }
    return {**STANDARD, "agents": {**STANDARD["agents"], **agents}}


class Workers:
    """A hive with the two; made by `install`."""

    def __init__(self, hive: Hive) -> None:
        self.hive = hive
        self.testbed = hive.testbed

    def ask(self, agent: str, body: str) -> int:
        """Send a message as the operator; its id."""
        return self.hive.send(agent, body)
