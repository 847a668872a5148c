"""What a test needs from the machine: found, or the test is skipped with a reason.

With HYPERHIVE_REQUIRE_TOOLS=1 (set by `make ci`) a missing tool fails the test instead, so that
a machine that is meant to have everything cannot quietly test less.
"""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Final, TypeVar

ROOT: Final = Path(__file__).resolve().parent.parent
"""The top of the checkout."""

Found = TypeVar("Found")


def need(tool: str, found: Found | None, hint: str) -> Found:
    """Return `found`; without it skip the running test, or fail it where every tool is required.

    Args:
        tool: what is needed, in a few words ("nix-instantiate").
        found: what a search for it gave; None or any other false value means missing.
        hint: what to do to have it ("apt-get install nix-bin").
    """
    if found:
        return found
    import pytest  # programs that tests run import this module too, and need no pytest

    reason = f"{tool} is missing: {hint}"
    if os.environ.get("HYPERHIVE_REQUIRE_TOOLS") == "1":
        raise pytest.fail.Exception(reason, pytrace=False)
    raise pytest.skip.Exception(reason)


def program(name: str, hint: str) -> Path:
    """Return the path of the program `name` on the PATH, or skip or fail as `need` does."""
    found = shutil.which(name)
    return Path(need(name, found, hint))


def find_claude() -> Path | None:
    """Return the real claude CLI of this machine, or None.

    Looked for in $HYPERHIVE_CLAUDE, in the claude-agent-sdk package and on the PATH, in this order.
    """
    named = os.environ.get("HYPERHIVE_CLAUDE")
    if named:
        return Path(named)
    package = importlib.util.find_spec("claude_agent_sdk")
    if package is not None and package.origin is not None:
        bundled = Path(package.origin).parent / "_bundled" / "claude"
        if bundled.is_file():
            return bundled
    on_path = shutil.which("claude")
    return Path(on_path) if on_path else None
