"""Types of single values in a declared hive: each checks its text and describes it to the schema.

A validator raises pydantic's own error, with what is wrong and what to do in its context, so that
one pass over a file finds every bad value.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from hyperhive.errors import InputError
from hyperhive.hive import addresses, host_paths, limits, names, uids, variables
from hyperhive.hive.names import AgentName
from hyperhive.hive.rules import BUILTIN_TOOLS, RuleError, parse_rule
from hyperhive.hive.spelling import did_you_mean

DECLARED_ERROR: Final = "declared"
"""Type of pydantic errors that carry `what` and `todo` in their context."""

MODEL_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,150}(\[[0-9a-z]+\])?$"
PACKAGE_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_'-]*(\.[A-Za-z_][A-Za-z0-9_'-]*)*$"
MCP_NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9-]*(_[A-Za-z0-9-]+)*$"
MCP_TOOL_PATTERN: Final = r"^(\*|[A-Za-z0-9_.-]{1,128})$"
REFERENCE_PATTERN: Final = r"^([a-z][a-z0-9+-]*:|/)[A-Za-z0-9/._+@=?&%~:,-]+$"
STATE_VERSION_PATTERN: Final = r"^[0-9]{2}\.(05|11)$"

LEAST_COMPACT_PERCENT: Final = 20
"""Summary, system prompt and tools fill a part of the window themselves: lower, a conversation just
compacted could be due again."""
MOST_COMPACT_PERCENT: Final = 95

_FULL_RULE: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\((.*)\)\s*", re.DOTALL)
_LONGEST_ICON: Final = 8
_LONGEST_MCP_NAME: Final = 40
_LONGEST_RULE: Final = 1000
"""What a rule risks is found by going through the programs that it names one inside the other."""
_CONTROLS: Final = frozenset({"Cc", "Zl", "Zp"})
_TURNING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Bidirectional classes of characters that make a text read otherwise than it is."""

T = TypeVar("T")


def _checked(parse: Callable[[T], T]) -> AfterValidator:
    def check(value: T) -> T:
        try:
            return parse(value)
        except InputError as error:
            raise PydanticCustomError(
                DECLARED_ERROR, "{what}; {todo}", {"what": error.what, "todo": error.todo}
            ) from None

    return AfterValidator(check)


def _described(pattern: str | None = None, **more: Any) -> Any:
    extra = {"pattern": pattern, **more} if pattern else more
    return Field(json_schema_extra=extra)


def _line(text: str) -> str:
    return _without_controls(text, "", "write it in one plain line")


def _text(text: str) -> str:
    return _without_controls(text, "\n\t", "remove it; newlines and tabs may stay")


def _without_controls(text: str, harmless: str, todo: str) -> str:
    if text.isprintable():  # and so without any of them; most texts leave here
        return text
    for char in text:
        if char in harmless:
            continue
        if unicodedata.category(char) == "Cs":
            raise InputError(f"holds half a character, {_code(char)}", "remove its \\u escape")
        if unicodedata.category(char) in _CONTROLS or unicodedata.bidirectional(char) in _TURNING:
            raise InputError(f"holds the control character {_code(char)}", todo)
    return text


def _code(char: str) -> str:
    return f"U+{ord(char):04X}"


