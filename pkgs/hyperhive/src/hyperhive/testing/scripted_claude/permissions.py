"""Whether the rules let a tool call through, in mode dontAsk: what no rule allows is denied.

Stricter than the CLI in two points, so that a script relies on nothing it did not declare: no
command is allowed without a rule (the CLI lets read-only ones through), and a command that is more
than one simple command needs the bare rule `Bash`.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_DONT_ASK: Final = (
    "Permission to use {tool} has been denied because Claude Code is running in don't ask mode."
    " If you believe this capability is essential, STOP and explain why you need this permission."
)
_BY_RULE: Final = "Permission to use Bash with command {command} has been denied."
_TOOL_BY_RULE: Final = "Permission to use {tool} has been denied."


@dataclass(frozen=True)
class Decision:
    """What the rules say.

    Attributes:
        reason: `decision_reason_type` of the CLI's events.
        message: what the model is told of a denial.
    """

    allowed: bool
    reason: str
    message: str = ""


@dataclass(frozen=True)
class Rules:
    """The rules of a run, in Claude Code's grammar."""

    allow: Sequence[str]
    deny: Sequence[str]

    def decide(self, tool: str, input: Mapping[str, Any]) -> Decision:
        """Whether a tool may be called with this input. A deny rule beats every allow rule."""
        command = str(input.get("command", "")) if tool == "Bash" else None
        reason = "rule" if command is None else "subcommandResults"
        if any(_covers(rule, tool, command, doubtful=True) for rule in self.deny):
            denial = _TOOL_BY_RULE if command is None else _BY_RULE
            return Decision(False, reason, denial.format(tool=tool, command=command))
        if any(_covers(rule, tool, command, doubtful=False) for rule in self.allow):
            return Decision(True, reason)
        return Decision(False, "mode", _DONT_ASK.format(tool=tool))


def _covers(rule: str, tool: str, command: str | None, *, doubtful: bool) -> bool:
    """Whether a rule is about this call; `doubtful` where that would take reading shell syntax."""
    name, parenthesis, rest = rule.partition("(")
    if not parenthesis:
        return name == tool or (name.startswith("mcp__") and tool.startswith(f"{name}__"))
    if name != tool or command is None:
        return False
    if not is_simple(command):
        return doubtful
    # Late: turns without Bash start quicker without it.
    from hyperhive.hive.rules import bash_matches

    return bash_matches(rest.removesuffix(")"), command)


def is_simple(command: str) -> bool:
    """Whether a shell command is one command, without substitutions and redirections."""
    if any(part in command for part in ("$(", "`", "\n")):
        return False
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return False
    return not any(set(word) <= set("();<>|&") for word in words if word)
