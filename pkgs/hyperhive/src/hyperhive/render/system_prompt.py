"""The text that every turn of an agent begins with, after claude's own system prompt."""

from hyperhive.hive.models import HiveConfig, Role
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import CONTAINER_PROPOSALS, CONTAINER_PROPOSED
from hyperhive.render.templates import fill


def system_prompt(
    hive: HiveConfig,
    name: AgentName,
    *,
    proposed: str = str(CONTAINER_PROPOSED),
    proposals: str = str(CONTAINER_PROPOSALS),
) -> str:
    """Return the text for agent `name`: the project's own, the hive's additions, the agent's.

    It names no other agent, so that one more changes nobody's: who else is there comes with each
    turn.

    Args:
        proposed, proposals: where a manager finds the repositories in which it proposes changes,
            and the hive's record of them, if not where a container has them.

    Raises:
        KeyError: the hive has no such agent.
    """
    agent = hive.agents[name]
    additions = (text.strip("\n") for text in (hive.hive.system_prompt, agent.system_prompt))
    return fill(
        "system-prompt.md.j2",
        {
            "name": name,
            "role": "the manager" if agent.role is Role.MANAGER else "an agent",
            "manager": agent.role is Role.MANAGER,
            "description": agent.description,
            "hive": hive.hive.name,
            "hive_description": hive.hive.description,
            "proposed": proposed,
            "proposals": proposals,
            "additions": [text for text in additions if text],
        },
    )
