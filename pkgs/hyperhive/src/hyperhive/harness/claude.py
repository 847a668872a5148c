"""The claude executable: where it is, which version, which flags it knows."""

import importlib.util
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hyperhive.errors import HyperhiveError

OLDEST: Final = (2, 1, 197)
"""Oldest version whose flags and events the harness has been tested with."""
_ANNOUNCES_WAITS: Final = (2, 1, 330)
"""Oldest version known to say of every wait for the API how long it is, a subagent's too."""
_PROBE_SECONDS: Final = 30
_TODO: Final = "install claude-code, or name the executable in the agent's settings (claude)"


@dataclass(frozen=True, slots=True)
class Claude:
    """An executable that the harness can run.

    Attributes:
        path: absolute path.
        version: "2.1.330".
        prompt_snapshot: it keeps a session's first system prompt unless told not to
            (--system-prompt-snapshot off), so that a deployed change of the prompt would not take.
        announces_waits: an event tells how long it will wait for the API before it asks again,
            however long that is.
    """

    path: str
    version: str
    prompt_snapshot: bool
    announces_waits: bool = False


def find_claude(configured: str | None, search: str) -> str:
    """The path of claude: the one configured, else on the search path, else the Python package's.

    Args:
        configured: path in the settings.
        search: directories as in PATH.

    Raises:
        HyperhiveError: there is none.
    """
    if configured is not None:
        if os.access(configured, os.X_OK) and Path(configured).is_file():
            return str(Path(configured).absolute())
        raise HyperhiveError(f"{configured} is not an executable file", _TODO)
    for directory in filter(None, search.split(os.pathsep)):
        candidate = Path(directory, "claude")
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return str(candidate.absolute())
    package = importlib.util.find_spec("claude_agent_sdk")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).with_name("_bundled") / "claude"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    raise HyperhiveError("claude is not installed", _TODO)


def probe(path: str, environment: Mapping[str, str]) -> Claude:
    """Ask an executable for its version and flags (`--version`, `--help`; no network, no files).

    Raises:
        HyperhiveError: it cannot be run, does not say a version, or is too old.
    """
    version = _ask(path, "--version", environment)
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    if found is None:
        raise HyperhiveError(f"{path} --version does not name a version: {version[:80]!r}", _TODO)
    number = tuple(map(int, found.groups()))
    if number < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise HyperhiveError(f"{path} is claude {found[0]}, older than {oldest}", "update it")
    flags = _ask(path, "--help", environment)
    return Claude(
        path,
        found[0],
        prompt_snapshot="--system-prompt-snapshot" in flags,
        announces_waits=number >= _ANNOUNCES_WAITS,
    )


def _ask(path: str, flag: str, environment: Mapping[str, str]) -> str:
    try:
        asked = subprocess.run(
            [path, flag],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise HyperhiveError(f"{path} {flag} took over {_PROBE_SECONDS} s", _TODO) from None
    except OSError as error:
        raise HyperhiveError(f"{path} cannot be run: {error.strerror}", _TODO) from None
    said = (asked.stdout or asked.stderr).decode("utf-8", "replace").strip()
    if asked.returncode != 0:
        raise HyperhiveError(f"{path} {flag} exited with status {asked.returncode}", _TODO)
    return said
