"""The rules that claude is given for an agent, in the order in which they are passed on."""

from hyperhive.hive.models import AgentConfig
from hyperhive.hive.names import HIVE_SERVER


def allow_rules(agent: AgentConfig) -> list[str]:
    """What the agent may do without asking, as full rules."""
    rules = [f"Bash({text})" for text in agent.bash.allow]
    rules += agent.tools.allow
    rules.append(f"mcp__{HIVE_SERVER}")  # without it an agent could not answer
    for name, server in sorted(agent.mcp.items()):
        if "*" in server.tools:
            rules.append(f"mcp__{name}")
        else:
            rules += [f"mcp__{name}__{tool}" for tool in server.tools]
    return rules


def deny_rules(agent: AgentConfig) -> list[str]:
    """What the agent may not do, whatever else allows it, as full rules."""
    return [f"Bash({text})" for text in agent.bash.deny] + agent.tools.deny
