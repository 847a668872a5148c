"""`python -I .../hyperhive/harness/__main__.py SETTINGS.json [PACKAGES ...]`: one agent's harness.

PACKAGES are directories with Python packages: systemd's, which logs to the journal, and jeepney,
with which turns are started as units.
Exit status: 0 after a stop signal, 2 if the settings cannot be used.
"""

import sys
from pathlib import Path

if not __package__:  # started by path: see command.py
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hyperhive.errors import HyperhiveError, InputError
from hyperhive.harness.launcher import Launcher, ProcessLauncher
from hyperhive.harness.processes import become_subreaper
from hyperhive.harness.service import Harness
from hyperhive.harness.settings import read_settings
from hyperhive.harness.unit import UnitLauncher
from hyperhive.logs import start_logging
from hyperhive.wire.settings import TurnLauncher


def main(arguments: list[str]) -> int:
    """Run a harness; returns the exit status."""
    try:
        if not arguments:
            raise InputError("an argument is needed", "name the agent's settings file")
        sys.path += arguments[1:]
        settings, digest = read_settings(Path(arguments[0]))
        start_logging("harness", settings.name)
        launcher: Launcher
        if settings.launcher is TurnLauncher.UNIT:
            launcher = UnitLauncher(settings)
        else:
            become_subreaper()
            launcher = ProcessLauncher(settings)
        Harness(settings, digest, launcher).run()
    except HyperhiveError as error:
        print(f"error: {error.what}\n  {error.todo}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
