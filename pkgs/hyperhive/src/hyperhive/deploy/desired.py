"""What the host should be, agent by agent: the declared hive and what the operator said."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName, container_name
from hyperhive.hive.uids import UidRange
from hyperhive.store.container_rows import GONE, should_run
from hyperhive.store.container_states import Wanted

Wishes: TypeAlias = Mapping[AgentName, Wanted | None]
"""What the operator wants of the agents that the broker knows; None: the declaration holds."""


class Run(StrEnum):
    """Whether an agent's container should run."""

    UP = "up"
    DOWN = "down"
    UNSAID = "unsaid"
    """The broker did not say: it stays as it is."""


@dataclass(frozen=True, slots=True)
class DesiredAgent:
    """An agent with a container.

    Attributes:
        uids: its range.
        config_uids: the range that writes proposals about it.
        conf, drop_in: what the files hold.
        digest: of what its system is built from.
    """

    name: AgentName
    uids: UidRange
    config_uids: UidRange
    conf: bytes
    drop_in: bytes
    digest: str
    run: Run


@dataclass(frozen=True, slots=True)
class FormerAgent:
    """An agent without a container: it left the hive, or the operator destroyed it.

    Attributes:
        declared: whether the hive has it, so that the broker listens for it.
        purge: whether its state goes, too.
    """

    name: AgentName
    declared: bool
    purge: bool


Desired: TypeAlias = DesiredAgent | FormerAgent


def desired_agent(
    hive: HiveConfig,
    name: AgentName,
    wishes: Wishes | None,
    files: Mapping[str, bytes],
    digest: str,
) -> Desired:
    """What is desired of an agent.

    Args:
        hive: the declared hive.
        name: an agent of it, or a former one.
        wishes: None: the broker did not say.
        files: the rendered tree, with at least this agent's part.
        digest: of what its system is built from.
    """
    wish = wishes.get(name) if wishes is not None else None
    agent = hive.agents.get(name)
    if agent is None or wish in GONE:
        return FormerAgent(name, declared=agent is not None, purge=wish is Wanted.PURGED)
    run = Run.UP if should_run(wish, declared=True, autostart=agent.autostart) else Run.DOWN
    uids = agent.uid_range(name)
    manager = hive.manager
    container = container_name(name)
    return DesiredAgent(
        name=name,
        uids=uids,
        config_uids=hive.agents[manager].uid_range(manager) if manager else uids,
        conf=files[f"containers/{container}.conf"],
        drop_in=files[f"containers/{container}.service.d/hyperhive.conf"],
        digest=digest,
        run=Run.UNSAID if wishes is None else run,
    )
