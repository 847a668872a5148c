"""Runs Nix away from the machine's own: a store, a configuration and a home of the tests.

Works for root and for an ordinary user, with no daemon and no network.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.tools import ROOT

HIVE: Final = """{ services.hyperhive = {
  enable = true;
  name = "lab";
  externalInterface = "eth0";
  agents.alice = { };
}; }"""
"""A hive of one agent on a network of its own."""
STUBS: Final = ROOT / "tests" / "nixos" / "stubs"
"""A stand-in for nixpkgs 26.05, laid out as nixpkgs is: what the modules use of it."""
UNSTABLE: Final = STUBS / "unstable"
"""The same of nixos-unstable, which is to be 26.11."""

EVALUATION: Final = ROOT / "tests" / "nixos" / "eval.nix"
"""What the tests ask of modules, as a function of a nixpkgs tree."""

CONFIGURATION: Final = """\
build-users-group =
experimental-features = nix-command flakes
flake-registry =
sandbox = false
substituters =
warn-dirty = false
"""

DEADLINE: Final = 300.0
"""Seconds that one Nix command may take; a NixOS system is evaluated in about 30."""


class NixError(Exception):
    """Nix ended with an error; the text is what it wrote to stderr."""


@dataclass(frozen=True, slots=True)
class Nix:
    """One installed version of Nix.

    Attributes:
        version: (2, 26) of 2.26.3.
        directory: where its programs are; None: on the PATH.
        home: a directory of the tests for store, state and configuration.
    """

    version: tuple[int, int]
    directory: Path | None
    home: Path

    def eval(self, expression: str, arguments: Mapping[str, str] | None = None) -> Any:
        """Return the value of a Nix expression.

        Args:
            expression: Nix source, a function of `arguments` if there are any.
            arguments: strings to call it with.

        Raises:
            NixError: it does not evaluate.
        """
        pairs = [word for pair in (arguments or {}).items() for word in ("--argstr", *pair)]
        # On an error Nix 2.8 prints the part of the JSON that it had: only the status tells.
        words = ("--eval", "--strict", "--json", *pairs, "--expr", expression)
        return json.loads(self.run("nix-instantiate", *words))

    def ask(self, nixpkgs: Path, question: str, *modules: str, **arguments: str) -> Any:
        """Return what `question`, an attribute of eval.nix, says of `modules` under `nixpkgs`.

        Args:
            nixpkgs: a nixpkgs tree, the stand-in or a real one.
            question: the attribute, `agent.json`.
            modules: Nix source of each module.
            arguments: further strings that eval.nix takes.

        Raises:
            NixError: it does not evaluate.
        """
        given = {"nixpkgs": str(nixpkgs), **arguments}
        names = " ".join(sorted(given))
        return self.eval(
            f"{{ {', '.join(sorted(given))} }}: (import {EVALUATION} {{ inherit {names};"
            f" modules = [ {' '.join(f'({module})' for module in modules)} ]; }}).{question}",
            given,
        )

    def parse(self, files: Sequence[Path]) -> None:
        """Parse every file.

        Raises:
            NixError: one is not Nix.
        """
        self.run("nix-instantiate", "--parse", *map(str, files))

    def flake(self, verb: str, reference: str, *words: str) -> Any:
        """Return the JSON of `nix flake VERB` or, for `eval`, of `nix eval`.

        Nothing is written beside the flake.

        Raises:
            NixError: the flake does not evaluate.
        """
        command = ("eval",) if verb == "eval" else ("flake", verb)
        return json.loads(
            self.run("nix", *command, "--json", "--no-write-lock-file", reference, *words)
        )

    def run(self, program: str, *words: str) -> str:
        """Return what a program of this Nix prints.

        Raises:
            NixError: it ended with a status other than 0.
        """
        path = program if self.directory is None else str(self.directory / program)
        done = subprocess.run(
            [path, *words],
            env=environment(self.home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        if done.returncode != 0:
            raise NixError(done.stderr)
        return done.stdout


def find(directory: Path | None, home: Path) -> Nix | None:
    """Return the Nix in `directory` (None: on the PATH), or None where there is none."""
    for program in ("nix", "nix-instantiate"):
        if shutil.which(program, path=None if directory is None else str(directory)) is None:
            return None
    unknown = Nix((0, 0), directory, home)
    (home / "nix.conf").write_text(CONFIGURATION)
    version = re.search(r"(\d+)\.(\d+)", unknown.run("nix", "--version"))
    assert version is not None, "nix --version names no version"
    return Nix((int(version[1]), int(version[2])), directory, home)


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a Nix that keeps everything it writes under `home`."""
    return {
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "NIX_CONF_DIR": str(home),
        "NIX_DATA_DIR": str(home / "data"),
        "NIX_LOG_DIR": str(home / "log"),
        "NIX_STATE_DIR": str(home / "state"),
        "NIX_STORE_DIR": str(home / "store"),
        "PATH": os.environ["PATH"],
    }
