"""Warnings about an agent's tool and Bash rules."""

from collections.abc import Iterator, Sequence

from hyperhive.hive.models import AgentConfig
from hyperhive.hive.names import HIVE_SERVER, AgentName
from hyperhive.hive.permissions import deny_rules
from hyperhive.hive.problems import Level, Location, Problem, problem
from hyperhive.hive.rule_glob import bash_covers
from hyperhive.hive.rule_grammar import mcp_parts
from hyperhive.hive.rules import BUILTIN_TOOLS, Rule, RuleWarning, parse_rule, rule_warnings
from hyperhive.hive.shape import Declaration


def rule_problems(
    declaration: Declaration, name: AgentName, agent: AgentConfig
) -> Iterator[Problem]:
    """What is risky or without effect in the rules of one agent."""
    here: Location = ("agents", name)
    risky = False
    denied = [parse_rule(text) for text in deny_rules(agent)]
    for location, texts, form in (
        ((*here, "bash", "allow"), agent.bash.allow, "Bash({})"),
        ((*here, "tools", "allow"), agent.tools.allow, "{}"),
    ):
        for index, text in enumerate(texts):
            place = declaration.original((*location, index))
            rule = parse_rule(form.format(text))
            warnings = [*rule_warnings(rule, allow=True), *_without_effect(rule, agent)]
            risky = risky or bool(warnings)
            yield from _warnings(place, text, [*warnings, *_denied(rule, denied)])
    if not risky:
        # Ways round a rule that denies lead over rules that allow too much.
        return
    for location, texts, form in (
        ((*here, "bash", "deny"), agent.bash.deny, "Bash({})"),
        ((*here, "tools", "deny"), agent.tools.deny, "{}"),
    ):
        for index, text in enumerate(texts):
            place = declaration.original((*location, index))
            rule = parse_rule(form.format(text))
            yield from _warnings(place, text, rule_warnings(rule, allow=False))


def _warnings(place: Location, text: str, warnings: list[RuleWarning]) -> Iterator[Problem]:
    for warning in warnings:
        yield problem(Level.WARNING, place, text, warning.message, warning.instead)


def _denied(rule: Rule, denied: Sequence[Rule]) -> Iterator[RuleWarning]:
    by = next((deny for deny in denied if _covers(deny, rule)), None)
    if by is not None:
        shown = by.specifier if rule.tool == "Bash" and by.specifier else str(by)
        yield RuleWarning(
            f"no effect: `{shown}` is denied, and what is denied stays denied",
            "remove one of the two rules",
        )


def _covers(deny: Rule, rule: Rule) -> bool:
    if deny.tool != rule.tool:
        return False
    if deny.specifier is None or deny.specifier == rule.specifier:
        return True
    if rule.tool != "Bash" or rule.specifier is None:
        return False
    return bash_covers(deny.specifier, rule.specifier)


def _without_effect(rule: Rule, agent: AgentConfig) -> Iterator[RuleWarning]:
    if rule.tool in BUILTIN_TOOLS and rule.tool not in agent.tools.available:
        yield RuleWarning(
            f"the agent has no tool {rule.tool}, so the rule does nothing",
            f'add "{rule.tool}" to tools.available, or remove the rule',
        )
    server, _ = mcp_parts(rule.tool) or (HIVE_SERVER, None)
    if server not in {HIVE_SERVER, *agent.mcp}:
        yield RuleWarning(
            f"the agent has no MCP server {server}, so the rule does nothing",
            f"declare mcp.{server}, or remove the rule",
        )
