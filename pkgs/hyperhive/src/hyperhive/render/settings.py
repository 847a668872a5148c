"""What an agent's harness is told (agent.json), computed from the declared hive.

modules/agent computes the same from the options that agent.nix sets; a test holds both together.
"""

from collections.abc import Mapping

from hyperhive.errors import InputError
from hyperhive.hive.models import AgentConfig, HiveConfig, Role
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import (
    CONTAINER_CLAUDE,
    CONTAINER_PROPOSALS,
    CONTAINER_PROPOSED,
    CONTAINER_SOCKETS,
    CONTAINER_STATE,
)
from hyperhive.hive.permissions import allow_rules, deny_rules
from hyperhive.render.system_prompt import system_prompt
from hyperhive.wire.settings import HarnessSettings, McpServer, TurnLauncher


def harness_settings(
    hive: HiveConfig,
    name: AgentName,
    *,
    sockets: str,
    state: str,
    config: str,
    launcher: TurnLauncher,
    credentials: Mapping[str, str] | None = None,
    claude: str | None = None,
    proposed: str | None = None,
    proposals: str | None = None,
) -> HarnessSettings:
    """Return the settings of the harness of agent `name`.

    Args:
        hive: the declared hive.
        name: one of its agents.
        sockets, state, config, launcher, claude: as in `HarnessSettings`.
        proposed, proposals: the same; the manager is told of them, and nobody else.
        credentials: where the harness finds each declared credential; None: where the hive says.

    Raises:
        InputError: the hive has no such agent.
    """
    agent = declared_agent(hive, name)
    manages = agent.role is Role.MANAGER
    return HarnessSettings(
        name=name,
        hive=hive.hive.name,
        sockets=sockets,
        state=state,
        config=config,
        claude=claude,
        launcher=launcher,
        turn_seconds=agent.limits.turn_seconds,
        system_prompt=system_prompt(
            hive,
            name,
            proposed=proposed or str(CONTAINER_PROPOSED),
            proposals=proposals or str(CONTAINER_PROPOSALS),
        ),
        available=list(agent.tools.available),
        allow=allow_rules(agent),
        deny=deny_rules(agent),
        mcp={
            server: McpServer(
                declared.command, list(declared.args), dict(sorted(declared.environment.items()))
            )
            for server, declared in sorted(agent.mcp.items())
        },
        environment=dict(sorted(agent.environment.items())),
        credentials=dict(
            sorted((agent.credentials if credentials is None else credentials).items())
        ),
        proposed=proposed if manages else None,
        proposals=proposals if manages else None,
    )


def container_settings(hive: HiveConfig, name: AgentName) -> HarnessSettings:
    """Return the settings of the harness in the container of agent `name`.

    Raises:
        InputError: the hive has no such agent.
    """
    agent = declared_agent(hive, name)
    return harness_settings(
        hive,
        name,
        sockets=str(CONTAINER_SOCKETS),
        state=str(CONTAINER_STATE),
        config=str(CONTAINER_CLAUDE),
        launcher=TurnLauncher.UNIT,
        credentials={variable: credential_name(variable) for variable in agent.credentials},
        claude=hive.hive.claude,
        proposed=str(CONTAINER_PROPOSED),
        proposals=str(CONTAINER_PROPOSALS),
    )


def credential_name(variable: str) -> str:
    """Return the name of the systemd credential that holds `variable` (systemd.exec(5))."""
    return f"hyperhive.{variable}"


def declared_agent(hive: HiveConfig, name: AgentName) -> AgentConfig:
    """Return what the hive declares of agent `name`.

    Raises:
        InputError: the hive has no such agent.
    """
    try:
        return hive.agents[name]
    except KeyError:
        raise InputError(
            f"hive {hive.hive.name} has no agent {name}",
            f"its agents are: {', '.join(sorted(hive.agents))}",
        ) from None
