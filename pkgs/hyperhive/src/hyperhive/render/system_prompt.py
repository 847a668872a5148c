"""The text that every turn of an agent begins with, after claude's own system prompt."""

from itertools import islice
from typing import Final, TypedDict

from hyperhive.hive.models import HiveConfig, Role
from hyperhive.hive.names import AgentName
from hyperhive.render.templates import fill

MAX_NAMED: Final = 30
"""Other agents that the text names. It is part of every turn's input, so a large hive is left to
the tool `list_agents`; and naming all would make a hive's files grow with its square."""


class _Other(TypedDict):
    name: str
    description: str
    manager: bool


def system_prompt(hive: HiveConfig, name: AgentName) -> str:
    """Return the text for agent `name`: the project's own, the hive's additions, the agent's.

    Raises:
        KeyError: the hive has no such agent.
    """
    agent = hive.agents[name]
    others = _others(hive, name)
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
            "others": others,
            "unnamed": len(hive.agents) - 1 - len(others),
            "recipients": sorted(agent.recipients),
            "additions": [text for text in additions if text],
        },
    )


def _others(hive: HiveConfig, name: AgentName) -> list[_Other]:
    """The agents to name: the manager, then those that `name` may write to, then by name."""
    manager = hive.manager
    recipients = [AgentName(other) for other in sorted(hive.agents[name].recipients)]
    candidates = [*([manager] if manager else []), *recipients, *sorted(hive.agents)]
    named = (other for other in dict.fromkeys(candidates) if other != name and other in hive.agents)
    return [
        {
            "name": other,
            "description": hive.agents[other].description,
            "manager": other == manager,
        }
        for other in islice(named, MAX_NAMED)
    ]
