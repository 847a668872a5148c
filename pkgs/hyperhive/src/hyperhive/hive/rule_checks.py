"""Warnings about an agent's tool and Bash rules."""

from collections.abc import Iterator

from hyperhive.hive.models import AgentConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.problems import Level, Location, Problem, problem
from hyperhive.hive.rules import BUILTIN_TOOLS, Rule, parse_rule, rule_warnings
from hyperhive.hive.shape import Declaration


def rule_problems(
    declaration: Declaration, name: AgentName, agent: AgentConfig
) -> Iterator[Problem]:
    """What is risky or without effect in the rules of one agent."""
    here: Location = ("agents", name)
    lists = (
        ((*here, "bash", "allow"), agent.bash.allow, "Bash({})", True),
        ((*here, "bash", "deny"), agent.bash.deny, "Bash({})", False),
        ((*here, "tools", "allow"), agent.tools.allow, "{}", True),
        ((*here, "tools", "deny"), agent.tools.deny, "{}", False),
    )
    for location, texts, form, allow in lists:
        for index, text in enumerate(texts):
            place = declaration.original((*location, index))
            rule = parse_rule(form.format(text))
            for warning in rule_warnings(rule, allow=allow):
                yield problem(Level.WARNING, place, text, warning.message, warning.instead)
            if allow:
                yield from _without_effect(place, text, rule, agent)


def _without_effect(
    place: Location, text: str, rule: Rule, agent: AgentConfig
) -> Iterator[Problem]:
    if rule.tool in BUILTIN_TOOLS and rule.tool not in agent.tools.available:
        yield problem(
            Level.WARNING,
            place,
            text,
            f"the agent has no tool {rule.tool}, so the rule does nothing",
            f'add "{rule.tool}" to tools.available, or remove the rule',
        )
    server = rule.tool.split("__")[1] if rule.tool.startswith("mcp__") else None
    if server is not None and server != "hyperhive" and server not in agent.mcp:
        yield problem(
            Level.WARNING,
            place,
            text,
            f"the agent has no MCP server {server}, so the rule does nothing",
            f"declare mcp.{server}, or remove the rule",
        )
