"""`nix build` and `nix-env --set` as reconcile calls them, where there is no nixpkgs to build from.

The real Nix evaluates the agent's own agent.nix with the project's real module for agents, over the
stand-in for nixpkgs. What comes out is put together to a system by `systems.py` instead of being
built: of a NixOS system it has what the module declares and what a container needs to boot, and
nothing else (no packages: programs are the machine's). As with Nix, whoever asks for a build
evaluates, and a daemon alone writes to the store. All three are installed in the testbed.

    python -m tests.e2e.nix_stand_in nix build [FLAG...] path:DIR#nixosConfigurations."container"...
    python -m tests.e2e.nix_stand_in nix-env --profile PROFILE --set PATH
    python -m tests.e2e.nix_stand_in nix-daemon
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.e2e.systems import System, write_system
from tests.nixos.nix import EVALUATION, STUBS, Nix, NixError, find
from tests.nixos.unit_text import unit_text

STORE: Final = Path("/nix/store")
DAEMON_SOCKET: Final = "/nix/var/nix/daemon-socket/socket"
EXPRESSION: Final = f"""\
{{ agent, nixpkgs }}:
let
  said = import {EVALUATION} {{ inherit nixpkgs; modules = [ (/. + agent) ]; }};
in
{{ inherit (said.agent) etc failed hostName tmpfiles units user; }}
"""
PLACES: Final = {"claude-code": "/opt/claude", "hyperhive": "/opt/hyperhive", "nix": "/opt/nix"}
"""Where a package is in the testbed, if not in /usr."""
SINCE_254: Final = 254
"""The first systemd that knows ImportCredential=, RestartSteps= and RestartMaxDelaySec=."""

_PACKAGE: Final = re.compile(
    r"/[^\s\"':=]*/[a-z0-9]{32}-([A-Za-z][A-Za-z0-9]*(?:-[a-z]+)*)-[0-9.]+"
)
_INSTALLABLE: Final = re.compile(
    r'path:(/[^#?]+)#nixosConfigurations\."?[a-z0-9-]+"?\.config\.system\.build\.toplevel'
)


def placed(text: str) -> str:
    """`text` with the paths of packages in the store replaced by where they are here."""
    return _PACKAGE.sub(lambda found: PLACES.get(found[1], "/usr"), text)


def evaluate(directory: Path, nix: Nix) -> System:
    """Return the system that `directory`, an agent's flake, describes.

    Raises:
        NixError: it does not evaluate, or an assertion does not hold.
    """
    said = nix.eval(EXPRESSION, {"agent": str(directory / "agent.nix"), "nixpkgs": str(STUBS)})
    if said["failed"]:
        raise NixError("\n".join(["error: Failed assertions:", *said["failed"]]))
    return _system(said)


def build(system: System) -> str:
    """Have the daemon put `system` into the store; return its path there.

    Raises:
        OSError: no daemon answers.
        NixError: it could not.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(DAEMON_SOCKET)
        connection.sendall(json.dumps(asdict(system)).encode())
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile() as answer:
            path = answer.read()
    if not path:
        raise NixError("error: the daemon could not build it: see journalctl -u 'nix-daemon@*'")
    return path


def _system(said: dict[str, Any]) -> System:
    files = {
        name: f"-> {file['source']}" if file["text"] is None else placed(file["text"])
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


def set_profile(profile: Path, system: Path) -> None:
    """Make `profile` a link to a new generation, which is `system`."""
    newest = max(
        (int(link.name.split("-")[-2]) for link in profile.parent.glob(f"{profile.name}-*-link")),
        default=0,
    )
    generation = profile.with_name(f"{profile.name}-{newest + 1}-link")
    generation.symlink_to(system)
    half = profile.with_name(f".{profile.name}.{os.getpid()}")
    half.symlink_to(generation.name)
    half.rename(profile)


def main(words: Sequence[str]) -> int:
    """Do what one command line asks for."""
    match words:
        case ["nix", "--version"]:
            print("nix (Nix) 2.24.0")
        case ["nix", *flags] if "build" in flags and (found := _INSTALLABLE.fullmatch(flags[-1])):
            with tempfile.TemporaryDirectory() as home:
                nix = find(Path("/usr/bin"), Path(home))
                assert nix is not None
                try:
                    print(build(evaluate(Path(found[1]), nix)))
                except NixError as error:
                    print(error, file=sys.stderr)
                    return 1
        case ["nix-env", "--profile", profile, "--set", system]:
            set_profile(Path(profile), Path(system))
        case ["nix-daemon"]:
            print(write_system(System(**json.load(sys.stdin)), STORE), end="")
        case _:
            print(f"error: not here: {json.dumps(list(words))}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
