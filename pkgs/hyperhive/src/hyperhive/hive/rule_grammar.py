"""The form of a rule: `Tool` or `Tool(specifier)`.

Claude Code passes over a rule that it cannot use without a word, and a deny rule that is passed
over denies nothing. Whatever it was seen to pass over is an error here.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from hyperhive.hive.spelling import nearest

BUILTIN_TOOLS: Final = frozenset(
    {
        "Agent",  # what rules may call Task as well
        "Bash",
        "CronCreate",
        "CronDelete",
        "CronList",
        "Edit",
        "EnterWorktree",
        "ExitWorktree",
        "Glob",
        "Grep",
        "ListAgents",
        "Monitor",
        "NotebookEdit",
        "Read",
        "ReportFindings",
        "ScheduleWakeup",
        "SendMessage",
        "Skill",
        "Task",
        "TaskCreate",
        "TaskGet",
        "TaskList",
        "TaskStop",
        "TaskUpdate",
        "ToolSearch",
        "WebFetch",
        "WebSearch",
        "Workflow",
        "Write",
    }
)
"""The tools that are part of Claude Code (`tools` of its `init` event), and Agent."""

_PATH_TOOLS: Final = frozenset({"Edit", "Read"})
_PATHS_FROM: Final = {"Write": "Edit", "NotebookEdit": "Edit", "Glob": "Read", "Grep": "Read"}
"""Tools on which a path is passed over, and the tool whose path rules they follow."""
_NAMED: Final = frozenset({"Agent", "Skill", "Task"})
_PARAMETER: Final = re.compile(r"(command|description|file_path|path|run_in_background|url)\s*:")
_MCP: Final = re.compile(r"mcp__(?P<server>[A-Za-z0-9-]+(?:_[A-Za-z0-9-]+)*)(?:__(?P<tool>.+))?")
_MCP_TOOL: Final = re.compile(r"[A-Za-z0-9_.*-]+")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9*_-]+(\.[A-Za-z0-9*_-]+)*")
_CONTROLS: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


class RuleError(ValueError):
    """Text that is not a rule, or a rule that Claude Code would pass over.

    Attributes:
        message: one line, what is wrong.
        todo: one line, what to write instead.
    """

    def __init__(self, message: str, todo: str) -> None:
        super().__init__(message)
        self.message = message
        self.todo = todo


@dataclass(frozen=True, slots=True)
class RuleWarning:
    """Something a reader of a valid rule should know.

    Attributes:
        message: one line, what the rule really lets through and why.
        instead: one line, what to write instead.
    """

    message: str
    instead: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One permission rule.

    Attributes:
        tool: the name of a built-in tool, or `mcp__server` and what follows it.
        specifier: what stands inside the parentheses; None for a rule without them.
    """

    tool: str
    specifier: str | None = None

    def __str__(self) -> str:
        return self.tool if self.specifier is None else f"{self.tool}({self.specifier})"


def parse_rule(text: str) -> Rule:
    """Return the rule that `text` is; `str` of it is `text` again.

    Raises:
        RuleError: it is none, or Claude Code would pass over it.
    """
    for char in text:
        if unicodedata.category(char) in _CONTROLS:
            raise RuleError(
                f"holds the control character U+{ord(char):04X}", "write the rule in one plain line"
            )
    if text != text.strip():
        raise RuleError("has a space around it", "remove the space: with it the rule is ignored")
    tool, specifier = _split(text)
    if tool.startswith("mcp__"):
        _check_mcp(tool, specifier)
        return Rule(tool, specifier)
    if tool not in BUILTIN_TOOLS:
        raise _unknown_tool(tool, specifier)
    if specifier is not None:
        _check_specifier(tool, specifier)
    return Rule(tool, specifier)


def mcp_parts(tool: str) -> tuple[str, str | None] | None:
    """The server and the tool's name (None: all) of `mcp__server__tool`; None for other tools."""
    found = _MCP.fullmatch(tool)
    return (found["server"], found["tool"]) if found else None


def _split(text: str) -> tuple[str, str | None]:
    tool, parenthesis, rest = text.partition("(")
    if not parenthesis:
        if ")" in text:
            raise RuleError("has a closing parenthesis and no opening one", "remove it")
        if not text:
            raise RuleError("is empty", "name a tool, such as Read or Bash(git status)")
        return tool, None
    if not tool:
        raise RuleError("names no tool before the parenthesis", f"write Bash{text}")
    if ")" not in rest:
        raise RuleError(
            "the parenthesis is not closed", f"write {text})" if rest else f"write {tool}"
        )
    specifier, _, after = rest.rpartition(")")
    if after:
        raise RuleError("goes on after the parenthesis", f"write {tool}({specifier}), one rule")
    if tool != tool.strip():
        raise RuleError("has a space before the parenthesis", f"write {tool.strip()}({specifier})")
    if not specifier.strip():
        raise RuleError("has nothing inside the parentheses", f"write {tool} for every use of it")
    if specifier != specifier.strip():
        raise RuleError(
            "has a space next to a parenthesis, which no command or path has",
            f"write {tool}({specifier.strip()})",
        )
    # In quotes too: version 2.1.197 passes over such a rule.
    if specifier.count("(") != specifier.count(")"):
        raise RuleError("has parentheses that do not pair up", "end it before them, with ` *`")
    return tool, specifier


