"""Warnings about rules that let through more than they look, or hold back less."""

import re
from typing import Final

from hyperhive.hive.rule_bash_risks import bash_risks
from hyperhive.hive.rule_glob import has_wildcard
from hyperhive.hive.rule_grammar import Rule, RuleWarning, mcp_parts
from hyperhive.hive.rule_words import operators, words

_OWN_SERVER: Final = "hyperhive"
_BOUNDARY: Final = "the container is the boundary: leave out what must not be reached"
_WHOLE_DISK: Final = {
    "Edit": RuleWarning(
        "edits every file on the disk that the agent's user may write", "write Edit(./**)"
    ),
    "Write": RuleWarning(
        "writes every file on the disk that the agent's user may write",
        "write Edit(./**), which covers creating files too",
    ),
    "NotebookEdit": RuleWarning(
        "edits every notebook on the disk that the agent's user may write", "write Edit(./**)"
    ),
    "Read": RuleWarning(
        "reads every file on the disk that the agent's user may read",
        "remove the rule: files in the working directory need none; name others, as in"
        " Read(//srv/data/**)",
    ),
    "Glob": RuleWarning(
        "lists every directory on the disk",
        "remove the rule: the working directory needs none; name others, as in Read(//srv/data/**)",
    ),
    "Grep": RuleWarning(
        "searches every directory on the disk",
        "remove the rule: the working directory needs none; name others, as in Read(//srv/data/**)",
    ),
}
_MONITOR: Final = RuleWarning(
    "runs any shell command in the background, whatever the rules for Bash say",
    "remove the rule: Monitor may run what the Bash rules allow",
)
_EVERY_HOST: Final = RuleWarning(
    "fetches from every host, and an address can carry data out",
    "name the hosts, as in WebFetch(domain:docs.rs)",
)
_EVERYWHERE: Final = frozenset({"//**", "//*", "//**/*"})
_OPTIONS_FIRST: Final = {
    "cargo": "--offline",
    "docker": "--debug",
    "git": "-c a.b=c",
    "kubectl": "-v=0",
    "nix": "--offline",
    "npm": "--silent",
    "podman": "--log-level=info",
    "systemctl": "--quiet",
}
"""Programs with sub-commands, and an option of each that may stand before one."""


def rule_warnings(rule: Rule, *, allow: bool) -> list[RuleWarning]:
    """What to know about a rule.

    Args:
        allow: whether it stands among the allow rules or among the deny rules.
    """
    if rule.tool in {"Edit", "Read"} and rule.specifier is not None:
        warnings = _path_form(rule.tool, rule.specifier)
    else:
        warnings = []
    return warnings + (_allowed(rule) if allow else _denied(rule))


def _allowed(rule: Rule) -> list[RuleWarning]:
    tool, specifier = rule.tool, rule.specifier
    if tool == "Bash":
        return bash_risks(specifier)
    if tool in _WHOLE_DISK and (specifier is None or specifier in _EVERYWHERE):
        return [_WHOLE_DISK[tool]]
    if tool == "Monitor":
        return [_MONITOR]
    if tool == "WebFetch":
        return _web(specifier)
    return []


def _web(specifier: str | None) -> list[RuleWarning]:
    host = "*" if specifier is None else specifier.removeprefix("domain:")
    before, star, end = host.rpartition("*")
    if not star or (end.startswith(".") and end.count(".") > 1):
        return []
    if not before.strip("*.") and not end.strip("."):
        return [_EVERY_HOST]
    if end.startswith("."):
        message = f"fetches from every host under {end}, anybody's"
    else:
        other = f"{before.replace('*', 'x')}{'x.example' if not end else 'not-'}{end}"
        message = f"fetches from hosts of other people too, such as {other}"
    return [RuleWarning(message, "put the wildcard before a whole name: domain:*.rust-lang.org")]


def _path_form(tool: str, path: str) -> list[RuleWarning]:
    warnings = []
    if path == "*" and tool == "Edit":
        warnings.append(
            RuleWarning(
                "covers editing, not creating files, and before version 2.1.330 the whole disk",
                "write Edit(./**)",
            )
        )
    if path.startswith("!"):
        warnings.append(
            RuleWarning(
                "Claude Code was not seen to heed a `!`: the files stay as the other rules say",
                f"put {tool}({path[1:]}) among the deny rules",
            )
        )
    if path.startswith("/") and not path.startswith("//"):
        warnings.append(
            RuleWarning(
                "one slash is not the root of the disk: it is the working directory for a rule"
                " given as a flag, and the settings file's directory for one in settings",
                f"write {tool}(/{path}) for the root, or {tool}(.{path}) for the working directory",
            )
        )
    if re.search(r"\{[^}]*,[^}]*\}", path):
        warnings.append(
            RuleWarning("braces stand for themselves in a path", "write one rule for each path")
        )
    return warnings


def _denied(rule: Rule) -> list[RuleWarning]:
    parts = mcp_parts(rule.tool)
    if parts is not None and parts[0] == _OWN_SERVER:
        return [
            RuleWarning(
                "takes the hive's own tools away: without send the agent can answer nobody",
                "remove the rule; recipients says whom the agent may write to",
            )
        ]
    if rule.tool != "Bash" or rule.specifier is None or not rule.specifier.strip("* "):
        return []
    return _denied_command(rule.specifier)


def _denied_command(specifier: str) -> list[RuleWarning]:
    if operators(specifier):
        return [
            RuleWarning(
                "spans a shell operator, but Claude Code compares the parts of a command one by"
                " one, so this catches little",
                "deny the program that must not run, as in Bash(sh *)",
            )
        ]
    if not has_wildcard(specifier):
        return [
            RuleWarning(
                f"denies `{specifier}` to the letter: with one more argument it passes",
                f"write Bash({specifier} *); {_BOUNDARY}",
            )
        ]
    program, *rest = words(specifier)
    if program in _OPTIONS_FIRST and rest and rest[0] != "*":
        same = " ".join((program, _OPTIONS_FIRST[program], rest[0].rstrip("*")))
        return [
            RuleWarning(
                f"`{same}` and `sh -c '{program} {rest[0].rstrip('*')}'` pass this rule where"
                f" `{program} *`, a shell or every command is allowed",
                f"allow single commands of {program} rather than deny some; {_BOUNDARY}",
            )
        ]
    return []
