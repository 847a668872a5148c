"""Runs git in repositories of the broker's own, and in no other."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hyperhive.errors import HyperhiveError

LIMIT_SECONDS: Final = 20.0
"""How long one run of git may take."""

_SETTINGS: Final = {
    "core.hooksPath": os.devnull,
    "core.fsync": "all",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
}


class GitError(HyperhiveError):
    """git could not do what was asked of it."""


class NoGitError(GitError):
    """There is no git."""


async def git(
    repository: Path, *arguments: str, said: bytes = b"", seconds: float = LIMIT_SECONDS
) -> bytes:
    """What git says of a bare repository, or after a change of it.

    No setting of this user's or of the machine's counts, and no hook runs. What is made can be read
    by everyone: the manager's container has other uids.

    Args:
        said: what it reads on standard input.

    Raises:
        NoGitError: there is none.
        GitError: it failed, or took longer than `seconds`.
    """
    settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    try:
        process = await asyncio.create_subprocess_exec(
            "git", f"--git-dir={repository}", *settings, *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
            env=_environment(os.environ),
            umask=0o022,
        )  # fmt: skip
    except FileNotFoundError:
        raise NoGitError("git is missing", "put it on the broker's PATH") from None
    except OSError as error:
        raise GitError(f"git cannot be run: {error.strerror}") from None
    try:
        async with asyncio.timeout(seconds):
            answer, complaint = await process.communicate(said)
    except TimeoutError:
        raise GitError(f"{repository}: git {arguments[0]} took over {seconds:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    if process.returncode:
        words = " ".join(complaint.decode("utf-8", "replace").split()) or "it said nothing"
        raise GitError(f"{repository}: git {arguments[0]} failed: {words[:500]}")
    return answer


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": own.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }
