"""What git commands do beyond what their names say.

Each entry was tried with git 2.39: the option given ran a program, or wrote to a file of the
caller's choice.
"""

from collections.abc import Sequence
from typing import Final

from hyperhive.hive.rule_glob import has_wildcard
from hyperhive.hive.rule_grammar import RuleWarning

_ANY: Final = RuleWarning(
    "is arbitrary code: git runs programs, as in git -c alias.x='!command' x,"
    " git rebase --exec and git grep -O",
    "allow single sub-commands: Bash(git add *), Bash(git commit *); git status, git log and"
    " git diff need no rule",
)
_RUNS: Final = {
    "archive": "git archive --remote=. --exec=command",
    "bisect": "git bisect run command",
    "clone": "git clone -u command, or -c with a setting that names one",
    "config": "git config alias.x '!command'",
    "difftool": "git difftool -x command",
    "fetch": "git fetch --upload-pack=command",
    "filter-branch": "git filter-branch --tree-filter command",
    "grep": "git grep -Ocommand",
    "init": "git init --template=DIR, which brings hooks that later commands run",
    "ls-remote": "git ls-remote --upload-pack=command",
    "pull": "git pull --upload-pack=command",
    "push": "git push --receive-pack=command",
    "rebase": "git rebase --exec command",
    "send-email": "git send-email --sendmail-cmd=command",
    "submodule": "git submodule foreach command",
}
_WRITES: Final = {
    "blame": "--output=FILE",
    "bundle": "create FILE",
    "checkout-index": "--prefix=DIR",
    "diff": "--output=FILE",
    "diff-tree": "--output=FILE",
    "fast-export": "--export-marks=FILE",
    "format-patch": "-o DIR",
    "log": "--output=FILE",
    "range-diff": "--output=FILE",
    "reflog": "--output=FILE",
    "rev-list": "--output=FILE",
    "shortlog": "--output=FILE",
    "show": "--output=FILE",
    "stash": "show --output=FILE",
    "whatchanged": "--output=FILE",
}
_NEED_NO_RULE: Final = frozenset({"blame", "diff", "grep", "log", "ls-remote", "reflog", "show"})
"""What Claude Code allows without a rule as long as no option runs or writes anything."""
_BY_NEXT_WORD: Final = frozenset({"bisect", "bundle", "config", "stash", "submodule"})
"""Sub-commands whose next word, once it is fixed, decides whether they are risky."""
_RISKY_NEXT: Final = frozenset({"--global", "--local", "create", "foreach", "run"})


def git_risks(arguments: Sequence[str]) -> list[RuleWarning]:
    """Warnings about an allow rule for git, given its words after `git`."""
    if not any(map(has_wildcard, arguments)):
        return []
    command, *rest = arguments
    if has_wildcard(command):
        stem = command.partition("*")[0]
        if any(name.startswith(stem) for name in _RUNS):
            return [_ANY]
        command = next((name for name in _WRITES if name.startswith(stem)), stem)
    elif command.startswith("-"):
        return [_ANY]
    elif command in _BY_NEXT_WORD and not has_wildcard(rest[0]) and rest[0] not in _RISKY_NEXT:
        return []
    written = " ".join(["git", *arguments])
    if command in _NEED_NO_RULE:
        instead = f"remove the rule: git {command} needs none, without such options"
    else:
        instead = f"write each command out, without *, as in Bash({_example(command, rest)})"
    if command in _RUNS:
        return [RuleWarning(f"`{written}` is arbitrary code: {_RUNS[command]}", instead)]
    if command in _WRITES:
        return [
            RuleWarning(
                f"`{written}` writes any file, inside the working directory or not:"
                f" git {command} {_WRITES[command]}",
                instead,
            )
        ]
    return []


def _example(command: str, rest: Sequence[str]) -> str:
    fixed = [word for word in rest if not has_wildcard(word)]
    typical = {"push": ["origin", "main"], "fetch": ["origin"], "rebase": ["main"]}
    return " ".join(["git", command, *(fixed or typical.get(command, []))])
