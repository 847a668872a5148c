"""An operator with approvals to decide on, in a hive that is deployed as a test says."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hyperhive.broker.core import Core
from hyperhive.broker.lifecycle import Unmanaged
from hyperhive.hive.load import parse_hive
from hyperhive.hive.names import AgentName
from hyperhive.wire.git_objects import made
from hyperhive.wire.records import to_json
from tests.integration.broker.plane import DEADLINE
from tests.integration.operator.serving import Operator, served

HIVE: Final = parse_hive(
    {
        "hive": {"name": "lab", "model": "haiku"},
        "agents": {
            "boss": {"role": "manager"},
            "alice": {"bash": {"allow": ["git status"]}, "extra_nix": True},
            "bob": {},
        },
    },
    "test",
)


class Deploys(Unmanaged):
    """Does what was approved, once `go` is set.

    Attributes:
        error: why it fails; "": it does not.
        began: set when something is being done.
    """

    def __init__(self, core: Core) -> None:
        self.error = ""
        self.log: list[str] = []
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()
        self._core = core

    async def deploy(self, approval: int, agent: AgentName) -> None:
        await self._core.approvals.begin(approval)
        self.began.set()
        await self.go.wait()
        await self._core.approvals.finish(approval, error=self.error, log=self.log)


@dataclass
class Deciding:
    """The operator, and what does what they approve."""

    operator: Operator
    deploys: Deploys
    _commits: int = field(default=0)

    async def asked(
        self,
        toml: str,
        agent: str = "alice",
        description: str = "",
        supersede: int | None = None,
        more: Mapping[str, str] | None = None,
    ) -> int:
        """An approval that boss asked for; its id.

        Args:
            more: files of the commit beside agent.toml.
        """
        self._commits += 1
        content = {"agent.toml": toml, **(more or {})}
        sha, objects = made(
            {name: text.encode() for name, text in content.items()},
            parent=None,
            name="boss",
            email="boss@lab.hive.internal",
            message=f"Change {self._commits}\n",
            at=1_700_000_000,
        )
        approval = await self.operator.core.approvals.submit_commit(
            "boss", agent, sha, description, to_json(objects), supersede
        )
        return approval.id

    async def settled(self, id: int) -> None:
        """Waits until an approval is deployed or has failed."""
        async with asyncio.timeout(DEADLINE):
            with self.operator.core.bus.event_bell() as bell:
                while (await self.row(id))["state"] in ("approved", "building"):
                    await bell.wait()

    async def row(self, id: int) -> dict[str, Any]:
        """An approval as the API shows it."""
        shown: dict[str, Any] = await self.operator.ask("GET", f"approvals/{id}")
        return shown


def deciding(state: Path, body: Callable[[Deciding], Awaitable[None]]) -> None:
    """Runs a coroutine function with an operator who decides."""

    async def main() -> None:
        made: list[Deploys] = []

        def lifecycle(core: Core) -> Deploys:
            made.append(Deploys(core))
            return made[0]

        async with served(state, HIVE, lifecycle) as operator:
            await body(Deciding(operator, made[0]))

    asyncio.run(main())
