"""What a rule matches, in one plain sentence."""

from typing import Final

from hyperhive.hive.rule_glob import has_wildcard
from hyperhive.hive.rule_grammar import Rule, mcp_parts

_EVERY_USE: Final = {
    "Agent": "Starting any subagent.",
    "Bash": "Any shell command.",
    "Edit": "Editing any file on the disk that exists; creating files is another tool, Write.",
    "Glob": "Listing files in any directory of the disk.",
    "Grep": "Searching files in any directory of the disk.",
    "Monitor": "Running any shell command in the background and reading what it prints.",
    "NotebookEdit": "Editing any notebook on the disk.",
    "Read": "Reading any file on the disk.",
    "Skill": "Using any skill.",
    "Task": "Starting any subagent.",
    "WebFetch": "Fetching any page of any host.",
    "WebSearch": "Searching the web.",
    "Write": "Creating or overwriting any file on the disk.",
}
_ON_PATHS: Final = {
    "Edit": "Editing and creating files (Edit, Write, NotebookEdit, and > after a command)",
    "Read": "Reading files (Read, Glob, Grep, and commands such as cat)",
}


def explain_rule(rule: Rule) -> str:
    """Say in one sentence, on one line, which uses of which tool a rule matches."""
    parts = mcp_parts(rule.tool)
    if parts is not None:
        return _mcp(*parts)
    if rule.specifier is None:
        return _EVERY_USE.get(rule.tool, f"Every use of the tool {rule.tool}.")
    if rule.tool == "Bash":
        return _command(rule.specifier)
    if rule.tool == "Edit" and rule.specifier == "*":
        return "Editing files that exist in the working directory."
    if rule.tool in _ON_PATHS:
        return f"{_ON_PATHS[rule.tool]} {_place(rule.specifier)}."
    if rule.tool == "WebFetch":
        return _host(rule.specifier.removeprefix("domain:"))
    kind = "skill" if rule.tool == "Skill" else "subagent"
    return f'The {kind} called "{rule.specifier}".'


def _mcp(server: str, tool: str | None) -> str:
    if tool is None or tool == "*":
        return f"Every tool of the MCP server {server}."
    if "*" in tool:
        return f"The tools of the MCP server {server} whose names are {tool}, * being any text."
    return f"The tool {tool} of the MCP server {server}."


def _command(specifier: str) -> str:
    if specifier.endswith(":*"):
        return _with_or_without_more(specifier[:-2])
    if not has_wildcard(specifier):
        return f"Only the command `{specifier}`, character for character."
    if not specifier.strip("* "):
        return _EVERY_USE["Bash"]
    fixed = specifier[:-1]
    if not specifier.endswith("*") or specifier.endswith("\\*") or has_wildcard(fixed):
        return f"Commands of the form `{specifier}`, where * is any text, spaces and options too."
    if fixed.endswith(" "):
        return _with_or_without_more(fixed[:-1])
    return f"Every command that begins with `{fixed}`, also where the word goes on."


def _with_or_without_more(command: str) -> str:
    return f"The command `{command}`, alone or with any arguments after it."


def _place(path: str) -> str:
    if path.startswith("!"):
        return f"that do not match {path[1:]}, though Claude Code was not seen to heed a `!`"
    if path.startswith("//"):
        return f"that match {path[1:]}, counted from the root of the disk"
    if path.startswith("~/"):
        return f"that match {path[2:]} in the home directory"
    if path.startswith("/"):
        return f"that match {path[1:]} in the working directory or beside the settings file"
    return f"that match {path.removeprefix('./')} in the working directory"


def _host(host: str) -> str:
    if host == "*":
        return _EVERY_USE["WebFetch"]
    if host.startswith("*.") and "*" not in host[2:]:
        return f"Fetching pages of every subdomain of {host[2:]}, not of {host[2:]} itself."
    if "*" in host:
        return f"Fetching pages of every host whose name is {host}, * being any text."
    return f"Fetching pages of the host {host}, not of its subdomains."