def _unknown_tool(tool: str, specifier: str | None) -> RuleError:
    inside = "" if specifier is None else f"({specifier})"
    if "*" in tool:
        return RuleError("has a wildcard in the tool's name", "write one rule for each tool")
    same = next((name for name in BUILTIN_TOOLS if name.lower() == tool.lower()), None)
    if same is not None:
        return RuleError(f'"{tool}" is no tool: names are case-sensitive', f"write {same}{inside}")
    if tool.lower().startswith("mcp_"):
        return RuleError(f'"{tool}" is not the form of an MCP rule', "write mcp__server__tool")
    if tool == "MultiEdit":
        return RuleError("Claude Code has no MultiEdit any more", f"write Edit{inside}")
    guess = nearest(tool, BUILTIN_TOOLS)
    todo = f'did you mean "{guess}"?' if guess else "name a tool, such as Bash(...), Read or Edit"
    return RuleError(f'"{tool}" is not a tool of Claude Code', todo)


def _check_mcp(tool: str, specifier: str | None) -> None:
    forms = "write mcp__server, mcp__server__tool or mcp__server__*"
    parts = mcp_parts(tool)
    if specifier is not None:
        raise RuleError(
            "an MCP rule with parentheses is ignored", f"write {tool}: its name is all it takes"
        )
    if "*" in tool.removeprefix("mcp__").partition("__")[0]:
        raise RuleError("has a wildcard in the server's name", "write one rule for each server")
    if parts is None or (parts[1] is not None and not _MCP_TOOL.fullmatch(parts[1])):
        raise RuleError(f'"{tool}" is not the form of an MCP rule', forms)


def _check_specifier(tool: str, specifier: str) -> None:
    if tool == "Bash":
        _check_command(specifier)
    elif tool in _PATH_TOOLS:
        _check_path(tool, specifier)
    elif tool == "WebFetch":
        _check_domain(specifier)
    elif tool in _PATHS_FROM:
        other = _PATHS_FROM[tool]
        raise RuleError(
            f"a path on {tool} is ignored: {tool} follows the paths of {other}",
            f"write {other}({'./**' if specifier == '*' else specifier}), or {tool} for every use",
        )
    elif tool not in _NAMED:
        more = ": it follows the rules for Bash" if tool == "Monitor" else ""
        raise RuleError(f"{tool} takes nothing in parentheses{more}", f"write {tool}")


def _check_command(specifier: str) -> None:
    before, colon, after = specifier.partition(":*")
    if colon and after:
        spaced = specifier.replace(":*", " *").strip()
        raise RuleError(
            "has `:*` before its end, where it is a colon and a wildcard",
            f"write `:*` last, or ` *` for a wildcard: Bash({spaced})",
        )
    if colon and not before:
        raise RuleError("has nothing before `:*`, so it matches no command", "write Bash(git:*)")
    if colon and "*" in before:
        raise RuleError(
            "has a second wildcard beside `:*`, where it stands for itself",
            f"write ` *` in place of `:*`: Bash({before} *)",
        )
    _check_parameter("Bash", specifier)


def _check_path(tool: str, specifier: str) -> None:
    _check_parameter(tool, specifier)
    if ".." in specifier.split("/"):
        raise RuleError(
            "has `..`, which never matches", f"write the whole path: {tool}(//srv/data/**)"
        )
    if not specifier.strip("./"):
        raise RuleError(
            f"{specifier} matches no file", f"write {tool}(./**) for the working directory"
        )


def _check_parameter(tool: str, specifier: str) -> None:
    found = _PARAMETER.match(specifier)
    if found and specifier != f"{found[1]}:*":
        rest = specifier[found.end() :].strip() or "*"
        raise RuleError(
            f"names the parameter {found[1]}, which is ignored",
            f"write {tool}({rest})"
            if found[1] in {"command", "file_path", "path"}
            else f"write what {tool} is to match, as in {tool}({rest})",
        )


def _check_domain(specifier: str) -> None:
    if specifier == "*":
        return
    host = specifier.removeprefix("domain:")
    if host != specifier and _DOMAIN.fullmatch(host):
        return
    bare = re.sub(r"^\s*(url:)?\s*([a-z]+://)?|[/:?].*$", "", host)
    raise RuleError(
        "WebFetch takes `domain:` and the name of a host, without scheme, port or path",
        f"write WebFetch(domain:{bare if _DOMAIN.fullmatch(bare) else 'docs.rs'})",
    )
