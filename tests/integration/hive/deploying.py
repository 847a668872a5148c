"""A hive without containers in the test's own loop, whose harnesses are real processes."""

import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hyperhive.broker.core import Core
from hyperhive.broker.daemon import running_broker
from hyperhive.broker.peers import one_user
from hyperhive.hive.load import parse_hive
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.local.claude import chosen_claude
from hyperhive.local.supervisor import LocalSupervisor
from hyperhive.store import approval_rows, listing, messages
from hyperhive.store.approval_rows import Approval
from hyperhive.store.approval_states import UNFINISHED
from hyperhive.store.messages import NewMessage
from hyperhive.wire.git_objects import made
from hyperhive.wire.records import to_json
from tests.integration.broker.plane import until

SCRIPT = [
    {"when": {"contains": "wait"}, "do": [{"bash": "sleep 300"}, {"say": "Slept."}]},
    {"do": [{"bash": "touch {body}"}, {"say": "Done."}]},
]
"""A message names a file to touch, or has its reader wait."""

NEW = {"agent.toml": 'model = "opus"\n[bash]\nallow = ["sleep *", "touch *"]\n'}
"""Another model, and a rule more."""

ALICE = AgentName("alice")


def declared(directory: Path) -> HiveConfig:
    """A hive whose agents follow the script, and may not touch anything."""
    script = directory / "script.json"
    script.write_text(json.dumps(SCRIPT))
    agent = {
        "environment": {"SCRIPTED_CLAUDE_SCRIPT": str(script)},
        "bash": {"allow": ["sleep *"]},
    }
    agents = {"boss": agent | {"role": "manager"}, "alice": agent}
    return parse_hive({"hive": {"name": "lab", "model": "haiku"}, "agents": agents}, "test")


@asynccontextmanager
async def local_hive(directory: Path, hello_seconds: float = 30.0) -> AsyncIterator[Core]:
    """A hive whose agents run."""
    paths = StatePaths.local(directory / "state")
    async with running_broker(declared(directory), paths, one_user(os.getuid()), time.time) as core:
        executable = str(chosen_claude("scripted", paths.run))
        supervisor = core.lifecycle = LocalSupervisor(core, executable, hello_seconds)
        try:
            await supervisor.start_wanted()
            await core.approvals.resume()
            yield core
        finally:
            await core.approvals.close()
            await supervisor.stop_all("the test ends")


async def propose(core: Core, files: Mapping[str, str], agent: str = "alice") -> int:
    """A commit of the manager's that waits for the operator; its approval's id."""
    content = {name: text.encode() for name, text in files.items()}
    commit, objects = made(
        content, parent=None, name="boss", email="boss@lab", message="Change\n", at=1
    )
    asked = await core.approvals.submit_commit("boss", agent, commit, "", to_json(objects))
    return asked.id


async def ended(core: Core, id: int) -> Approval:
    """An approval, once nothing more follows."""

    async def look() -> bool:
        return (await core.store.read(approval_rows.get, id)).state not in UNFINISHED

    await until(core, f"approval {id} to be done", look)
    return await core.store.read(approval_rows.get, id)


async def deployed(core: Core, id: int) -> Approval:
    """Has the operator approve it, and waits for what becomes of it."""
    await core.approvals.approve(id, "operator")
    return await ended(core, id)


async def send(core: Core, to: str, body: str) -> int:
    """A message of the operator's; its id."""
    return await core.store.write(messages.send, NewMessage("operator", to, body), now=core.clock())


async def message(core: Core, id: int) -> dict[str, Any]:
    """A message as it is now."""
    found = await core.store.read(lambda db: list(db["messages"].rows_where("id = ?", [id])))
    return dict(found[0])


async def acked(core: Core, id: int) -> dict[str, Any]:
    """The turn that a message was acknowledged with."""

    async def look() -> bool:
        return bool((await message(core, id))["state"] == "acked")

    await until(core, f"message {id} to be acknowledged", look)
    return (await turns_of(core, id))[-1]


async def turns_of(core: Core, id: int) -> list[dict[str, Any]]:
    """The turns that a message was delivered to, in their order."""
    where = ("message = ?", [id], "id")
    return await core.store.read(lambda db: [*map(dict, db["turns"].rows_where(*where))])


async def starts(core: Core, name: str = "alice") -> int:
    """How often an agent's harness was started."""
    said = await core.store.read(listing.events, agent=name, after=0, limit=1000)
    return [row["data"].get("state") for row in said if row["kind"] == "state"].count("starting")


def work(core: Core, name: str = "alice") -> Path:
    """Where an agent's commands run."""
    return core.paths.agent(AgentName(name)).work


def settings(core: Core, name: str = "alice") -> dict[str, Any]:
    """What an agent's harness is told."""
    return dict(json.loads(core.paths.agent(AgentName(name)).settings.read_text()))
