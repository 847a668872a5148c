"""Which units are agents' containers, and what the broker knows of them in systemd's words."""

from typing import Final

from hyperhive.errors import InputError
from hyperhive.hive.names import AgentName, parse_agent_name
from hyperhive.operator.hosting_models import Container
from hyperhive.store.container_states import ContainerState
from hyperhive.systemd.unit_status import UnitStatus
from hyperhive.watch.changes import UNSEEN

PREFIX: Final = "container@h-"
SUFFIX: Final = ".service"

_ACTIVE: Final = {
    ContainerState.STARTING: "activating",
    ContainerState.RUNNING: "active",
    ContainerState.STOPPING: "deactivating",
    ContainerState.FAILED: "failed",
    ContainerState.STOPPED: "inactive",
}


def agent_of(unit: str) -> AgentName | None:
    """The agent whose container's unit this is; None: no agent's."""
    if not (unit.startswith(PREFIX) and unit.endswith(SUFFIX)):
        return None
    try:
        return parse_agent_name(unit.removeprefix(PREFIX).removesuffix(SUFFIX))
    except InputError:
        return None


def unit_of(agent: AgentName) -> str:
    """The unit of an agent's container."""
    return f"{PREFIX}{agent}{SUFFIX}"


def last_seen(container: Container) -> UnitStatus | None:
    """A container's unit as it was when the broker was last told of it; None: it never was."""
    active = None if container.state is None else _ACTIVE.get(container.state)
    if active is None:
        return None
    return UnitStatus(
        name=unit_of(AgentName(container.agent)),
        load="loaded",
        active=active,
        sub="",
        result=UNSEEN if container.state is ContainerState.FAILED else "success",
        invocation=container.invocation or "",
    )
