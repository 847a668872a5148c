"""The deploy directory as root's git repository: a commit a deploy, so that its log is theirs.

Nobody but root writes there, so git runs in no repository that somebody else has a hand in; all
the same it gets no configuration but ours, runs no hook and asks nobody. A commit is made of the
directory as it is, and has happened at one moment: when the branch is moved. What that stands for
is on the disk before, the moved branch after.
"""

import logging
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from hyperhive.deploy.commands import run
from hyperhive.deploy.marked_files import sync_directory, write_file
from hyperhive.errors import HyperhiveError
from hyperhive.render.write import STAGING, sync_file_system

logger: Final = logging.getLogger(__name__)

SECONDS: Final = 120.0
"""Longest time that a git command may take."""
BRANCH: Final = "refs/heads/main"

_EXCLUDED: Final = f"# Written by `hyperhive reconcile`.\n/.reconciled/\n/{STAGING}/\n".encode()
_AT_ONCE: Final = 200
"""Paths of one command: its arguments have a limit."""
_CONFIGURATION: Final = {
    # Older ones do not know the setting; for them there is syncfs.
    "core.fsync": "all",
    "core.hooksPath": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.autocrlf": "false",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "gc.auto": "0",
    "init.defaultBranch": "main",
    "maintenance.auto": "false",
    "protocol.allow": "never",
}
_ENVIRONMENT: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    # To look must not write.
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "hyperhive",
    "GIT_AUTHOR_EMAIL": "root@hive.internal",
    "GIT_COMMITTER_NAME": "hyperhive",
    "GIT_COMMITTER_EMAIL": "root@hive.internal",
    "GIT_CONFIG_COUNT": str(len(_CONFIGURATION)),
    **{f"GIT_CONFIG_KEY_{at}": key for at, key in enumerate(_CONFIGURATION)},
    **{f"GIT_CONFIG_VALUE_{at}": value for at, value in enumerate(_CONFIGURATION.values())},
}


class Repository:
    """The repository of a deploy directory. Used under reconcile's lock alone.

    Every method raises HyperhiveError where git is not there or fails.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._git = directory / ".git"

    def prepare(self) -> None:
        """Make the repository if there is none; remove the locks of a git that was killed."""
        if shutil.which("git") is None:
            raise HyperhiveError(
                "there is no git, which keeps the history of what is deployed",
                "install git, or start hyperhive-reconcile.service, which brings its own",
            )
        for lock in _locks(self._git):
            lock.unlink(missing_ok=True)
            logger.warning("removed %s: whoever held it was killed", lock)
        # It is written last, so it says that the rest is there.
        exclude = self._git / "info" / "exclude"
        if _content(exclude) != _EXCLUDED:
            # The tree is the directory around it: told of it, git would write its path down.
            self._git_run(["init", "--quiet", "--template="], {})
            write_file(exclude, _EXCLUDED)
        if _content(self._git / "HEAD") != f"ref: {BRANCH}\n".encode():
            self._run("symbolic-ref", "HEAD", BRANCH)

    def head(self) -> str:
        """The newest commit; "": there is none."""
        return self._run("for-each-ref", "--format=%(objectname)", BRANCH).strip()

    def changed(self) -> list[str]:
        """The paths that are not as the newest commit has them. Writes nothing."""
        entries = self._run("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames")
        return sorted({entry[3:] for entry in entries.split("\0") if entry})

    def commit(self, message: str) -> str:
        """Make a commit of the directory as it is; returns its id, or "" where nothing is new."""
        before, tree = self.head(), self._tree()
        if before and tree == self._run("rev-parse", f"{before}^{{tree}}").strip():
            return ""
        return self._advance(before, tree, message)

    def record(self, message: str) -> str:
        """Make a commit of the directory as it is, new or not; returns its id."""
        return self._advance(self.head(), self._tree(), message)

    def restore(self, paths: Iterable[str], commit: str) -> None:
        """Put files back as a commit has them; those that it does not have are removed."""
        wanted = sorted(set(paths))
        self._run("read-tree", commit)
        for some in _portions(wanted):
            listed = self._run("ls-files", "-z", "--cached", "--", *map(_literal, some))
            tracked = [path for path in listed.split("\0") if path in some]
            if tracked:
                self._run("checkout-index", "--force", "--quiet", "--", *tracked)
            for path in set(some) - set(tracked):
                _remove(self._directory, path)
        sync_file_system(self._directory)

    def text(self, path: str, commit: str) -> str:
        """What a file holds in a commit; "": it is not there."""
        if not self._run("ls-tree", "--full-tree", "--name-only", commit, "--", path):
            return ""
        return self._run("cat-file", "blob", f"{commit}:{path}")

    def subjects(self, after: str) -> list[str]:
        """The first lines of the messages of all commits after one."""
        return self._run("log", "--format=%s", f"{after}..{BRANCH}").splitlines()

    def _tree(self) -> str:
        self._run("add", "--all")
        return self._run("write-tree").strip()

    def _advance(self, before: str, tree: str, message: str) -> str:
        parents = ["-p", before] if before else []
        commit = self._run("commit-tree", tree, *parents, "-m", message).strip()
        sync_file_system(self._directory)
        self._run("update-ref", BRANCH, commit, before or "0" * 40)
        sync_directory(self._git / "refs" / "heads")
        return commit

    def _run(self, *words: str) -> str:
        return self._git_run(words, {"GIT_WORK_TREE": os.fspath(self._directory)})

    def _git_run(self, words: Sequence[str], more: Mapping[str, str]) -> str:
        return run(
            ["git", "-C", os.fspath(self._directory), *words],
            agent=None,
            seconds=SECONDS,
            todo=f"look at {self._directory}, a git repository of root's",
            environment={**_ENVIRONMENT, "GIT_DIR": os.fspath(self._git), **more},
            level=logging.DEBUG,
        )


def _locks(git: Path) -> Iterable[Path]:
    yield from git.glob("*.lock")
    yield from (git / "refs").rglob("*.lock")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _portions(paths: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(paths), _AT_ONCE):
        yield paths[start : start + _AT_ONCE]


def _literal(path: str) -> str:
    """A pathspec that is a path and no pattern (gitglossary(7))."""
    return f":(literal){path}"


def _remove(directory: Path, path: str) -> None:
    """Remove a file, and the directories that held nothing else, but none at the top."""
    place = directory / path
    with suppress(FileNotFoundError, NotADirectoryError):
        place.unlink()
    for parent in Path(path).parents[:-2]:
        try:
            (directory / parent).rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return
