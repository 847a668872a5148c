"""Whether the rules let a tool call through, in mode dontAsk: what no rule allows is denied.

Stricter than the CLI, so that a script relies on nothing it did not declare: no command is allowed
without a rule (the CLI lets read-only ones through) but `cd` to where the agent works, a command
that is more than one simple command needs the bare rule `Bash`, and of path rules `./**` and
`//absolute/**` are known.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

_DONT_ASK: Final = (
    "Permission to use {tool} has been denied because Claude Code is running in don't ask mode."
    " If you believe this capability is essential, STOP and explain why you need this permission."
)
_BY_RULE: Final = "Permission to use Bash with command {command} has been denied."
_TOOL_BY_RULE: Final = "Permission to use {tool} has been denied."


class Decision(NamedTuple):
    """What the rules say.

    Attributes:
        reason: `decision_reason_type` of the CLI's events.
        message: what the model is told of a denial.
    """

    allowed: bool
    reason: str
    message: str = ""


class Rules(NamedTuple):
    """The rules of a run, in Claude Code's grammar.

    Attributes:
        directories: where the agent works: the directory that it began in, and those of --add-dir.
    """

    allow: Sequence[str]
    deny: Sequence[str]
    directories: Sequence[str] = ()

    def decide(self, tool: str, input: Mapping[str, Any]) -> Decision:
        """Whether a tool may be called with this input. A deny rule beats every allow rule."""
        subject = str(input.get("command" if tool == "Bash" else "file_path", ""))
        for rule in self.deny:
            if _covers(rule, tool, subject, doubtful=True):
                denial = _BY_RULE if tool == "Bash" else _TOOL_BY_RULE
                return Decision(False, _reason(rule), denial.format(tool=tool, command=subject))
        for rule in self.allow:
            if _covers(rule, tool, subject, doubtful=False):
                return Decision(True, _reason(rule))
        if tool == "Bash" and self._works_in(directory_of_cd(subject)):
            return Decision(True, "other")
        return Decision(False, "mode", _DONT_ASK.format(tool=tool))

    def _works_in(self, directory: str | None) -> bool:
        if directory is None:
            return False
        real = os.path.realpath(directory) + "/"
        return any(real.startswith(f"{os.path.realpath(one)}/") for one in self.directories)


def directory_of_cd(command: str) -> str | None:
    """Where a command goes that is `cd DIRECTORY` and nothing else."""
    if not is_simple(command):
        return None
    match shlex.split(command):
        case ["cd", directory]:
            return directory
        case _:
            return None


def _reason(rule: str) -> str:
    """What the CLI calls the reason: a rule that is a pattern holds for parts of a command."""
    tool, _, specifier = rule.removesuffix(")").partition("(")
    pattern = tool == "Bash" and "*" in specifier and specifier != "*"
    return "subcommandResults" if pattern else "rule"


def _covers(rule: str, tool: str, subject: str, *, doubtful: bool) -> bool:
    """Whether a rule is about this call; `doubtful` where that is more than can be told here.

    Args:
        subject: the command of Bash, the path of Write.
    """
    name, parenthesis, rest = rule.partition("(")
    if not parenthesis:
        return name == tool or (name.startswith("mcp__") and tool.startswith(f"{name}__"))
    specifier = rest.removesuffix(")")
    match tool:
        case "Bash" if name == "Bash":
            return _covers_command(specifier, subject) if is_simple(subject) else doubtful
        case "Write" if name == "Edit":  # Write(PATH) means nothing to the CLI
            tree = specifier.removesuffix("/**")
            if tree == specifier or not (tree == "." or tree.startswith("//")):
                return doubtful
            root = os.path.realpath(tree.removeprefix("/"))
            return os.path.realpath(subject).startswith(root.rstrip("/") + "/")
        case _:
            return False


def _covers_command(specifier: str, command: str) -> bool:
    # Late: turns without Bash start quicker without it.
    from hyperhive.hive.rules import bash_matches

    return bash_matches(specifier, command)


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
