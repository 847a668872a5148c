"""`python -I -S proposed_repositories.py PROPOSED RECORD HIVE`: makes the missing repositories.

One for each agent, in PROPOSED/NAME/config, with a commit to begin with: the files that are
deployed (`main` of RECORD/NAME, the broker's bare repository), or a template where nothing is. A
repository appears with its first commit in it or not at all, whenever this is ended. Run by the
manager's bridge, so that everything in there is the manager's.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

if not __package__:  # started by path: see bridge.py
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from hyperhive.wire import identity
from hyperhive.wire.agent_toml import TEMPLATE
from hyperhive.wire.bridge import missing
from hyperhive.wire.commit_calls import AGENT_NAME
from hyperhive.wire.commit_reader import SECONDS, git_environment
from hyperhive.wire.git_objects import ALLOWED

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
"""What a repository begins with where nothing is deployed."""
MESSAGE: Final = "Begin with what the operator declared"
DEPLOYED: Final = "Begin with what is deployed"
SPAWN: Final = "Spawn {name}"
"""The message of the commit that asks for a new agent."""
_MAIN: Final = "refs/heads/main"
_PROPOSAL: Final = "refs/hyperhive/proposal/"
_TAG: Final = "refs/tags/"
_NEW: Final = ".git.new"


def deployed_files(record: Path) -> dict[str, bytes] | None:
    """The files that an agent runs with.

    Args:
        record: the broker's repository for it; {} where that is not there or has no `main`.

    Returns:
        None: the agent is new and is being deployed, so that it cannot be said yet.

    Raises:
        OSError: there is no git.
        subprocess.SubprocessError: git fails.
    """
    if not record.exists():
        return {}
    # Its owner is another, which git minds only where it has to look for the repository itself.
    form = "--format=%(refname) %(objectname) %(subject)"
    lines = _git(f"--git-dir={record}", "for-each-ref", form).decode("utf-8", "replace")
    refs = {ref: rest for ref, _, rest in (line.partition(" ") for line in lines.splitlines())}
    if _MAIN in refs:
        return _files(record, refs[_MAIN].split()[0])
    ended = {ref.rpartition("/")[2] for ref in refs if ref.startswith(_TAG)}
    spawn = SPAWN.format(name=record.name)
    for ref, rest in refs.items():
        wished = ref.startswith(_PROPOSAL) and ref.removeprefix(_PROPOSAL) not in ended
        if wished and rest.partition(" ")[2] == spawn:
            return None
    return {}


def _files(record: Path, commit: str) -> dict[str, bytes]:
    directory = f"--git-dir={record}"
    names = _git(directory, "ls-tree", "-z", "--name-only", commit).decode().split("\0")
    return {
        name: _git(directory, "cat-file", "blob", f"{commit}:{name}")
        for name in names
        if name in ALLOWED
    }


def make_repository(config: Path, hive: str, deployed: Mapping[str, bytes] | None = None) -> None:
    """Make the repository of an agent; files that are there already stay.

    Args:
        deployed: the files that it begins with; None or {}: those of an agent as it is declared.

    Raises:
        OSError: something cannot be written, or there is no git.
        subprocess.SubprocessError: git fails.
    """
    config.mkdir(mode=0o750, exist_ok=True)
    new = config / _NEW
    # Of a run that was ended; an empty directory is no change for git, so it may stay at the end.
    shutil.rmtree(new, ignore_errors=True)
    # Without templates, since they would be hooks.
    _git("init", "--quiet", "--initial-branch=main", "--template=", str(new))
    files = deployed or {name: text.encode() for name, text in FILES.items()}
    for name, content in files.items():
        _write_new(config / name, content)
    repository = (f"--git-dir={new}/.git", f"--work-tree={config}")
    _git(*repository, "add", "--", *files)
    message = DEPLOYED if deployed else MESSAGE
    _git(*repository, "commit", "--quiet", f"--message={message}", **_people(hive))
    (new / ".git").rename(config / ".git")
    new.rmdir()


def _write_new(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return


def _people(hive: str) -> dict[str, str]:
    email = identity.email(identity.HYPERHIVE, hive)
    return {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", identity.HYPERHIVE), ("EMAIL", email))
    }


def _git(*arguments: str, **variables: str) -> bytes:
    return subprocess.run(
        ["git", *arguments],
        env=git_environment() | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=SECONDS,
        check=True,
    ).stdout


def main(proposed: str, record: str, hive: str) -> int:
    """Make every repository that is missing; the exit status is 1 if one could not be made."""
    status = 0
    for name in filter(AGENT_NAME.fullmatch, missing(proposed)):
        try:
            deployed = deployed_files(Path(record, name))
            if deployed is not None:
                make_repository(Path(proposed, name, "config"), hive, deployed)
        except (OSError, subprocess.SubprocessError) as error:
            print(f"hyperhive: no repository to propose in for {name}: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(*sys.argv[1:]))
