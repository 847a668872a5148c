"""Which claude a local hive runs: the one on PATH, the one in the Python package, or a script."""

import os
from pathlib import Path
from typing import Final

from hyperhive.errors import HyperhiveError, InputError
from hyperhive.harness.claude import find_claude
from hyperhive.testing.scripted_claude import launcher

AUTO: Final = "auto"
SCRIPTED: Final = "scripted"


def chosen_claude(choice: str, directory: Path) -> Path:
    """The executable for `--claude auto|PATH|scripted`.

    Args:
        directory: where the launcher of the scripted stand-in may be written.

    Raises:
        InputError: there is none, or it cannot be executed.
    """
    if choice == SCRIPTED:
        return launcher(directory)
    try:
        return Path(find_claude(None if choice == AUTO else choice, os.environ.get("PATH", "")))
    except HyperhiveError as error:
        raise InputError(
            error.what, "install Claude Code, give --claude PATH, or try --claude scripted"
        ) from None
