"""A stand-in for the claude CLI that follows a script instead of asking a model.

Everything around the model is real: it takes the CLI's flags, starts the MCP servers it is given,
calls their tools, checks Bash commands against the rules, keeps sessions, and prints the CLI's
stream-json events. `hyperhive up --claude scripted` and `make demo` use it, and tests that need a
whole hive in little time. It is checked against recordings of the real CLI.

Every turn waits for its start, so what can be a named tuple is one: a frozen dataclass takes ten
times as long to define.

Run as `python -I -m hyperhive.testing.scripted_claude`; script.py describes the script, which
$SCRIPTED_CLAUDE_SCRIPT names (default: demo.json beside this file).
"""

import shlex
import sys
from pathlib import Path

__all__ = ["launcher"]


def launcher(directory: Path) -> Path:
    """Write an executable file that is the stand-in, and return its path.

    Args:
        directory: where to write it; must exist.

    Raises:
        OSError: it cannot be written.
    """
    # A shell script: the path of an interpreter may be too long for a "#!" line. And the program's
    # path, not `-m`: an isolated interpreter that was wrapped would not find the package.
    path = directory / "claude"
    program = Path(__file__).with_name("__main__.py")
    command = f"exec {shlex.quote(sys.executable)} -I {shlex.quote(str(program))}"
    path.write_text(f'#!/bin/sh\n{command} "$@"\n')
    path.chmod(0o755)
    return path
