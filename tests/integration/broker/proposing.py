"""What a manager does to propose a change, with a real git; and a host that deploys."""

import asyncio
import os
import subprocess
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from hyperhive.broker.core import Core
from hyperhive.broker.lifecycle import Unmanaged
from hyperhive.errors import HyperhiveError
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.store import approval_rows
from hyperhive.store.approval_rows import Approval
from hyperhive.wire.commit_reader import read_commit
from hyperhive.wire.records import to_json
from tests.integration.broker.plane import DEADLINE, HIVE, broker, until
from tests.tools import program

ALICE, CAROL = AgentName("alice"), AgentName("carol")
WHO: Final = "operator"
TOML: Final = 'model = "opus"\n'


def run_git(directory: Path, *arguments: str) -> str:
    """Return what git says in a repository."""
    person = {"NAME": "boss", "EMAIL": "boss@lab.hive.internal"}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{who}_{what}": text
            for who in ("AUTHOR", "COMMITTER")
            for what, text in person.items()
        },
    }
    command = [str(program("git", "apt-get install git")), "-C", str(directory), *arguments]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


@dataclass
class Proposed:
    """A repository in which the manager commits."""

    directory: Path

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True)
        run_git(self.directory, "init", "-q", "-b", "main")

    def commit(self, toml: str = TOML, **more: str) -> str:
        """Commits files; returns the commit's id. Names of `more` have `_` for a dot."""
        files = {"agent.toml": toml} | {name.replace("_", "."): text for name, text in more.items()}
        for name, text in files.items():
            (self.directory / name).write_text(text)
        run_git(self.directory, "add", *files)
        run_git(self.directory, "commit", "-q", "--allow-empty", "-m", "Change")
        return run_git(self.directory, "rev-parse", "HEAD").strip()

    def objects(self, commit: str) -> dict[str, Any]:
        """Return what the bridge adds to a call."""
        return to_json(read_commit(str(self.directory), commit))


@dataclass
class Deploys(Unmanaged):
    """Has approvals done as root's unit does: it says that it begins, and how it ended.

    Attributes:
        error: why everything fails; "": it does not.
        asked: the approvals that it was asked to do.
        gate: it waits here between the beginning and the end.
    """

    core: Core
    error: str = ""
    asked: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: defaultdict[int, asyncio.Event] = field(
        default_factory=lambda: defaultdict(asyncio.Event)
    )

    def __post_init__(self) -> None:
        self.gate.set()

    async def deploy(self, approval: int, agent: AgentName) -> None:
        """See `Lifecycle`."""
        self.asked.append(approval)
        await self.core.approvals.begin(approval)
        await self.gate.wait()
        log = ["building", self.error] if self.error else []
        await self.core.approvals.finish(
            approval, error=self.error, log=log, changes=[] if self.error else ["restarted"]
        )
        self._ended[approval].set()

    async def ended(self, approval: int) -> str:
        """Waits until an approval was done or has failed, and the repositories say so; its state.

        The store says it a moment before the hive has changed.
        """
        try:
            async with asyncio.timeout(DEADLINE):
                await self._ended[approval].wait()
        except TimeoutError:
            raise AssertionError(f"waited for the deploy of approval {approval}") from None
        await self.core.approvals.settled()
        return (await self.core.store.read(approval_rows.get, approval)).state


def deploying(core: Core, error: str = "") -> Deploys:
    """Gives a broker a host that deploys."""
    core.lifecycle = deploys = Deploys(core, error)
    return deploys


async def approval(core: Core, id: int) -> Approval:
    """An approval as it is now."""
    return await core.store.read(approval_rows.get, id)


async def every(core: Core) -> list[Approval]:
    """All approvals."""
    return await core.store.read(
        approval_rows.listed, open_only=False, agent=None, after=None, limit=1000
    )


async def in_approval_state(core: Core, id: int, state: str) -> None:
    """Waits until an approval is in a state, and the repositories say so."""

    async def look() -> bool:
        return (await approval(core, id)).state == state

    await until(core, f"approval {id} to be {state}", look)
    await core.approvals.settled()


def refs(core: Core, agent: str = "alice") -> dict[str, str]:
    """What the manager sees of an agent in /applied: refs and the commits they lead to."""
    directory = core.paths.agent(AgentName(agent)).proposals
    form = "--format=%(refname) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
    lines = run_git(directory, "for-each-ref", form).splitlines()
    return dict(line.split(" ", 1) for line in lines)


def run(
    tmp_path: Path, body: Callable[[Core, Proposed], Awaitable[None]], hive: HiveConfig = HIVE
) -> None:
    """Runs a test with a broker and alice's proposed repository."""

    async def main() -> None:
        async with broker(tmp_path / "state", hive) as core:
            await body(core, Proposed(tmp_path / "config"))

    asyncio.run(main())


async def propose(
    core: Core, proposed: Proposed, toml: str = TOML, supersede: int | None = None, **more: str
) -> Approval:
    """The manager commits files of alice's and asks that she runs with them."""
    commit = proposed.commit(toml, **more)
    return await core.approvals.submit_commit(
        "boss", "alice", commit, "Better", proposed.objects(commit), supersede
    )


async def refusal(asked: Awaitable[object]) -> HyperhiveError:
    """Return the error that an attempt ends with."""
    with pytest.raises(HyperhiveError) as error:
        await asked
    return error.value
