"""What starts, stops and changes the agents of a hive without containers."""

import asyncio
import shutil
from collections import defaultdict
from pathlib import Path

from hyperhive.broker.core import Core
from hyperhive.broker.lifecycle import by_whom
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import OPERATOR, AgentName
from hyperhive.local.deploys import HELLO_SECONDS, LocalDeploys
from hyperhive.local.harness_processes import HarnessProcesses
from hyperhive.local.settings import write_settings
from hyperhive.store.container_rows import read_container, should_run
from hyperhive.store.container_states import Wanted
from hyperhive.store.containers import want


class LocalSupervisor:
    """A `Lifecycle` whose agents' harnesses are children of this process.

    What is done about one agent is done one after the other.
    """

    def __init__(self, core: Core, claude: str, hello_seconds: float = HELLO_SECONDS) -> None:
        """Args:
        claude: path of the executable.
        hello_seconds: how long a harness with new settings may take to say hello.
        """
        self._core = core
        self._claude = claude
        self._processes = HarnessProcesses(core)
        self._deploys = LocalDeploys(core, self._processes, claude, hello_seconds)
        self._turns: defaultdict[AgentName, asyncio.Lock] = defaultdict(asyncio.Lock)

    def container_files(self, agent: AgentName) -> None:
        """None: there are no containers."""

    async def start_wanted(self) -> None:
        """Starts the agents that are wanted to run, or of which nothing else is wanted than what is
        declared. What a deploy has left in the middle is overwritten."""
        for name, agent in self._core.hive.agents.items():
            settings = self._written(name)
            known = await self._core.store.write(read_container, name)
            if should_run(known.wanted, declared=True, autostart=agent.autostart):
                self._processes.start(name, settings)

    async def start(self, agent: AgentName, by: str) -> None:
        """Starts an agent's harness unless it runs."""
        async with self._turns[agent]:
            await self._want(agent, Wanted.RUNNING, f"started {by_whom(by)}", by)
            self._start(agent)

    async def stop(self, agent: AgentName, reason: str, by: str) -> None:
        """Ends an agent's harness, with its turn and every process of it."""
        async with self._turns[agent]:
            await self._want(agent, Wanted.STOPPED, reason, by)
            await self._processes.stop(agent, reason)

    async def restart(self, agent: AgentName, reason: str, by: str) -> None:
        """Ends an agent's harness, as `stop` does, and starts it."""
        async with self._turns[agent]:
            await self._want(agent, Wanted.RUNNING, reason, by)
            await self._processes.stop(agent, reason)
            self._start(agent)

    async def destroy(self, agent: AgentName, reason: str) -> None:
        """Ends an agent that was spawned, until it is started; refuses for any other, which has no
        container that could be removed."""
        self._check_spawned(agent)
        async with self._turns[agent]:
            await self._want(agent, Wanted.DESTROYED, reason, OPERATOR)
            await self._processes.stop(agent, reason)

    async def purge(self, agent: AgentName, reason: str) -> None:
        """Takes a spawned agent that is destroyed out of the hive, with all that it has; refuses
        for any other."""
        self._check_spawned(agent)
        core, paths = self._core, self._core.paths.agent(agent)
        async with self._turns[agent]:
            await core.approvals.purge(agent, reason)
            for directory in (paths.home, paths.proposed):
                await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
            await core.approvals.forget_repository(agent)

    async def deploy(self, approval: int, agent: AgentName) -> None:
        """Does an approval: the agent has it, or all is as it was, and the store says which."""
        async with self._turns[agent]:
            await self._deploys.deploy(approval, agent)

    async def stop_all(self, reason: str) -> None:
        """Ends every harness, side by side."""
        await self._processes.stop_all(reason)

    def _check_spawned(self, agent: AgentName) -> None:
        members = self._core.members
        if agent not in members.hive.agents or agent in members.declared.agents:
            raise HyperhiveError(
                "`hyperhive up` has no containers, so there is none to remove",
                f"stop it, and remove what it has in {self._core.paths.agent(agent).home}",
            )

    async def _want(self, agent: AgentName, wanted: Wanted, reason: str, by: str) -> None:
        core = self._core
        manager = core.hive.manager
        await core.store.write(
            want, agent, wanted, reason, by=by, manager=manager, now=core.clock()
        )

    def _start(self, agent: AgentName) -> None:
        if not self._processes.runs(agent):
            self._processes.start(agent, self._written(agent))

    def _written(self, agent: AgentName) -> Path:
        return write_settings(self._core.hive, self._core.paths, agent, self._claude)
