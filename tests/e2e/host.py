"""The host of a hive: what NixOS's own modules and this project's make of the testbed.

Its units, directories, polkit rules, firewall and hive.json are those that the project's module
evaluates to, with the store paths of packages replaced by where the programs are here.
"""

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hyperhive.testing import scripted_claude
from tests.e2e import containers, environment, nix_here
from tests.e2e.environment import CHECKOUT, INTERPRETER
from tests.e2e.nix_here import INPUTS
from tests.e2e.system_builder import known_here, placed
from tests.e2e.testbed import Testbed
from tests.nixos.nix import EVALUATION, STUBS, find
from tests.nixos.unit_text import network_text, unit_text
from tests.tools import ROOT, need

EXPRESSION: Final = f"""\
{{ declared, nixpkgs }}:
let
  said = import {EVALUATION} {{
    inherit nixpkgs;
    modules = [ {{ services.hyperhive = builtins.fromJSON declared; }} ];
  }};
in
{{
  inherit (said.host)
    failed hive networks nftables polkit sysctl template tmpfiles units;
}}
"""
HIVE_FILE: Final = "/etc/hyperhive/hive.json"
RECONCILE: Final = "hyperhive-reconcile.service"
SWITCH_SECONDS: Final = 120.0
RULESET: Final = "/etc/hyperhive/ruleset.nft"
UNITS: Final = Path("/etc/systemd/system")

_RULESET_IN_STORE: Final = re.compile(r"/\S+-hyperhive\.nft\S*")
SCRIPTED_CLAUDE: Final = CHECKOUT / Path(scripted_claude.__file__).relative_to(ROOT).with_name(
    "__main__.py"
)
_RUNS_CLAUDE: Final = f"""\
#!/bin/sh
export SCRIPTED_CLAUDE_SCRIPT=/opt/claude/script.json
exec {INTERPRETER} -I {SCRIPTED_CLAUDE} "$@"
"""
_USERS: Final = """\
u hyperhive - "hyperhive's broker" /var/lib/hyperhive
u hyperhive-notify - "hyperhive's notifications"
"""


class Host:
    """The testbed with what every hive needs; `switch` gives it one."""

    def __init__(self, testbed: Testbed) -> None:
        self.testbed = testbed
        self._units: dict[str, str] = {}
        environment.install(testbed)
        containers.install(testbed)
        nix_here.install(testbed)
        self.write("/opt/claude/bin/claude", _RUNS_CLAUDE, mode=0o755)
        self.write("/etc/sysusers.d/hyperhive.conf", _USERS)
        # The machine's own rules are no part of this host.
        testbed.systemctl("mask", "--quiet", "nftables.service")
        # On Debian it is in sbin, in a package of Nix in bin.
        testbed.path("/usr/bin/nft").symlink_to("/usr/sbin/nft")
        testbed.run(["systemd-sysusers", "hyperhive.conf"])

    def write(self, place: str | Path, text: str, *, mode: int = 0o644) -> bool:
        """Write a file inside, and say whether that changed it."""
        file = self.testbed.path(place)
        if file.is_file() and file.read_text() == text:
            return False
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_name(f".{file.name}.half")
        half.write_text(text)
        half.chmod(mode)
        half.rename(file)
        return True

    def switch(self, declared: Mapping[str, Any]) -> None:
        """Make the host what it is with `services.hyperhive = declared`, as a switch of NixOS does.

        Units that run and whose text or triggers changed are restarted, others started; reconcile
        runs if the declaration changed. Returns when all have started; oneshots have ended then.
        """
        said = self._evaluate(declared)
        units = {
            name: known_here(_RULESET_IN_STORE.sub(RULESET, placed(unit_text(unit))))
            for name, unit in said["units"].items()
        }
        changed = {name for name, text in units.items() if self.write(UNITS / name, text)}
        for name, network in said["networks"].items():
            self.write(f"/etc/systemd/network/{name}.network", network_text(network))
        # NixOS writes it into the template itself.
        self.write(UNITS / "container@.service.d/nixos.conf", unit_text(said["template"]))
        if self.write(HIVE_FILE, json.dumps(said["hive"])):
            changed |= {"hyperhive.service", RECONCILE}
        if self.write(RULESET, said["nftables"]):
            changed.add("hyperhive-firewall.service")
        self.write("/etc/polkit-1/rules.d/10-nixos.rules", said["polkit"])
        self.write("/etc/tmpfiles.d/hyperhive.conf", placed("\n".join(said["tmpfiles"])) + "\n")
        self.testbed.systemctl("daemon-reload")
        self.testbed.run(["systemd-tmpfiles", "--create", "hyperhive.conf"])
        settings = [f"{name}={int(value)}" for name, value in said["sysctl"].items()]
        if settings:
            self.testbed.run(["sysctl", "--quiet", "-w", *settings])
        wanted = {name for name, unit in said["units"].items() if unit["wantedBy"]}
        # NixOS starts targets again, and stops none that stay.
        again = sorted(n for n in changed & wanted - {RECONCILE} if not n.endswith(".target"))
        if again:
            self.testbed.systemctl("try-restart", *again, timeout=SWITCH_SECONDS)
        started = wanted - ({RECONCILE} - changed)
        self.testbed.systemctl("start", *sorted(started), timeout=SWITCH_SECONDS)

    def _evaluate(self, declared: Mapping[str, Any]) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as home:
            nix = need("nix-instantiate", find(None, Path(home)), "apt-get install nix-bin")
            settings = {"inputs": INPUTS, **declared.get("settings", {})}
            given = {"enable": True, **declared, "settings": settings}
            arguments = {"declared": json.dumps(given), "nixpkgs": str(STUBS)}
            said: dict[str, Any] = nix.eval(EXPRESSION, arguments)
        assert said["failed"] == []
        return said
