"""The commands that start a harness and the bridge."""

import sys
from pathlib import Path

from hyperhive.wire import sockets


def harness_command(settings: Path) -> list[str]:
    """The command of a harness.

    The script's path and not `-m`, so that it needs no search path: where the package is not
    installed for the interpreter itself (a wrapped program), an isolated one would not find it.
    Nor would it find systemd's module, which logs to the journal: its directory is an argument.
    """
    script = Path(__file__).with_name("__main__.py")
    return [sys.executable, "-I", str(script), str(settings), *_directory_of("systemd")]


def _directory_of(package: str) -> list[str]:
    from importlib.util import find_spec  # not at the start: a running harness does not need it

    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return []
    return [str(Path(spec.origin).parent.parent)]


def bridge_command(directory: str) -> list[str]:
    """The command that claude starts as its MCP server `hyperhive`.

    Args:
        directory: the agent's socket directory.
    """
    bridge = Path(sockets.__file__).with_name("bridge.py")
    return [sys.executable, "-I", "-S", str(bridge), f"{directory}/mcp.sock"]
