"""Who else is in the hive, as an agent is told with every turn. Pure.

It is no part of the rendered system prompt: a new agent would otherwise be a reason to build all
others anew.
"""

from itertools import islice
from typing import Final

from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName

MAX_NAMED: Final = 30
"""Other agents that the text names. It is part of every turn's input, so a large hive is left to
the tool `list_agents`."""


def roster(hive: HiveConfig, name: AgentName) -> str:
    """The text for agent `name`, which follows its system prompt.

    Raises:
        KeyError: the hive has no such agent.
    """
    others = _others(hive, name)
    unnamed = len(hive.agents) - 1 - len(others)
    lines = [
        "# Who else is here",
        "",
        "- `operator`: the human who runs the hive.",
        *(_line(hive, other) for other in others),
    ]
    if unnamed:
        lines.append(f"- {unnamed} more; `list_agents` names them.")
    recipients = sorted(hive.agents[name].recipients)
    if recipients:
        named = ", ".join(f"`{recipient}`" for recipient in recipients)
        lines += ["", f"You may send to {named} only."]
    return "\n".join(lines) + "\n"


def _others(hive: HiveConfig, name: AgentName) -> list[AgentName]:
    """The agents to name: the manager, then those that `name` may write to, then by name."""
    manager = hive.manager
    recipients = [AgentName(other) for other in sorted(hive.agents[name].recipients)]
    candidates = [*([manager] if manager else []), *recipients, *sorted(hive.agents)]
    named = (other for other in dict.fromkeys(candidates) if other != name and other in hive.agents)
    return list(islice(named, MAX_NAMED))


def _line(hive: HiveConfig, other: AgentName) -> str:
    role = " (the manager)" if other == hive.manager else ""
    description = " ".join(hive.agents[other].description.split())
    return f"- `{other}`{role}" + (f": {description}" if description else "")
