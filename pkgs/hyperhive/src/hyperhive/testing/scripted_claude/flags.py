"""The claude CLI's flags, as far as hyperhive uses them, with the CLI's own error texts.

A flag that is not listed here is refused as the CLI refuses an unknown one, so that a harness that
begins to use another flag finds out.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

VERSION: Final = "2.1.330"
"""The version of the CLI that this stands in for."""

PERMISSION_MODES: Final = (
    "acceptEdits",
    "auto",
    "bypassPermissions",
    "manual",
    "dontAsk",
    "plan",
)
OUTPUT_FORMATS: Final = ("text", "json", "stream-json")


class UsageError(Exception):
    """The CLI ends with this line on stderr, exit code 1."""


class Takes(Enum):
    """How many values follow a flag."""

    NOTHING = 0
    ONE = 1
    MANY = 2
    """Everything up to the next flag."""


class Flag(NamedTuple):
    """One flag: the names it has, the values it takes and as what --help shows them."""

    names: tuple[str, ...]
    takes: Takes
    value: str = ""
    choices: tuple[str, ...] = ()
    listed: bool = True

    @property
    def name(self) -> str:
        """The long name, `--model`."""
        return next(name for name in self.names if name.startswith("--"))

    @property
    def usage(self) -> str:
        """`--model <model>`"""
        return ", ".join(self.names) + (f" {self.value}" if self.value else "")


FLAGS: Final = (
    Flag(("--add-dir",), Takes.MANY, "<directories...>"),
    Flag(("--allowedTools", "--allowed-tools"), Takes.MANY, "<tools...>"),
    Flag(("--append-system-prompt-file",), Takes.ONE, "<file>", listed=False),
    Flag(("--disallowedTools", "--disallowed-tools"), Takes.MANY, "<tools...>"),
    Flag(("-h", "--help"), Takes.NOTHING),
    Flag(("--mcp-config",), Takes.MANY, "<configs...>"),
    Flag(("--model",), Takes.ONE, "<model>"),
    Flag(("--no-session-persistence",), Takes.NOTHING),
    Flag(("--output-format",), Takes.ONE, "<format>", OUTPUT_FORMATS),
    Flag(("--permission-mode",), Takes.ONE, "<mode>", (*PERMISSION_MODES, "default")),
    Flag(("-p", "--print"), Takes.NOTHING),
    Flag(("-r", "--resume"), Takes.ONE, "[value]"),
    Flag(("--session-id",), Takes.ONE, "<uuid>"),
    Flag(("--setting-sources",), Takes.ONE, "<sources>"),
    Flag(("--settings",), Takes.ONE, "<file-or-json>"),
    Flag(("--strict-mcp-config",), Takes.NOTHING),
    Flag(("--system-prompt-file",), Takes.ONE, "<file>", listed=False),
    Flag(("--system-prompt-snapshot",), Takes.ONE, "<on|off>", ("on", "off")),
    Flag(("--tools",), Takes.MANY, "<tools...>"),
    Flag(("--verbose",), Takes.NOTHING),
    Flag(("-v", "--version"), Takes.NOTHING),
)

HELP: Final = "\n".join(
    (
        "Usage: claude [options] [command] [prompt]",
        "",
        "A scripted stand-in for Claude Code: no model, no network",
        "",
        "Options:",
        *(f"  {flag.usage}" for flag in FLAGS if flag.listed),
    )
)

_BY_NAME: Final = {name: flag for flag in FLAGS for name in flag.names}


@dataclass
class CommandLine:
    """A command line that was read: each flag's values under its long name."""

    values: dict[str, list[str]] = field(default_factory=dict)

    def given(self, name: str) -> bool:
        """Whether the flag is there."""
        return name in self.values

    def value(self, name: str) -> str | None:
        """The flag's last value."""
        return self.values[name][-1] if self.values.get(name) else None

    def rules(self, name: str) -> list[str]:
        """The flag's values as tool names or rules, which commas or spaces part."""
        return [rule for value in self.values.get(name, []) for rule in split_rules(value)]


def parse(argv: list[str]) -> CommandLine:
    """Read the arguments that follow the program's name.

    Raises:
        UsageError: as the CLI would refuse them.
    """
    line = CommandLine()
    rest = list(argv)
    while rest:
        name, equals, attached = rest.pop(0).partition("=")
        flag = _BY_NAME.get(name)
        if flag is None:
            if not name.startswith("-"):
                raise UsageError(f"error: the prompt is read from stdin, not from '{name}'")
            raise UsageError(f"error: unknown option '{name}'")
        values = [attached] if equals else []
        match flag.takes:
            case Takes.ONE if not equals:
                values = [rest.pop(0)] if rest else []
            case Takes.MANY if not equals:
                # An empty value counts: `--tools ""` means none.
                while rest and not rest[0].startswith("-"):
                    values.append(rest.pop(0))
            case _:
                pass
        if flag.takes is not Takes.NOTHING and not values:
            raise UsageError(f"error: option '{flag.usage}' argument missing")
        for value in values:
            if flag.choices and value not in flag.choices:
                shown = ", ".join(choice for choice in flag.choices if choice != "default")
                raise UsageError(
                    f"error: option '{flag.usage}' argument '{value}' is invalid."
                    f" Allowed choices are {shown}."
                )
        line.values.setdefault(flag.name, []).extend(values)
    return line


def split_rules(text: str) -> list[str]:
    """The rules in one argument: parted by commas or spaces that are outside parentheses."""
    rules, start, depth = [], 0, 0
    for index, character in enumerate(text):
        if character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif character in ", \n" and depth == 0:
            rules.append(text[start:index])
            start = index + 1
    rules.append(text[start:])
    return [rule for rule in rules if rule]
