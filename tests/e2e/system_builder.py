"""Builds a container's system in the testbed, for the derivation in nixpkgs/toplevel.nix.

    python -S -m tests.e2e.system_builder SAID OUT

Of a NixOS system it has what the module declares and what a container needs to boot, and nothing
else: programs are the machine's. Standard library only.
"""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.e2e.systems import System, write_system
from tests.nixos.unit_text import unit_text

PLACES: Final = {"claude-code": "/opt/claude", "hyperhive": "/opt/hyperhive", "nix": "/opt/nix"}
"""Where a package is in the testbed, if not in /usr."""
SINCE_254: Final = 254
"""The first systemd that knows ImportCredential=, RestartSteps= and RestartMaxDelaySec=."""

_PACKAGE: Final = re.compile(
    r"/[^\s\"':=]*/[a-z0-9]{32}-([A-Za-z][A-Za-z0-9]*(?:-[a-z]+)*)-[0-9.]+"
)


def placed(text: str) -> str:
    """`text` with the paths of packages in the store replaced by where they are here."""
    return _PACKAGE.sub(lambda found: PLACES.get(found[1], "/usr"), text)


def known_here(text: str) -> str:
    """`text` of a unit, in the words of the systemd of this machine."""
    if systemd_version() < SINCE_254:
        text = re.sub(r"(?m)^(RestartSteps|RestartMaxDelaySec)=.*\n", "", text)
        # Without a path it takes a credential of the manager's too, but says when there is none.
        text = text.replace("ImportCredential=", "LoadCredential=")
    return text


@cache
def systemd_version() -> int:
    """The version of this machine's systemd: 252."""
    words = subprocess.run(["systemctl", "--version"], capture_output=True, text=True).stdout
    return int(words.split()[1])


def system_of(said: dict[str, Any]) -> System:
    """The system that an evaluated configuration describes."""
    files = {
        name: f"-> {file['link']}" if "link" in file else placed(file["text"])
        for name, file in said["etc"].items()
    }
    units = {name: known_here(placed(unit_text(unit))) for name, unit in said["units"].items()}
    settings = tuple(text for name, text in files.items() if name.startswith("hyperhive/"))
    user = said["user"]
    return System(
        name=said["hostName"],
        files=files,
        units=units,
        wanted=tuple(name for name, unit in said["units"].items() if unit["wantedBy"]),
        # The units of the module are restarted when their settings have changed.
        restarts={name: (text, *settings) for name, text in units.items()},
        tmpfiles=tuple(said["tmpfiles"]),
        users=(f"agent:x:{user['uid']}:{user['gid']}::{user['home']}:/bin/bash",),
        groups=(f"agent:x:{user['gid']}:",),
    )


def main(said: str, out: str) -> None:
    """Make the system at `out` that the file `said` tells of."""
    write_system(system_of(json.loads(Path(said).read_text())), Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
