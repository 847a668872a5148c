"""The commands that start a harness and the bridge."""

import sys
from pathlib import Path

from hyperhive.wire import sockets


def harness_command(settings: Path) -> list[str]:
    """The command of a harness.

    The script's path and not `-m`, so that it needs no search path: where the package is not
    installed for the interpreter itself (a wrapped program), an isolated one would not find it.
    Nor would it find systemd's module, which logs to the journal, and jeepney, which asks systemd:
    their directories are arguments.
    """
    script = Path(__file__).with_name("__main__.py")
    directories = _directories_of("systemd", "jeepney")
    return [sys.executable, "-I", str(script), str(settings), *directories]


def _directories_of(*packages: str) -> list[str]:
    """Where the packages are that there are; each directory once."""
    from importlib.util import find_spec  # not at the start: a running harness does not need it

    found = [find_spec(package) for package in packages]
    origins = [spec.origin for spec in found if spec is not None and spec.origin is not None]
    return [*dict.fromkeys(str(Path(origin).parent.parent) for origin in origins)]


def bridge_command(
    directory: str, proposed: str | None = None, proposals: str | None = None, hive: str = ""
) -> list[str]:
    """The command that claude starts as its MCP server `hyperhive`.

    Args:
        directory: the agent's socket directory.
        proposed, proposals, hive: as in `HarnessSettings`; for an agent that may propose changes.
    """
    bridge = Path(sockets.__file__).with_name("bridge.py")
    command = [sys.executable, "-I", "-S", str(bridge), f"{directory}/mcp.sock"]
    if proposed is None or proposals is None:
        return command
    return [*command, proposed, proposals, hive]
