"""What a harness outside a container is told, written where it will look."""

import json
from pathlib import Path

from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.render.settings import harness_settings
from hyperhive.wire.records import to_json
from hyperhive.wire.settings import TurnLauncher


def write_settings(hive: HiveConfig, paths: StatePaths, name: AgentName, claude: str) -> Path:
    """Writes agent.json and makes the agent's directories; returns the file's path.

    Raises:
        OSError: something cannot be made.
    """
    own = paths.agent(name)
    for directory in (own.home, own.state, own.work, own.claude, own.sockets, own.config):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = harness_settings(
        hive,
        name,
        sockets=str(own.sockets),
        state=str(own.state),
        config=str(own.claude),
        launcher=TurnLauncher.PROCESS,
        claude=claude,
        proposed=str(paths.proposed),
        proposals=str(paths.proposals),
    )
    beside = own.settings.with_suffix(".new")
    beside.write_text(json.dumps(to_json(settings), indent=2) + "\n")
    beside.replace(own.settings)
    return own.settings
