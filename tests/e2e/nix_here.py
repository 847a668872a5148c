"""Nix in the testbed: the machine's own programs, with a store and a daemon of the testbed's own.

There is no network and no nixpkgs. A rendered flake takes its inputs from the testbed: the
project's own flake, and a stand-in for nixpkgs (nixpkgs/) whose systems are built of the machine's
programs.
"""

import shutil
from pathlib import Path
from typing import Final

from tests.e2e.testbed import Testbed
from tests.nixos.nix import CONFIGURATION, STUBS
from tests.tools import ROOT, program

DAEMON_SOCKET: Final = "/nix/var/nix/daemon-socket/socket"
PROGRAMS: Final = Path("/opt/nix/bin")
"""Where units look for Nix."""
FLAKES: Final = Path("/opt/flakes")
INPUTS: Final = {name: f"path:{FLAKES / name}" for name in ("hyperhive", "nixpkgs")}
"""What a declared hive says of the inputs of rendered flakes."""

_PARTS: Final = ("flake.nix", "modules", "pkgs/hyperhive", "templates")
_UNITS: Final = {
    "nix-daemon.socket": f"""\
[Socket]
ListenStream={DAEMON_SOCKET}
""",
    "nix-daemon.service": f"""\
[Service]
ExecStart={PROGRAMS}/nix-daemon --daemon
KillMode=process
""",
}


def install(testbed: Testbed) -> None:
    """Put Nix, its configuration, its daemon's units and the flakes into the testbed."""
    testbed.path("/etc/nix").mkdir(exist_ok=True)
    testbed.path("/etc/nix/nix.conf").write_text(CONFIGURATION)
    found = program("nix", "apt-get install nix-bin")
    testbed.path(PROGRAMS).mkdir(parents=True)
    for name in ("nix", "nix-daemon", "nix-env"):
        (testbed.path(PROGRAMS) / name).symlink_to(found.with_name(name))
    # On Debian it is a group's.
    testbed.path(DAEMON_SOCKET).parent.chmod(0o755)
    for name, text in _UNITS.items():
        testbed.unit(name, text)
    nixpkgs = testbed.path(FLAKES / "nixpkgs")
    shutil.copytree(Path(__file__).with_name("nixpkgs"), nixpkgs)
    shutil.copytree(STUBS, nixpkgs / "stubs")
    shutil.copy(STUBS.with_name("seen.nix"), nixpkgs)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for part in _PARTS:
        source, target = ROOT / part, testbed.path(FLAKES / "hyperhive" / part)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, target)
