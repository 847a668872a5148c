"""`python -I -S proposed_repositories.py PROPOSED HIVE`: makes the repositories that are missing.

One for each agent, in PROPOSED/NAME/config, with a commit to begin with. A repository appears with
its first commit in it or not at all, whenever this is ended. Run by the manager's bridge, so that
everything in there is the manager's.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

if not __package__:  # started by path: see bridge.py
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from hyperhive.wire import identity
from hyperhive.wire.agent_toml import TEMPLATE
from hyperhive.wire.bridge import missing
from hyperhive.wire.commit_calls import AGENT_NAME
from hyperhive.wire.commit_reader import SECONDS, git_environment

README: Final = """\
# Changes to this agent

What is committed here is a proposal. Nothing changes until the operator has
approved it.

1. Change `agent.toml`. It may hold settings of the agent: model, system prompt,
   rules for shell commands, packages, MCP servers, environment. The shape of
   its container (network, binds, limits, who may write to whom) is the
   operator's alone.
2. Go here with `cd`, in a call of its own: claude's rules refuse `git -C` and
   what joins `cd` and `git`. Then `git add agent.toml` and `git commit -m "..."`,
   with a message that says why.
3. `git rev-parse HEAD` prints the commit's full id. Pass it to the tool
   `request_apply_commit`.

A commit may hold `agent.toml`, `README.md` and, where the operator permits one,
`extra.nix`: a NixOS module of the agent's container. Ordinary files in the top
directory, at most 64 KiB each; nothing else. A commit that has been passed on
stays as it is, whatever happens here.
"""
FILES: Final = {"README.md": README, "agent.toml": TEMPLATE}
MESSAGE: Final = "Begin with what the operator declared"
_NEW: Final = ".git.new"


def make_repository(config: Path, hive: str) -> None:
    """Make the repository of an agent; files that are there already stay.

    Raises:
        OSError: something cannot be written, or there is no git.
        subprocess.SubprocessError: git fails.
    """
    config.mkdir(mode=0o750, exist_ok=True)
    new = config / _NEW
    # Of a run that was ended; an empty directory is no change for git, so it may stay at the end.
    shutil.rmtree(new, ignore_errors=True)
    # Without templates, since they would be hooks.
    _git(hive, "init", "--quiet", "--initial-branch=main", "--template=", str(new))
    for name, text in FILES.items():
        _write_new(config / name, text)
    repository = (f"--git-dir={new}/.git", f"--work-tree={config}")
    _git(hive, *repository, "add", "--", *FILES)
    _git(hive, *repository, "commit", "--quiet", f"--message={MESSAGE}")
    (new / ".git").rename(config / ".git")
    new.rmdir()


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x") as file:
            file.write(text)
    except FileExistsError:
        return


def _git(hive: str, *arguments: str) -> None:
    email = identity.email(identity.HYPERHIVE, hive)
    people = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", identity.HYPERHIVE), ("EMAIL", email))
    }
    subprocess.run(
        ["git", *arguments],
        env=git_environment() | people,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        timeout=SECONDS,
        check=True,
    )


def main(proposed: str, hive: str) -> int:
    """Make every repository that is missing; the exit status is 1 if one could not be made."""
    status = 0
    for name in filter(AGENT_NAME.fullmatch, missing(proposed)):
        try:
            make_repository(Path(proposed, name, "config"), hive)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"hyperhive: no repository to propose in for {name}: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(*sys.argv[1:]))
