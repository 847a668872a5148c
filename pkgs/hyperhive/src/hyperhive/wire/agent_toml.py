"""The agent.toml that a new proposed repository begins with.

The text follows from the schema of proposals (`hive/agent_toml_template.py`), which the bridge does
not import; a test holds both together.
"""

from typing import Final

TEMPLATE: Final = """\
#
# Every setting that a proposal may change stands here with an example: take
# away its `#`, and that of the [table] that it stands in. What is left out
# stays as the operator declares it. A list takes the place of the declared one
# as a whole; [environment] and [mcp] only add to the declared ones, or replace
# single ones of them.

# The model of this agent.
#model = "opus"

# The agent's own part of its system prompt, after the hive's.
#system_prompt = "You own the parser. Ask alice before you change its grammar."

# Programs in the container, as attributes of nixpkgs.
#packages = ["ripgrep", "python3Packages.requests"]

# Rules for shell commands.
#[bash]
# Commands that may run: the text inside `Bash(...)` of Claude Code's rules. A
# trailing ` *` stands for any arguments.
#allow = ["git status", "make test"]
# Commands that may not run, whatever else allows them. Rules steer; the
# container is the boundary.
#deny = ["git push *"]

# When what the agent remembers is made shorter.
#[conversation]
# Size of notes.md, in KiB, from which a short second session rewrites it
# shorter. 0: never.
#notes_kib = 32

# Variables of claude and everything it starts, besides the declared ones. No
# secrets here.
#[environment]
#LANG = "C.UTF-8"

# MCP servers by name, besides the declared ones. One of the same name takes
# the declared one's place as a whole.
#[mcp.github]
# The program: a name found through packages, or an absolute path.
#command = "github-mcp-server"
# Its arguments.
#args = ["stdio", "--read-only"]
# Variables of this program alone. Secrets go to the agent's credentials.
#environment = { GITHUB_HOST = "https://git.example.org" }
# Its tools that the agent may call; "*" stands for all of them.
#tools = ["get_issue", "list_issues"]
"""
"""Every line is a comment, so it changes nothing."""
