"""Which claude a local hive runs: the one on PATH, the one in the Python package, or a script."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Final

from hyperhive.errors import InputError
from hyperhive.testing.scripted_claude import launcher

AUTO: Final = "auto"
SCRIPTED: Final = "scripted"


def find_claude(choice: str, directory: Path) -> Path:
    """The executable for `--claude auto|PATH|scripted`.

    Args:
        directory: where the launcher of the scripted stand-in may be written.

    Raises:
        InputError: there is none, or it cannot be executed.
    """
    if choice == SCRIPTED:
        return launcher(directory)
    if choice == AUTO:
        return _search()
    path = Path(choice).absolute()
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise InputError(f"{choice} is no executable file", "give the path of claude, or `auto`")
    return path


def _search() -> Path:
    if found := shutil.which("claude"):
        return Path(found).absolute()
    package = importlib.util.find_spec("claude_agent_sdk")
    for place in (package and package.submodule_search_locations) or ():
        bundled = Path(place) / "_bundled" / "claude"
        if bundled.is_file():
            return bundled
    raise InputError(
        "claude is not on PATH, nor in this Python environment",
        "install Claude Code, give --claude PATH, or try --claude scripted",
    )