def _matching(pattern: str, what: str, todo: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise InputError(what, todo)
        return text

    return check


def _icon(text: str) -> str:
    if len(_line(text)) > _LONGEST_ICON:
        raise InputError(f"{len(text)} characters long", f"use at most {_LONGEST_ICON}: one emoji")
    return text


def _package(text: str) -> str:
    for prefix in ("nixpkgs#", "nixpkgs.", "pkgs."):
        if text.startswith(prefix):
            raise InputError(
                "more than the attribute's name", f'write "{text.removeprefix(prefix)}"'
            )
    if re.fullmatch(PACKAGE_PATTERN, text) is None:
        raise InputError(
            "not the name of a nixpkgs attribute",
            "write it as in nixpkgs: ripgrep, python3Packages.requests",
        )
    return text


def _reference(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise InputError("not a flake reference", f'write "flake:{text}" for the registry\'s entry')
    if text.startswith("."):
        raise InputError(
            "relative, but the rendered flake stands elsewhere", "write an absolute path"
        )
    if re.fullmatch(REFERENCE_PATTERN, text) is None:
        raise InputError(
            "not a flake reference", "write one such as github:NixOS/nixpkgs/nixos-26.05"
        )
    return text


def _bash(text: str) -> str:
    full = _FULL_RULE.fullmatch(_line(text))
    if full and full[1] == "Bash":
        raise InputError(
            "written as a full rule",
            f'write only what stands inside the parentheses: "{full[2]}"',
        )
    if full and full[1] in BUILTIN_TOOLS:
        raise InputError(f"a rule for the tool {full[1]}", "write it in tools.allow or tools.deny")
    if text in BUILTIN_TOOLS:
        raise InputError(
            "the name of a tool, not a command",
            'write commands, such as "git status"; "*" is every command',
        )
    _parsed(f"Bash({text})")
    return text


def _rule(text: str) -> str:
    _parsed(_line(text))
    return text


def _parsed(text: str) -> None:
    if len(text) > _LONGEST_RULE:
        raise InputError(
            f"{len(text)} characters long", f"use at most {_LONGEST_RULE}, or put it in a script"
        )
    try:
        parse_rule(text)
    except RuleError as error:
        raise InputError(error.message, error.todo) from None


def _tool(text: str) -> str:
    if text not in BUILTIN_TOOLS:
        raise InputError(
            "not a tool of Claude Code",
            did_you_mean(text, BUILTIN_TOOLS, f"choose from {', '.join(sorted(BUILTIN_TOOLS))}"),
        )
    return text


def _mcp_name(text: str) -> str:
    if text.lower() == names.HIVE_SERVER:
        raise InputError("the name of hyperhive's own MCP server", "give this server another name")
    if re.fullmatch(MCP_NAME_PATTERN, text) is None or len(text) > _LONGEST_MCP_NAME:
        raise InputError(
            "not a name of an MCP server",
            f"use at most {_LONGEST_MCP_NAME} letters, digits, hyphens and single underscores",
        )
    return text


def _command(text: str) -> str:
    if not _line(text).strip():
        raise InputError("empty", "name the program that serves MCP on its standard input")
    if " " in text:
        raise InputError("holds a space", "write the program here and its arguments in args")
    return text


def _compact_percent(value: int) -> int:
    if value != 0 and not LEAST_COMPACT_PERCENT <= value <= MOST_COMPACT_PERCENT:
        raise InputError(
            "not a share at which a conversation can be compacted",
            f"use {LEAST_COMPACT_PERCENT} to {MOST_COMPACT_PERCENT}; 0 is never",
        )
    return value


Line = Annotated[str, _checked(_line)]
"""Text in one line."""
Text = Annotated[str, _checked(_text)]
"""Text in any number of lines."""
AgentKey = Annotated[AgentName, _checked(names.parse_agent_name)]
Recipient = Annotated[str, _checked(_line)]
HiveName = Annotated[str, _checked(names.parse_hive_name), _described(names.HIVE_NAME_PATTERN)]
Icon = Annotated[str, _checked(_icon), _described(None, maxLength=_LONGEST_ICON)]
ModelName = Annotated[
    str,
    _checked(
        _matching(
            MODEL_PATTERN,
            "not a name of a model",
            "use an alias (opus, sonnet, haiku) or a full name such as claude-sonnet-5-5",
        )
    ),
    _described(MODEL_PATTERN),
]
BashRule = Annotated[str, _checked(_bash)]
"""What stands inside `Bash(...)`."""
ToolRule = Annotated[str, _checked(_rule)]
"""A rule in Claude Code's grammar."""
ToolName = Annotated[str, _checked(_tool), _described(None, enum=sorted(BUILTIN_TOOLS))]
PackageName = Annotated[str, _checked(_package), _described(PACKAGE_PATTERN)]
FlakeReference = Annotated[str, _checked(_reference), _described(REFERENCE_PATTERN)]
StateVersion = Annotated[
    str,
    _checked(_matching(STATE_VERSION_PATTERN, "not a NixOS release", 'write one such as "26.05"')),
    _described(STATE_VERSION_PATTERN),
]
McpName = Annotated[str, _checked(_mcp_name)]
McpTool = Annotated[
    str,
    _checked(
        _matching(
            MCP_TOOL_PATTERN, "not a name of an MCP tool", 'write the tool\'s own name, or "*"'
        )
    ),
    _described(MCP_TOOL_PATTERN),
]
Command = Annotated[str, _checked(_command)]
Variable = Annotated[str, _checked(variables.parse_variable)]
AgentVariable = Annotated[str, _checked(variables.parse_agent_variable)]
CredentialPath = Annotated[
    str, _checked(host_paths.parse_credential_path), _described(host_paths.PATH_PATTERN)
]
BindSource = Annotated[
    str, _checked(host_paths.parse_bind_source), _described(host_paths.PATH_PATTERN)
]
BindTarget = Annotated[
    str, _checked(host_paths.parse_bind_target), _described(host_paths.PATH_PATTERN)
]
ProgramPath = Annotated[str, _checked(host_paths.parse_path), _described(host_paths.PATH_PATTERN)]
"""An executable, by its absolute path."""
NameServer = Annotated[str, _checked(addresses.parse_name_server)]
ListeningAddress = Annotated[str, _checked(addresses.parse_listening_address)]
Memory = Annotated[str, _checked(limits.parse_memory), _described(limits.MEMORY_PATTERN)]
Cpu = Annotated[str, _checked(limits.parse_cpu), _described(limits.CPU_PATTERN)]
UidBase = Annotated[
    int,
    _checked(uids.parse_uid_base),
    _described(None, minimum=uids.FIRST_BASE, maximum=uids.LAST_BASE, multipleOf=uids.SIZE),
]
CompactPercent = Annotated[
    int,
    _checked(_compact_percent),
    _described(
        None,
        anyOf=[
            {"const": 0},
            {"minimum": LEAST_COMPACT_PERCENT, "maximum": MOST_COMPACT_PERCENT},
        ],
    ),
]
"""Percent of a model's context window; 0: never."""
NotesKib = Annotated[int, Field(ge=0, le=1024)]
"""Size of an agent's notes; 0: no bound."""
