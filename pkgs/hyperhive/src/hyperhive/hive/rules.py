"""The permission rules of Claude Code: what a rule says, what it really matches, what it risks.

The parts are in `rule_grammar` (parsing), `rule_glob` (matching), `rule_explain` and `rule_risks`;
this module is what the rest of the package imports. Source of the facts: rules were given to the
CLI, versions 2.1.330 and 2.1.197, with a scripted API that asked for tools, and it was noted which
calls ran.
"""

from hyperhive.hive.rule_explain import explain_rule
from hyperhive.hive.rule_glob import bash_matches
from hyperhive.hive.rule_grammar import BUILTIN_TOOLS, Rule, RuleError, RuleWarning, parse_rule
from hyperhive.hive.rule_risks import rule_warnings

__all__ = [
    "BUILTIN_TOOLS",
    "Rule",
    "RuleError",
    "RuleWarning",
    "bash_matches",
    "explain_rule",
    "parse_rule",
    "rule_warnings",
]
