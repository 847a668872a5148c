"""The hive follows what is approved: agents come, go and get other settings while it runs."""

import asyncio
import logging
from collections.abc import Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

from hyperhive.broker.agent_plane import AgentPlane
from hyperhive.broker.core import Core
from hyperhive.hive.members import Members, with_approved
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.logs import fields
from hyperhive.store import joining
from hyperhive.store.approval_rows import approved_layers
from hyperhive.store.model_choice import ModelChoice, declare_model
from hyperhive.store.transaction import Transaction

logger: Final = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class Membership:
    """Changes `core.members`, and nobody else does."""

    def __init__(self, core: Core, plane: AgentPlane) -> None:
        self._core = core
        self._plane = plane
        self._lock = asyncio.Lock()

    async def after(
        self,
        by: str,
        operation: Callable[Concatenate[Transaction, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Runs an operation of the store that may change what is approved; the hive follows.

        In the store both are one: whoever sees what the operation did sees its agents and their
        models too. Then an agent that is new gets its sockets, once their directory is there, and
        so does one whose directory was removed; one that is gone loses them, and its connections.

        Args:
            by: what changes it, as it is said of a model that is switched: `approval 42`.

        Raises:
            StoreUnavailableError: it could not be written; the hive is as it was.
            Exception: whatever the operation raised; the hive is as it was.
        """
        core = self._core
        async with self._lock:
            before = core.hive

            def change(tx: Transaction) -> tuple[R, Members]:
                done = operation(tx, *args, **kwargs)
                return done, _renew(tx, core.members.declared, before, by, now=core.clock())

            done, core.members = await core.store.write(change)
            for name in sorted(before.agents.keys() - core.hive.agents.keys()):
                logger.info("%s: no longer in the hive", name, extra=fields(agent=name))
                await self._plane.close_agent(name)
            cut_off = {name for name in self._plane.cut_off() if name in core.hive.agents}
            for name in sorted(cut_off):
                await self._plane.close_agent(name)
            new = core.hive.agents.keys() - before.agents.keys()
            for name in sorted(new):
                logger.info("%s: in the hive from now on", name, extra=fields(agent=name))
            for name in sorted(new | cut_off):
                try:
                    await self._plane.open_agent(name)
                except OSError:
                    logger.exception("%s: no sockets", name, extra=fields(agent=name))
        return done


def read_members(tx: Transaction, declared: HiveConfig) -> Members:
    """The declared hive with what is approved; what of that does not fit is logged."""
    members = with_approved(declared, approved_layers(tx))
    for name, problem in members.problems.items():
        logger.warning(
            "%s: what was approved is left out: %s; %s",
            name, problem.what, problem.todo, extra=fields(agent=name),
        )  # fmt: skip
    return members


def declare_models(
    tx: Transaction, members: Members, names: list[AgentName], by: str, *, now: float
) -> None:
    """Records which model each of these agents has, and why."""
    for name in names:
        model = members.effective(name).settings["model",]
        declare_model(tx, name, ModelChoice(str(model.value), str(model.layer)), by=by, now=now)


def _renew(
    tx: Transaction, declared: HiveConfig, before: HiveConfig, by: str, *, now: float
) -> Members:
    members = read_members(tx, declared)
    hive = members.hive
    for name in sorted(before.agents.keys() - hive.agents.keys()):
        joining.leave(tx, name, now=now)
    for name in sorted(hive.agents.keys() - before.agents.keys()):
        joining.join(tx, name, now=now)
    declare_models(tx, members, sorted(hive.agents), by, now=now)
    return members
