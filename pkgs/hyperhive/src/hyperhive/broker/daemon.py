"""The broker of one hive, from its first socket to its last commit."""

import asyncio
import logging
import resource
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from hyperhive.broker.agent_plane import AgentPlane
from hyperhive.broker.approvals.service import Approvals
from hyperhive.broker.bus import Bus
from hyperhive.broker.core import Core
from hyperhive.broker.crash_readers import crash_reader
from hyperhive.broker.deadlines import Deadlines
from hyperhive.broker.event_log import log_committed
from hyperhive.broker.housekeeping import Housekeeping
from hyperhive.broker.membership import Membership, declare_models, read_members
from hyperhive.broker.peers import PeerPolicy
from hyperhive.broker.scheduler import Scheduler
from hyperhive.hive.members import Members, with_approved
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.paths import StatePaths
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.store import agents, containers, questions, turn_ends
from hyperhive.store.database import open_store
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.retention import Rules
from hyperhive.store.transaction import Transaction

logger: Final = logging.getLogger(__name__)

BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


@asynccontextmanager
async def running_broker(
    hive: HiveConfig, paths: StatePaths, policy: PeerPolicy, clock: Callable[[], float]
) -> AsyncIterator[Core]:
    """A broker that serves its agents inside the `async with` block.

    Args:
        policy: which uids may be which agent.
        clock: seconds since the epoch.

    Raises:
        HyperhiveError: the store cannot be opened, or a socket cannot be made.
    """
    _allow_many_files()
    try:
        # What agents say is nobody else's business; a host's module makes both with its own modes.
        paths.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        paths.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        paths.proposals.mkdir(exist_ok=True, mode=0o755)
    except OSError as error:
        raise StoreUnavailableError(
            f"{error.filename}: {error.strerror}", "give a state directory that can be written"
        ) from None
    store = open_store(paths.store, hive=hive.hive.name)
    try:
        housekeeping = Housekeeping(store, Rules.declared(hive.hive.retention), clock)
        core = Core(with_approved(hive, {}), paths, store, Bus(), clock, housekeeping)
        scheduler = Scheduler(core)
        deadlines = Deadlines(store, lambda agent: crash_reader(core.hive, agent), clock)
        for listener in (
            log_committed,
            scheduler.committed,
            deadlines.committed,
            core.bus.committed,
        ):
            store.on_commit(listener)
        core.members = await store.write(_begin, hive, BOOT.read_text().strip(), now=clock())
        plane = AgentPlane(core, policy)
        core.membership = Membership(core, plane)
        core.approvals = Approvals(core)
        tasks = {
            asyncio.create_task(scheduler.run(), name="scheduler"),
            asyncio.create_task(deadlines.run(), name="deadlines"),
        }
        try:
            await _open(plane, paths)
            logger.info(
                "hive %s: %d agents, state in %s",
                hive.hive.name, len(core.hive.agents), paths.state,
                extra=fields(LogEvent.BROKER_STARTED),
            )  # fmt: skip
            yield core
        finally:
            core.bus.close()
            await core.approvals.close()
            await plane.close()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    finally:
        await store.close()
        logger.info("hive %s: ended", hive.hive.name, extra=fields(LogEvent.BROKER_STOPPED))


def _begin(tx: Transaction, declared: HiveConfig, boot: str, *, now: float) -> Members:
    """Brings the store in line with the hive, and with a broker that has just begun; returns the
    hive with what is approved."""
    members = read_members(tx, declared)
    hive = members.hive
    returned = sorted(hive.agents.keys() & set(agents.undeclared(tx)))
    containers.rebooted(tx, boot, now=now)
    containers.declared_again(tx, returned, now=now)
    agents.declare(tx, sorted(hive.agents), now=now)
    containers.end_turns(tx, now=now)
    declare_models(tx, members, sorted(hive.agents), "the declared hive", now=now)
    for former in agents.undeclared(tx):
        turn_ends.lost(tx, former, "the hive has no such agent now", now=now)
    questions.release_calls(tx, now=now)
    return members


async def _open(plane: AgentPlane, paths: StatePaths) -> None:
    try:
        await plane.open()
    except OSError as error:
        raise StoreUnavailableError(
            f"{paths.run}: {error.strerror}", "give a directory that can be written"
        ) from None


def _allow_many_files() -> None:
    """Two listening sockets and up to three connections per agent: more than the usual 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
