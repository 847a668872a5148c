"""What a declared hive means for one agent: its settings and where they come from, its uids, its
rules and what they really match."""

from collections.abc import Iterator
from dataclasses import dataclass

from hyperhive.errors import InputError
from hyperhive.hive.layers import Effective, effective
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import MANAGER, AgentName, container_name
from hyperhive.hive.permissions import allow_rules, deny_rules
from hyperhive.hive.rules import RuleWarning, explain_rule, parse_rule, rule_warnings
from hyperhive.hive.spelling import did_you_mean
from hyperhive.hive.uids import UidRange


@dataclass(frozen=True, slots=True)
class ExplainedRule:
    """One rule that claude is given.

    Attributes:
        allow: whether it allows or denies.
        meaning: one sentence, what it matches.
    """

    text: str
    allow: bool
    meaning: str
    warnings: tuple[RuleWarning, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One agent of a declared hive.

    Attributes:
        container: the name of its container.
        uids: its range of host uids.
        uids_from_name: whether the range is computed from the name, not declared.
    """

    hive: str
    effective: Effective
    container: str
    uids: UidRange
    uids_from_name: bool
    rules: tuple[ExplainedRule, ...]


def find_agent(hive: HiveConfig, text: str) -> AgentName:
    """The declared agent called `text`; `manager` is the one with that role.

    Raises:
        InputError: there is none.
    """
    found = next((name for name in hive.agents if name == text), None)
    if found is None and text == MANAGER:
        found = hive.manager
    if found is None:
        names = ", ".join(hive.agents)
        raise InputError(
            f"hive {hive.hive.name} has no agent {text!a}",
            did_you_mean(text, hive.agents, f"choose from {names}"),
        )
    return found


def explain_agent(hive: HiveConfig, name: AgentName) -> Explanation:
    """What the hive declares for the agent `name`."""
    settings = effective(hive, name)
    agent = settings.agent
    return Explanation(
        hive=hive.hive.name,
        effective=settings,
        container=container_name(name),
        uids=agent.uid_range(name),
        uids_from_name=agent.uid_base is None,
        rules=(
            *_explained(allow_rules(agent), allow=True),
            *_explained(deny_rules(agent), allow=False),
        ),
    )


def _explained(texts: list[str], *, allow: bool) -> Iterator[ExplainedRule]:
    for text in texts:
        rule = parse_rule(text)
        yield ExplainedRule(
            str(rule), allow, explain_rule(rule), tuple(rule_warnings(rule, allow=allow))
        )
