"""Rules that the harness gives an agent besides the declared ones. modules/agent has the same.

Absolute, because a relative rule follows the shell's directory. Wildcards in a path are escaped,
which the CLI understands; see `rule_can_name` for what it does not.
"""

import re
from typing import Final

_WILDCARD: Final = re.compile(r"[][*]")

_GIT: Final = (
    "add *",
    "cat-file -p *",
    "commit *",
    "diff",
    "diff --cached",
    "diff HEAD",
    "log",
    "log --oneline",
    "restore *",
    "rev-parse *",
    "show",
    "show HEAD",
    "status",
    "status *",
    "tag",
    "tag -l *",
)
"""What the manager proposes with.

What only reads needs no rule in the work directory, but claude asks once the shell has gone to
another. With any arguments, `git diff`, `log` and `show` write files of the caller's choice
(--output), and `git -C DIR` takes -c after it, which runs programs: so neither is among them.
"""


def own_files_rules(state: str) -> list[str]:
    """The rules that let an agent write below its work directory, and its notes."""
    own = _absolute(state)
    return [f"Edit({own}/work/**)", f"Edit({own}/notes.md)"]


def proposal_rules(proposed: str, proposals: str) -> list[str]:
    """The rules that let the manager propose: write in its repositories, and read the broker's.

    claude keeps .git out of the first rule by itself.
    """
    return [
        f"Edit({_absolute(proposed)}/**)",
        f"Read({_absolute(proposals)}/**)",
        *(f"Bash(git {command})" for command in _GIT),
    ]


def rule_can_name(path: str) -> bool:
    """Whether claude's path rules can mean this path: no escape helps with these characters."""
    return not any(character in path for character in "()?\\")


def _absolute(path: str) -> str:
    return "/" + _WILDCARD.sub(r"\\\g<0>", path)
