"""Reads a commit out of a repository that may have been made in any way, with git.

`git cat-file` runs as who owns the repository, so nothing is gained by tricking it; still it runs
nothing that the repository names. Hooks, filters, textconv, file system monitors, pagers and
aliases have no part in printing a raw object. What is missing would be fetched from a promisor
remote, by whatever transport its URL names: none is allowed, by the variable that goes before the
repository's protocol.*.allow (GIT_NO_LAZY_FETCH says the same, to newer git alone). An object that
the repository says to replace is read as it is.

A repository can also be large, endless (a FIFO) or broken: git has a limit of time and memory,
sizes are asked before contents, and no more is read than they say.
"""

import base64
import contextlib
import os
import resource
import signal
import subprocess
import threading
from types import TracebackType
from typing import Final, Self

from hyperhive.wire.git_objects import (
    MOST_BYTES,
    TREE,
    CommitObjects,
    ObjectsError,
    commit_header,
    required_sha,
    too_large,
    tree_files,
    verified,
)

SECONDS: Final = 20.0
"""How long git may take for everything."""
MEMORY: Final = 256 << 20
"""Address space of git, in bytes: a delta can stand on an object of any size."""
_END: Final = b"\n"
"""What git writes after the contents of an object."""
_MOST_ANSWER: Final = 200
"""Longest line in which git says what an object is."""
_SETTINGS: Final = (
    "core.packedGitWindowSize=16m",
    "core.packedGitLimit=64m",
    "core.deltaBaseCacheLimit=32m",
    "core.commitGraph=false",
    "core.multiPackIndex=false",
)
_ENVIRONMENT: Final = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


def git_environment() -> dict[str, str]:
    """The whole environment of a git that only the repository's own settings may steer."""
    return {**_ENVIRONMENT, "PATH": os.environ.get("PATH", os.defpath)}


def read_commit(repository: str, commit: str) -> CommitObjects:
    """The objects of a commit, verified.

    Args:
        repository: a directory with .git.
        commit: its full id.

    Raises:
        ObjectsError: it is not there, may not be proposed, or cannot be read; in words for who
            asked.
    """
    required_sha(commit)
    with _Git(repository) as git:
        raw = git.read(commit, "commit", "the commit")
        header = commit_header(raw)
        tree = git.read(header.tree, "tree", TREE)
        blobs = {sha: git.read(sha, "blob", name) for name, sha in tree_files(tree).items()}
    objects = CommitObjects(
        _encoded(raw), _encoded(tree), {sha: _encoded(blob) for sha, blob in blobs.items()}
    )
    verified(commit, objects)
    return objects


class _Git:
    """Two processes of git that answer what an object is, and give its contents."""

    def __init__(self, repository: str) -> None:
        self._repository = repository
        self._processes: list[subprocess.Popen[bytes]] = []
        self._timer = threading.Timer(SECONDS, self._expire)
        self._late = False

    def __enter__(self) -> Self:
        self._timer.start()
        try:
            self._sizes = self._start("--batch-check")
            self._contents = self._start("--batch")
        except OSError as error:
            self.__exit__(None, None, None)
            if isinstance(error, FileNotFoundError):
                raise ObjectsError("git is not installed here, so no commit can be read") from None
            raise ObjectsError(f"git cannot be run: {error.strerror}") from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # First, so that it ends no process that has another's number by then.
        self._timer.cancel()
        self._timer.join()
        self._kill()
        for process in self._processes:
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()

    def read(self, sha: str, kind: str, what: str) -> bytes:
        """The contents of an object of that kind.

        Raises:
            ObjectsError: there is none, it is of another kind or too large, or git fails.
        """
        found, size = self._ask(self._sizes, sha, what)
        if found != kind:
            raise ObjectsError(f"{sha} is a {found}, not a {kind}: give `git rev-parse HEAD`")
        if size > MOST_BYTES:
            raise too_large(what)
        if self._ask(self._contents, sha, what) != (found, size):
            raise self._failed(what)
        return self._take(size + len(_END), what)[: -len(_END)]

    def _ask(self, process: subprocess.Popen[bytes], sha: str, what: str) -> tuple[str, int]:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{sha}\n".encode())
            answer = process.stdout.readline(_MOST_ANSWER).decode("ascii", "replace").split()
        except BrokenPipeError:
            raise self._failed(what) from None
        match answer:
            case [named, found, size] if named == sha and size.isdecimal():
                return found, int(size)
            case [_, "missing"]:
                raise ObjectsError(
                    f"{what} {sha} is not in {self._repository}: commit there and give what "
                    "`git rev-parse HEAD` prints"
                )
        raise self._failed(what)

    def _start(self, mode: str) -> subprocess.Popen[bytes]:
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        git = ["git", "--no-pager", *settings, f"--git-dir={self._repository}/.git"]
        process = subprocess.Popen(
            [*git, "cat-file", mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=git_environment(),
            bufsize=0,
            process_group=0,
        )
        self._processes.append(process)
        # By now it reads the repository's settings, or waits for its first question.
        resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
        return process

    def _take(self, size: int, what: str) -> bytes:
        output = self._contents.stdout
        assert output is not None
        taken = b""
        while len(taken) < size:
            part = output.read(size - len(taken))
            if not part:
                raise self._failed(what)
            taken += part
        return taken

    def _expire(self) -> None:
        self._late = True
        self._kill()

    def _kill(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _failed(self, what: str) -> ObjectsError:
        if self._late:
            return ObjectsError(
                f"git did not read {what} within {SECONDS:g} s: make {self._repository} anew"
            )
        return ObjectsError(
            f"git cannot read {what} in {self._repository}: see what `git fsck` says there"
        )


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
